// Configuration files of the HPCC family of ns-3 simulators: a line "KEY value…" per setting.
#pragma once

#include "packet/rules.h"

// Start from {0}; free with m4s_hpcc_config_clear().
typedef struct {
  m4s_packet_rules_t rules;
  bool ecn_of_listed_rates;  // KMIN_MAP and its fellows: ports of other rates have no thresholds
  char *topology_file, *flow_file;  // owned, as the file has them; NULL: not named
  int64_t stop_ns;  // SIMULATOR_STOP_TIME; M4S_TIME_NEVER: none
  int64_t queue_start_ns, queue_end_ns;  // QLEN_MON_START, QLEN_MON_END; 0, M4S_TIME_NEVER: none
} m4s_hpcc_config_t;

// The rules are those of the profile with the file's CC_MODE, changed by its other keys. Refused
// (M4S_ERR_INPUT, with file, line and column): unknown keys, with the nearest; keys that stand
// twice; values outside their range, or that ask for what is not simulated, with the reason; keys
// that contradict each other. Names of output files and settings of monitors other than that of
// queues are read over.
m4s_status_t m4s_hpcc_config_read(const char *path, m4s_packet_profile_t profile,
                                  m4s_hpcc_config_t *config_out);
m4s_status_t m4s_hpcc_config_parse(const char *text, const char *path, m4s_packet_profile_t profile,
                                   m4s_hpcc_config_t *config_out);
void m4s_hpcc_config_clear(m4s_hpcc_config_t *config);

// Seconds as a configuration or flow file has them, in the profile's ns: the code base on ns-3.17
// takes the floor of the double, the others round. 0 to 4e9.
int64_t m4s_hpcc_seconds_to_ns(m4s_packet_profile_t profile, double seconds);
