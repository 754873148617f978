#include "packet/trace.h"

#include <stdlib.h>

#include "core/file.h"
#include "core/npy.h"
#include "flow/components.h"
#include "packet/network.h"

static const m4s_npy_member_t event_members[] = {
    {"time_ns", "<i8"}, {"flow", "<i4"},       {"kind", "|u1"},   {"first_flow", "<i8"},
    {"n_flows", "<i4"}, {"first_link", "<i8"}, {"n_links", "<i4"}};
static const m4s_npy_member_t flow_members[] = {{"flow", "<i4"}, {"remaining_bytes", "<i8"}};
static const m4s_npy_member_t link_members[] = {{"link", "<i4"}, {"queue_bytes", "<i8"}};
static const m4s_npy_member_t path_members[] = {{"flow", "<i4"}, {"link", "<i4"}};

typedef enum { EVENTS, FLOWS, LINKS, PATHS, N_FILES } trace_file_t;

static const struct {
  const char *name;
  const m4s_npy_member_t *members;
  size_t n_members, record_bytes;
} files[N_FILES] = {
    [EVENTS] = {"events.npy", event_members, M4S_COUNT(event_members), sizeof(m4s_trace_event_t)},
    [FLOWS] = {"flows.npy", flow_members, M4S_COUNT(flow_members), sizeof(m4s_trace_flow_t)},
    [LINKS] = {"links.npy", link_members, M4S_COUNT(link_members), sizeof(m4s_trace_link_t)},
    [PATHS] = {"paths.npy", path_members, M4S_COUNT(path_members), sizeof(m4s_trace_hop_t)},
};

struct m4s_packet_trace {
  const network_t *network;
  bool states;
  m4s_packet_observer_t observer;
  m4s_components_t components;
  m4s_npy_stream_t streams[N_FILES];
};

static m4s_status_t write_flows(m4s_packet_trace_t *trace, const m4s_component_t *component) {
  for (int32_t i = 0; i < component->n_flows; i++) {
    const sender_t *sender = &trace->network->senders[component->flows[i]];
    const m4s_trace_flow_t row = {.flow = component->flows[i],
                                  .remaining_bytes = sender->size_bytes - sender->expected_byte};
    M4S_TRY(m4s_npy_stream_add(&trace->streams[FLOWS], &row, 1));
  }
  return M4S_OK;
}

static m4s_status_t write_links(m4s_packet_trace_t *trace, const m4s_component_t *component) {
  for (int32_t i = 0; i < component->n_links; i++) {
    const m4s_trace_link_t row = {
        .link = component->links[i],
        .queue_bytes = queued_bytes(&trace->network->ports[component->links[i]])};
    M4S_TRY(m4s_npy_stream_add(&trace->streams[LINKS], &row, 1));
  }
  return M4S_OK;
}

// An event, with its component, which is empty after its last flow.
static m4s_status_t write_event(m4s_packet_trace_t *trace, int64_t flow, m4s_trace_kind_t kind,
                                const m4s_component_t *component) {
  const m4s_trace_event_t row = {.time_ns = now_of(trace->network),
                                 .flow = (int32_t)flow,
                                 .kind = (uint8_t)kind,
                                 .first_flow = (int64_t)trace->streams[FLOWS].n_records,
                                 .n_flows = trace->states ? component->n_flows : 0,
                                 .first_link = (int64_t)trace->streams[LINKS].n_records,
                                 .n_links = trace->states ? component->n_links : 0};
  M4S_TRY(m4s_npy_stream_add(&trace->streams[EVENTS], &row, 1));
  if (!trace->states) {
    return M4S_OK;
  }
  M4S_TRY(write_flows(trace, component));
  return write_links(trace, component);
}

static m4s_status_t arrive(m4s_packet_trace_t *trace, int64_t flow) {
  const sender_t *sender = &trace->network->senders[flow];
  const int32_t *path = path_of(trace->network, sender);
  M4S_TRY(m4s_components_join(&trace->components, (int32_t)flow, path, sender->n_hops));
  for (int32_t hop = 0; hop < sender->n_hops; hop++) {
    const m4s_trace_hop_t row = {.flow = (int32_t)flow, .link = path[hop]};
    M4S_TRY(m4s_npy_stream_add(&trace->streams[PATHS], &row, 1));
  }
  return write_event(trace, flow, M4S_TRACE_ARRIVAL,
                     m4s_components_of(&trace->components, (int32_t)flow));
}

static m4s_status_t complete(m4s_packet_trace_t *trace, int64_t flow) {
  const sender_t *sender = &trace->network->senders[flow];
  int32_t id = trace->components.flows[flow].component;
  m4s_components_leave(&trace->components, (int32_t)flow, path_of(trace->network, sender),
                       sender->n_hops);
  return write_event(trace, flow, M4S_TRACE_COMPLETION, &trace->components.components[id]);
}

static m4s_status_t observe(void *context, const m4s_packet_event_t *event) {
  m4s_packet_trace_t *trace = context;
  return event->kind == M4S_PACKET_FLOW_STARTED ? arrive(trace, event->flow)
                                                : complete(trace, event->flow);
}

static m4s_status_t open_file(m4s_packet_trace_t *trace, const char *folder, trace_file_t file) {
  char *path = m4s_path_join(folder, files[file].name);
  m4s_status_t status = path == NULL
                            ? m4s_fail_memory("a file name")
                            : m4s_npy_stream_open(&trace->streams[file], path, files[file].members,
                                                  files[file].n_members, files[file].record_bytes);
  free(path);
  return status;
}

m4s_status_t m4s_packet_trace_create(m4s_network_model_t *model, bool states, const char *folder,
                                     m4s_packet_trace_t **trace_out) {
  const network_t *network = model->state;
  m4s_packet_trace_t *trace = calloc(1, sizeof *trace);
  if (trace == NULL) {
    return m4s_fail_memory("a trace");
  }
  trace->network = network;
  trace->states = states;
  m4s_status_t status = m4s_components_init(&trace->components, network->topology->n_links);
  for (int file = 0; status == M4S_OK && file < N_FILES; file++) {
    status = open_file(trace, folder, (trace_file_t)file);
  }
  if (status != M4S_OK) {
    m4s_packet_trace_destroy(trace);
    return status;
  }
  unsigned completion =
      network->rules.complete_at_receiver ? M4S_PACKET_FLOW_RECEIVED : M4S_PACKET_FLOW_ACKED;
  trace->observer = (m4s_packet_observer_t){
      .kinds = M4S_PACKET_FLOW_STARTED | completion, .observe = observe, .context = trace};
  m4s_packet_observe(model, &trace->observer);
  *trace_out = trace;
  return M4S_OK;
}

m4s_status_t m4s_packet_trace_finish(m4s_packet_trace_t *trace) {
  trace->observer.kinds = 0;
  for (int file = 0; file < N_FILES; file++) {
    M4S_TRY(m4s_npy_stream_finish(&trace->streams[file]));
  }
  return M4S_OK;
}

void m4s_packet_trace_destroy(m4s_packet_trace_t *trace) {
  if (trace == NULL) {
    return;
  }
  for (int file = 0; file < N_FILES; file++) {
    m4s_npy_stream_drop(&trace->streams[file]);
  }
  m4s_components_clear(&trace->components);
  free(trace);
}

// --- reading ---

static m4s_status_t read_file(const char *folder, trace_file_t file, void **records_out,
                              size_t *n_records_out) {
  char *path = m4s_path_join(folder, files[file].name);
  m4s_status_t status = path == NULL
                            ? m4s_fail_memory("a file name")
                            : m4s_npy_read(path, files[file].members, files[file].n_members,
                                           files[file].record_bytes, records_out, n_records_out);
  free(path);
  return status;
}

static m4s_status_t fail_in(const char *folder, trace_file_t file, size_t record,
                            const char *problem) {
  return m4s_fail(M4S_ERR_INPUT, "%s/%s: record %zu %s", folder, files[file].name, record, problem);
}

static bool is_within(int64_t first, int32_t n, size_t n_records) {
  return first >= 0 && n >= 0 && (uint64_t)first <= n_records &&
         (uint64_t)n <= n_records - (uint64_t)first;
}

static const char *find_problem(const m4s_trace_t *trace, size_t i, int64_t n_flows) {
  const m4s_trace_event_t *event = &trace->events[i];
  if (event->time_ns < (i == 0 ? 0 : trace->events[i - 1].time_ns)) {
    return "is earlier than the one before";
  }
  if (event->flow < 0 || event->flow >= n_flows) {
    return "is of a flow that there is not";
  }
  if (event->kind > M4S_TRACE_COMPLETION) {
    return "is neither an arrival nor a completion";
  }
  return is_within(event->first_flow, event->n_flows, trace->n_flows) &&
                 is_within(event->first_link, event->n_links, trace->n_links)
             ? NULL
             : "has rows beyond the end of flows.npy or links.npy";
}

// Whether all ids are 0 … n-1.
#define CHECK_IDS(trace_, rows_, n_rows_, member_, n_, file_) \
  for (size_t i = 0; i < (trace_)->n_rows_; i++) { \
    if ((trace_)->rows_[i].member_ < 0 || (trace_)->rows_[i].member_ >= (n_)) { \
      return fail_in(folder, file_, i, "has a " #member_ " that there is not"); \
    } \
  }

static m4s_status_t check_trace(const m4s_trace_t *trace, const char *folder, int64_t n_flows,
                                int32_t n_links) {
  for (size_t i = 0; i < trace->n_events; i++) {
    const char *problem = find_problem(trace, i, n_flows);
    if (problem != NULL) {
      return fail_in(folder, EVENTS, i, problem);
    }
  }
  CHECK_IDS(trace, flows, n_flows, flow, n_flows, FLOWS)
  CHECK_IDS(trace, links, n_links, link, n_links, LINKS)
  CHECK_IDS(trace, hops, n_hops, flow, n_flows, PATHS)
  CHECK_IDS(trace, hops, n_hops, link, n_links, PATHS)
  return M4S_OK;
}

static m4s_status_t read_files(const char *folder, m4s_trace_t *trace) {
  M4S_TRY(read_file(folder, EVENTS, (void **)&trace->events, &trace->n_events));
  M4S_TRY(read_file(folder, FLOWS, (void **)&trace->flows, &trace->n_flows));
  M4S_TRY(read_file(folder, LINKS, (void **)&trace->links, &trace->n_links));
  return read_file(folder, PATHS, (void **)&trace->hops, &trace->n_hops);
}

m4s_status_t m4s_trace_read(const char *folder, int64_t n_flows, int32_t n_links,
                            m4s_trace_t *trace_out) {
  m4s_trace_t trace = {0};
  m4s_status_t status = read_files(folder, &trace);
  if (status == M4S_OK) {
    status = check_trace(&trace, folder, n_flows, n_links);
  }
  if (status != M4S_OK) {
    m4s_trace_clear(&trace);
    return status;
  }
  *trace_out = trace;
  return M4S_OK;
}

void m4s_trace_clear(m4s_trace_t *trace) {
  free(trace->events);
  free(trace->flows);
  free(trace->links);
  free(trace->hops);
  *trace = (m4s_trace_t){0};
}
