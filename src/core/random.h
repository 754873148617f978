// Random streams: one for every (seed, purpose, index), independent of each other and the same on
// every machine.
//
// The generator is xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number
// generators", 2021) as a gsl_rng: the GNU Scientific Library's own ones take seeds of 32 bits, too
// few for streams by name.
#pragma once

#include <gsl/gsl_rng.h>
#include <stdint.h>

// Stays where it was initialised: `gsl` points into it.
typedef struct {
  gsl_rng gsl;  // for the functions of GSL
  uint64_t state[4];
} m4s_random_t;

// The stream of `purpose`, a text such as "flow sizes"; `index` tells streams of one purpose apart.
void m4s_random_init(m4s_random_t *random, uint64_t seed, const char *purpose, uint64_t index);

// 64 random bits.
static inline uint64_t m4s_random_bits(m4s_random_t *random) {
  uint64_t *s = random->state;
  uint64_t x = s[1] * 5;
  uint64_t bits = (x << 7 | x >> 57) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = s[3] << 45 | s[3] >> 19;
  return bits;
}

// [0, 1), a multiple of 2^-53.
static inline double m4s_random_uniform(m4s_random_t *random) {
  return (double)(m4s_random_bits(random) >> 11) * 0x1p-53;
}

// 0 … n-1, n > 0. The probabilities differ by less than n * 2^-64.
static inline int64_t m4s_random_below(m4s_random_t *random, int64_t n) {
  __extension__ typedef unsigned __int128 wide_t;
  return (int64_t)((wide_t)m4s_random_bits(random) * (uint64_t)n >> 64);
}

// Normal with mean 0 and variance 1, by Marsaglia's polar method.
double m4s_random_normal(m4s_random_t *random);

// Puts items 0 … n-1 into random order.
void m4s_random_shuffle(m4s_random_t *random, int32_t *items, int64_t n);
