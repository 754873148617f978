#include "core/units.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/text.h"

typedef struct {
  const char *suffix;
  double scale;
} unit_t;

// Longer suffixes first: "ns" before "s".
static const unit_t bandwidth_units[] = {
    {"Tbps", 1e12}, {"Gbps", 1e9}, {"Mbps", 1e6}, {"Kbps", 1e3}, {"bps", 1},
    {"Tb/s", 1e12}, {"Gb/s", 1e9}, {"Mb/s", 1e6}, {"Kb/s", 1e3}, {"b/s", 1}};
static const unit_t delay_units[] = {{"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"s", 1e9}};

static bool parse_quantity(const char *text, const unit_t *units, size_t n_units, double max,
                           int64_t *value_out) {
  size_t length = strlen(text);
  char number[64];
  for (size_t i = 0; i < n_units; i++) {
    size_t n_suffix = strlen(units[i].suffix);
    if (length <= n_suffix || length - n_suffix >= sizeof number ||
        strcmp(text + length - n_suffix, units[i].suffix) != 0) {
      continue;
    }
    memcpy(number, text, length - n_suffix);
    number[length - n_suffix] = '\0';
    double value;
    if (!m4s_parse_double(number, &value)) {
      return false;
    }
    double scaled = value * units[i].scale;
    double whole = round(scaled);
    // Decimal fractions such as 0.000025 ms are not exact in binary; what is off by more is not
    // whole.
    if (scaled < 0 || whole > max || fabs(scaled - whole) > 1e-6 * fmax(1.0, whole * 1e-6)) {
      return false;
    }
    *value_out = (int64_t)whole;
    return true;
  }
  return false;
}

bool m4s_parse_bandwidth(const char *text, int64_t *bps_out) {
  int64_t bps;
  if (!parse_quantity(text, bandwidth_units, sizeof bandwidth_units / sizeof *bandwidth_units, 1e15,
                      &bps) ||
      bps == 0) {
    return false;
  }
  *bps_out = bps;
  return true;
}

bool m4s_parse_delay(const char *text, int64_t *ns_out) {
  return parse_quantity(text, delay_units, sizeof delay_units / sizeof *delay_units, 1e12, ns_out);
}
