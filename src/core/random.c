#include "core/random.h"

#include <gsl/gsl_randist.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "core/elementary.h"
#include "core/text.h"

_Static_assert(ULONG_MAX == UINT64_MAX, "gsl_rng's numbers have 64 bits");

static m4s_random_t *stream_of(void *state) {
  return (m4s_random_t *)((char *)state - offsetof(m4s_random_t, state));
}

static unsigned long get_bits(void *state) { return m4s_random_bits(stream_of(state)); }

static double get_uniform(void *state) { return m4s_random_uniform(stream_of(state)); }

// splitmix64 (Steele, Lea and Flood, 2014), as xoshiro's authors recommend for its state.
static void fill_state(void *state, unsigned long key) {
  uint64_t *words = state;
  for (int i = 0; i < 4; i++) {
    uint64_t x = key += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    words[i] = x ^ x >> 31;
  }
}

static const gsl_rng_type stream_type = {.name = "xoshiro256**",
                                         .max = ULONG_MAX,
                                         .min = 0,
                                         .size = sizeof(uint64_t[4]),
                                         .set = fill_state,
                                         .get = get_bits,
                                         .get_double = get_uniform};

// The number's bytes in one order on every machine.
static uint64_t hash_number(uint64_t hash, uint64_t number) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) {
    bytes[i] = (unsigned char)(number >> 8 * i);
  }
  return m4s_hash_bytes(hash, bytes, sizeof bytes);
}

void m4s_random_init(m4s_random_t *random, uint64_t seed, const char *purpose, uint64_t index) {
  uint64_t hash = hash_number(M4S_HASH_START, seed);
  hash = m4s_hash_bytes(hash, purpose, strlen(purpose) + 1);
  fill_state(random->state, hash_number(hash, index));
  random->gsl = (gsl_rng){.type = &stream_type, .state = random->state};
}

double m4s_random_normal(m4s_random_t *random) {
  for (;;) {
    double x = 2 * m4s_random_uniform(random) - 1;
    double y = 2 * m4s_random_uniform(random) - 1;
    double r2 = x * x + y * y;
    if (r2 > 0 && r2 < 1) {
      return x * sqrt(-2 * m4s_real_log(r2) / r2);
    }
  }
}

void m4s_random_shuffle(m4s_random_t *random, int32_t *items, int64_t n) {
  gsl_ran_shuffle(&random->gsl, items, (size_t)n, sizeof *items);
}
