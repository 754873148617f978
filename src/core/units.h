// The one place where units are converted. Base units: ns (int64), bytes (int64), bits/s (int64).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define M4S_NS_PER_US INT64_C(1000)
#define M4S_NS_PER_MS INT64_C(1000000)
#define M4S_NS_PER_S INT64_C(1000000000)
#define M4S_BPS_PER_GBPS INT64_C(1000000000)

static inline double m4s_ns_to_us(int64_t ns) { return (double)ns / 1e3; }

// bits/s to bytes/ns, the rate unit of the fluid models.
static inline double m4s_bps_to_bytes_per_ns(int64_t bps) { return (double)bps / 8e9; }

// "400Gbps", "2.5Tbps", "100Mb/s", "9600bps": false unless a whole number of bits/s, 1 to
// 10^15.
bool m4s_parse_bandwidth(const char *text, int64_t *bps_out);

// "0.0005ms", "500ns", "1us", "0s": false unless a whole number of nanoseconds, 0 to 10^12.
bool m4s_parse_delay(const char *text, int64_t *ns_out);
