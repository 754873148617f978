// Flow files of the HPCC family: what is accepted starts in order between hosts that are there.
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "packet/hpcc_flows.h"

enum { N_HOSTS = 8 };

static void check(const m4s_hpcc_flows_t *flows) {
  for (int64_t i = 0; i < flows->n_flows; i++) {
    const m4s_flow_record_t *record = &flows->records[i];
    int64_t before_ns = i == 0 ? 0 : flows->records[i - 1].start_ns;
    if (record->id != i || record->src < 0 || record->src >= N_HOSTS || record->dst < 0 ||
        record->dst >= N_HOSTS || record->src == record->dst || record->size_bytes <= 0 ||
        record->start_ns < before_ns || m4s_hpcc_flow_id(flows, i) < 0) {
      abort();
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  for (m4s_packet_profile_t profile = M4S_PROFILE_HPCC; profile <= M4S_PROFILE_M4; profile++) {
    m4s_hpcc_flows_t flows = {0};
    m4s_status_t status = m4s_hpcc_flows_parse(text, "fuzz.txt", profile, N_HOSTS, &flows);
    fuzz_check_status(status, "fuzz.txt");
    if (status == M4S_OK) {
      check(&flows);
    }
    m4s_hpcc_flows_clear(&flows);
  }
  free(text);
  return 0;
}
