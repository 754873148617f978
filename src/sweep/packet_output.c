#include "sweep/packet_output.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/npy.h"

const char m4s_packet_link_columns[] =
    ",packets,queue_mean_bytes,queue_p50_bytes,queue_p90_bytes,queue_p99_bytes,queue_max_bytes,"
    "ecn_marks,drops,pfc_pauses_sent,pfc_pauses_received,pfc_paused_ns";

m4s_status_t m4s_packet_link_add(const m4s_network_model_t *model, int32_t link, m4s_text_t *text) {
  m4s_packet_link_telemetry_t told;
  m4s_packet_link_telemetry(model, link, &told);
  M4S_TRY(m4s_text_add(text, ",%" PRId64, told.packets));
  if (told.queue_max_bytes < 0) {
    M4S_TRY(m4s_text_add(text, ",,,,,"));
  } else {
    M4S_TRY(m4s_text_add(text, ",%.3f,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64,
                         told.queue_mean_bytes, told.queue_p50_bytes, told.queue_p90_bytes,
                         told.queue_p99_bytes, told.queue_max_bytes));
  }
  return m4s_text_add(text, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64,
                      told.n_marked, told.n_dropped, told.n_pauses_sent, told.n_pauses,
                      told.paused_ns);
}

// A record of packet_flows.npy.
typedef struct {
  int64_t packets, retransmitted, dropped, fct_ack_ns, fct_received_ns;
} row_t;

static const m4s_npy_member_t members[] = {{"packets", "<i8"},
                                           {"retransmitted", "<i8"},
                                           {"dropped", "<i8"},
                                           {"fct_ack_ns", "<i8"},
                                           {"fct_received_ns", "<i8"}};

m4s_status_t m4s_packet_flows_write(const char *path, const m4s_network_model_t *model,
                                    const int32_t *record_of_flow, int64_t n_flows) {
  row_t *rows = calloc((size_t)n_flows + 1, sizeof *rows);
  if (rows == NULL) {
    return m4s_fail_memory("packet_flows.npy");
  }
  for (int64_t i = 0; i < n_flows; i++) {
    m4s_packet_flow_result_t flow = m4s_packet_flow_result(model, i);
    rows[record_of_flow == NULL ? i : record_of_flow[i]] =
        (row_t){.packets = flow.n_packets,
                .retransmitted = flow.n_retransmitted,
                .dropped = flow.n_dropped,
                .fct_ack_ns = flow.fct_ack_ns,
                .fct_received_ns = flow.fct_received_ns};
  }
  m4s_status_t status = m4s_npy_write(path, members, sizeof members / sizeof *members, rows,
                                      sizeof *rows, (size_t)n_flows);
  free(rows);
  return status;
}
