#include "packet/hpcc_queues.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KB = 1000, MAX_TRACE_BYTES = 1 << 30 };

// A port of a switch.
typedef struct {
  int64_t bytes;  // since the last change
  int64_t n_samples;  // taken
  uint64_t *counts;  // owned, [n_counts]
  size_t n_counts;
} queue_t;

struct m4s_hpcc_queues {
  const m4s_topology_t *topology;
  int64_t start_ns, end_ns;
  int64_t dumped_ns;  // time of the last dump; -1: none
  int64_t next_dump_ns;
  queue_t *queues;  // owned, [n_links]
  m4s_text_t text;
  m4s_packet_observer_t observer;
};

// Samples that are taken up to a time, which is included.
static int64_t samples_until(const m4s_hpcc_queues_t *trace, int64_t ns) {
  if (ns < trace->start_ns) {
    return 0;
  }
  int64_t n = (ns - trace->start_ns) / M4S_HPCC_QUEUE_INTERVAL_NS + 1;
  int64_t span_ns = trace->end_ns - trace->start_ns;
  int64_t n_all =
      span_ns / M4S_HPCC_QUEUE_INTERVAL_NS + (span_ns % M4S_HPCC_QUEUE_INTERVAL_NS != 0) + 1;
  return n < n_all ? n : n_all;
}

// Takes a queue's samples up to a time.
static m4s_status_t sample(const m4s_hpcc_queues_t *trace, queue_t *queue, int64_t ns) {
  int64_t n = samples_until(trace, ns) - queue->n_samples;
  if (n <= 0) {
    return M4S_OK;
  }
  size_t kb = (size_t)(queue->bytes / KB);
  if (kb >= queue->n_counts) {
    uint64_t *counts = realloc(queue->counts, (kb + 1) * sizeof *counts);
    if (counts == NULL) {
      return m4s_fail_memory("a queue length trace");
    }
    memset(counts + queue->n_counts, 0, (kb + 1 - queue->n_counts) * sizeof *counts);
    queue->counts = counts;
    queue->n_counts = kb + 1;
  }
  queue->counts[kb] += (uint64_t)n;
  queue->n_samples += n;
  return M4S_OK;
}

static m4s_status_t dump_port(m4s_hpcc_queues_t *trace, int32_t node, int32_t port, int64_t ns) {
  const m4s_topology_t *topology = trace->topology;
  queue_t *queue = &trace->queues[topology->adjacency[topology->adjacency_start[node] + port]];
  M4S_TRY(sample(trace, queue, ns));
  M4S_TRY(m4s_text_add(&trace->text, "%d %d", node, port + 1));
  for (size_t i = 0; i < queue->n_counts; i++) {
    M4S_TRY(m4s_text_add(&trace->text, " %" PRIu64, queue->counts[i]));
  }
  return m4s_text_add(&trace->text, "\n");
}

static m4s_status_t dump(m4s_hpcc_queues_t *trace, int64_t ns) {
  const m4s_topology_t *topology = trace->topology;
  M4S_TRY(m4s_text_add(&trace->text, "time: %" PRId64 "\n", ns));
  for (int32_t node = topology->n_hosts; node < topology->n_nodes; node++) {
    int32_t n_ports = topology->adjacency_start[node + 1] - topology->adjacency_start[node];
    for (int32_t port = 0; topology->kinds[node] == M4S_NODE_SWITCH && port < n_ports; port++) {
      M4S_TRY(dump_port(trace, node, port, ns));
    }
  }
  trace->dumped_ns = ns;
  if (trace->text.length > MAX_TRACE_BYTES) {
    return m4s_fail(M4S_ERR_SIMULATION,
                    "the queue length trace passes %d bytes at %" PRId64
                    " ns: QLEN_MON_START and QLEN_MON_END can narrow it",
                    MAX_TRACE_BYTES, ns);
  }
  return M4S_OK;
}

// Writes the dumps that are due before or at a time.
static m4s_status_t dump_until(m4s_hpcc_queues_t *trace, int64_t ns) {
  for (; trace->next_dump_ns <= ns && trace->next_dump_ns <= trace->end_ns;
       trace->next_dump_ns += M4S_HPCC_QUEUE_DUMP_INTERVAL_NS) {
    if (trace->next_dump_ns >= trace->start_ns) {
      M4S_TRY(dump(trace, trace->next_dump_ns));
    }
  }
  return M4S_OK;
}

static m4s_status_t observe(void *context, const m4s_packet_event_t *event) {
  m4s_hpcc_queues_t *trace = context;
  queue_t *queue = &trace->queues[event->link];
  M4S_TRY(dump_until(trace, event->time_ns));
  M4S_TRY(sample(trace, queue, event->time_ns));
  queue->bytes = event->queue_bytes;
  return M4S_OK;
}

m4s_status_t m4s_hpcc_queues_create(const m4s_topology_t *topology, int64_t start_ns,
                                    int64_t end_ns, m4s_hpcc_queues_t **queues_out) {
  m4s_hpcc_queues_t *trace = calloc(1, sizeof *trace);
  queue_t *queues = calloc((size_t)topology->n_links + 1, sizeof *queues);
  if (trace == NULL || queues == NULL) {
    free(trace);
    free(queues);
    return m4s_fail_memory("a queue length trace");
  }
  int64_t n_before = start_ns / M4S_HPCC_QUEUE_DUMP_INTERVAL_NS;
  *trace = (m4s_hpcc_queues_t){
      .topology = topology,
      .start_ns = start_ns,
      .end_ns = end_ns > start_ns ? end_ns : start_ns,
      .dumped_ns = -1,
      .next_dump_ns = n_before * M4S_HPCC_QUEUE_DUMP_INTERVAL_NS,
      .queues = queues,
      .observer = {.kinds = M4S_PACKET_ENQUEUED | M4S_PACKET_DEQUEUED,
                   .observe = observe,
                   .context = trace},
  };
  *queues_out = trace;
  return M4S_OK;
}

void m4s_hpcc_queues_destroy(m4s_hpcc_queues_t *trace) {
  if (trace == NULL) {
    return;
  }
  for (int32_t i = 0; i < trace->topology->n_links; i++) {
    free(trace->queues[i].counts);
  }
  free(trace->queues);
  m4s_text_clear(&trace->text);
  free(trace);
}

m4s_packet_observer_t *m4s_hpcc_queues_observer(m4s_hpcc_queues_t *trace) {
  return &trace->observer;
}

m4s_status_t m4s_hpcc_queues_finish(m4s_hpcc_queues_t *trace, int64_t now_ns,
                                    m4s_text_t *text_out) {
  M4S_TRY(dump_until(trace, now_ns));
  if (now_ns >= trace->start_ns && trace->dumped_ns < now_ns) {
    M4S_TRY(dump(trace, now_ns));
  }
  *text_out = trace->text;
  trace->text = (m4s_text_t){0};
  return M4S_OK;
}
