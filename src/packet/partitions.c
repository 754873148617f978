// The order of events of one time in a parallel kernel: UNISON's, on which the public SimAI runs.
//
// Links with at least the median delay cut the network into partitions, numbered by their first
// node. The partitions run side by side through windows of time, each as long as the shortest of
// these links. What leaves a partition waits until the window ends; then every partition takes over
// what came for it, in order of the partitions that it came from and, of what came from one for the
// same time, the last one first. Within a partition, events of one time run in the order in which
// they were scheduled or taken over. Ties at NICs and switches are decided by it, and so completion
// times, by some ns at first.
//
// A flow is called for in the partition of the event that led to it: that of the sender of the flow
// whose end released it. If it starts in another one, the call crosses over likewise, in a window
// that begins at its time.
//
// Here, events of different partitions run in the order of time, so nothing depends on which of two
// partitions is ahead in a window. In the public build this is left to chance where a rank hears
// from two partitions within a window.
#include <stdlib.h>

#include "packet/network.h"

enum { NOBODY = 0, SORTED_IN_PLACE = 16 };  // the partition of no node; see drain()

typedef struct {
  int64_t arrival_ns;
  int32_t packet;
} letter_t;

typedef struct {
  letter_t *letters;  // owned, [n], in the order of sending
  int32_t n, capacity;
} mailbox_t;

typedef struct {
  int32_t to, from;  // partitions
  int32_t number;  // in the order of calling
  int32_t flow;
  int64_t called_ns, start_ns;
} call_t;

typedef struct partitions {
  int32_t n;  // with that of nobody
  int32_t *of_node;  // owned, [n_nodes], from 1
  int64_t lookahead_ns, window_end_ns;
  mailbox_t *outboxes;  // owned, [n], by sending partition
  call_t *calls;  // owned
  int32_t n_calls, call_capacity;
  int64_t first_call_ns, first_posted_ns;  // M4S_TIME_NEVER: none
} partitions_t;

static int compare_delays(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static m4s_status_t find_median_delay(const m4s_topology_t *topology, int64_t *median_out) {
  size_t n = (size_t)topology->n_links;
  int64_t *delays = malloc((n + 1) * sizeof *delays);
  if (delays == NULL) {
    return m4s_fail_memory("a packet network");
  }
  for (size_t i = 0; i < n; i++) {
    delays[i] = topology->links[i].delay_ns;
  }
  qsort(delays, n, sizeof *delays, compare_delays);
  *median_out = n == 0 ? 0 : (delays[(n - 1) / 2] + delays[n / 2]) / 2;
  free(delays);
  return M4S_OK;
}

// Everything that is connected to a node by links of less than the median delay.
static void flood(const m4s_topology_t *topology, int64_t median_ns, int32_t partition,
                  int32_t *of_node, int32_t *stack, int32_t node) {
  int32_t n = 0;
  stack[n++] = node;
  of_node[node] = partition;
  while (n > 0) {
    int32_t at = stack[--n];
    for (int32_t j = topology->adjacency_start[at]; j < topology->adjacency_start[at + 1]; j++) {
      const m4s_link_t *link = &topology->links[topology->adjacency[j]];
      if (link->delay_ns < median_ns && of_node[link->dst] == NOBODY) {
        of_node[link->dst] = partition;
        stack[n++] = link->dst;
      }
    }
  }
}

static m4s_status_t find_partitions(const m4s_topology_t *topology, partitions_t *partitions) {
  int64_t median_ns = 0;
  M4S_TRY(find_median_delay(topology, &median_ns));
  int32_t *stack = malloc(((size_t)topology->n_nodes + 1) * sizeof *stack);
  if (stack == NULL) {
    return m4s_fail_memory("a packet network");
  }
  partitions->n = 1;
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    if (partitions->of_node[node] == NOBODY) {
      flood(topology, median_ns, partitions->n++, partitions->of_node, stack, node);
    }
  }
  free(stack);
  return M4S_OK;
}

static void cut(network_t *network, partitions_t *partitions) {
  partitions->lookahead_ns = M4S_TIME_MAX_NS;
  for (int32_t i = 0; i < network->topology->n_links; i++) {
    port_t *port = &network->ports[i];
    port->crosses = partitions->of_node[port->node] != partitions->of_node[port->peer];
    if (port->crosses && port->delay_ns < partitions->lookahead_ns) {
      partitions->lookahead_ns = port->delay_ns;
    }
  }
}

m4s_status_t m4s_packet_partitions_create(network_t *network) {
  partitions_t *partitions = calloc(1, sizeof *partitions);
  if (partitions == NULL) {
    return m4s_fail_memory("a packet network");
  }
  network->partitions = partitions;
  *partitions = (partitions_t){
      .window_end_ns = -1, .first_call_ns = M4S_TIME_NEVER, .first_posted_ns = M4S_TIME_NEVER};
  partitions->of_node = calloc((size_t)network->topology->n_nodes + 1, sizeof(int32_t));
  if (partitions->of_node == NULL) {
    return m4s_fail_memory("a packet network");
  }
  M4S_TRY(find_partitions(network->topology, partitions));
  partitions->outboxes = calloc((size_t)partitions->n, sizeof *partitions->outboxes);
  if (partitions->outboxes == NULL) {
    return m4s_fail_memory("a packet network");
  }
  cut(network, partitions);
  return M4S_OK;
}

void m4s_packet_partitions_destroy(partitions_t *partitions) {
  if (partitions == NULL) {
    return;
  }
  for (int32_t i = 0; partitions->outboxes != NULL && i < partitions->n; i++) {
    free(partitions->outboxes[i].letters);
  }
  free(partitions->outboxes);
  free(partitions->of_node);
  free(partitions->calls);
  free(partitions);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

// A call for the present, and a packet whose sending takes less than 1 ns, may lie within the
// window; they happen after all else in it, the traffic source's events too.
int64_t m4s_packet_first_posted_ns(const network_t *network) {
  const partitions_t *partitions = network->partitions;
  if (partitions == NULL) {
    return M4S_TIME_NEVER;
  }
  int64_t posted_ns = partitions->first_posted_ns;
  return posted_ns > partitions->window_end_ns ? posted_ns : partitions->window_end_ns + 1;
}

int64_t m4s_packet_window_ns(const network_t *network, int64_t until_ns) {
  return network->partitions == NULL ? until_ns
                                     : earlier(until_ns, network->partitions->window_end_ns + 1);
}

// Room for one more.
static m4s_status_t reserve(network_t *network, void **items, int32_t n, int32_t *capacity,
                            size_t item_bytes) {
  if (n < *capacity) {
    return M4S_OK;
  }
  int32_t grown_capacity = *capacity == 0 ? 64 : 2 * *capacity;
  void *grown = realloc(*items, (size_t)grown_capacity * item_bytes);
  if (grown == NULL) {
    return m4s_fail_memory("packets");
  }
  network->counts.allocations++;
  *items = grown;
  *capacity = grown_capacity;
  return M4S_OK;
}

void m4s_packet_post(network_t *network, int32_t port, int64_t arrival_ns, int32_t packet) {
  partitions_t *partitions = network->partitions;
  mailbox_t *box = &partitions->outboxes[partitions->of_node[network->ports[port].node]];
  m4s_status_t status =
      reserve(network, (void **)&box->letters, box->n, &box->capacity, sizeof *box->letters);
  if (status != M4S_OK) {
    network->status = status;
    return;
  }
  box->letters[box->n++] = (letter_t){.arrival_ns = arrival_ns, .packet = packet};
  partitions->first_posted_ns = earlier(partitions->first_posted_ns, arrival_ns);
}

static int compare_calls(const void *a, const void *b) {
  const call_t *x = a;
  const call_t *y = b;
  if (x->to != y->to) {
    return x->to < y->to ? -1 : 1;
  }
  if (x->from != y->from) {
    return x->from < y->from ? -1 : 1;
  }
  if (x->called_ns != y->called_ns) {
    return x->called_ns < y->called_ns ? -1 : 1;
  }
  return (x->number > y->number) - (x->number < y->number);
}

static void swap(call_t *a, call_t *b) {
  call_t kept = *a;
  *a = *b;
  *b = kept;
}

// The kernel sorts a mailbox by time with a sort that is not stable: what the introsort of GNU's
// C++ library makes of many items of one time.
static void sort_equal(call_t *calls, int32_t n) {
  while (n > SORTED_IN_PLACE) {
    swap(&calls[0], &calls[n / 2]);
    int32_t left = 1;
    int32_t right = n - 1;
    for (; left < right; left++, right--) {
      swap(&calls[left], &calls[right]);
    }
    sort_equal(calls + left, n - left);
    n = left;
  }
}

// Takes over calls of one time from one partition to another, from the back.
static void drain(network_t *network, call_t *calls, int32_t n) {
  sort_equal(calls, n);
  for (int32_t i = n - 1; i >= 0; i--) {
    int64_t now_ns = network->clock->now_ns;
    int64_t start_ns = calls[i].start_ns > now_ns ? calls[i].start_ns : now_ns;
    new_event(network, start_ns, EVENT_FLOW_START, calls[i].flow);
  }
}

static void deliver_calls(network_t *network, partitions_t *partitions) {
  call_t *calls = partitions->calls;
  int32_t n = partitions->n_calls;
  qsort(calls, (size_t)n, sizeof *calls, compare_calls);
  for (int32_t first = 0; first < n;) {
    int32_t end = first + 1;
    while (end < n && calls[end].to == calls[first].to && calls[end].from == calls[first].from &&
           calls[end].called_ns == calls[first].called_ns) {
      end++;
    }
    drain(network, calls + first, end - first);
    first = end;
  }
  partitions->n_calls = 0;
  partitions->first_call_ns = M4S_TIME_NEVER;
}

static void deliver(network_t *network, partitions_t *partitions) {
  for (int32_t i = 0; i < partitions->n; i++) {
    mailbox_t *box = &partitions->outboxes[i];
    for (; box->n > 0; box->n--) {
      const letter_t *letter = &box->letters[box->n - 1];
      const port_t *port = &network->ports[network->packets[letter->packet].link];
      new_event(network, letter->arrival_ns, (event_kind_t)port->arrival, letter->packet);
    }
  }
  if (partitions->n_calls > 0) {
    deliver_calls(network, partitions);
  }
  partitions->first_posted_ns = M4S_TIME_NEVER;
}

void m4s_packet_open_window(network_t *network, m4s_event_key_t until) {
  partitions_t *partitions = network->partitions;
  for (;;) {
    int64_t next_ns = earlier(m4s_event_queue_first(&network->events).time_ns, until.time_ns);
    int64_t posted_ns = partitions->first_posted_ns;
    if (next_ns <= partitions->window_end_ns ||
        (next_ns == M4S_TIME_NEVER && posted_ns == M4S_TIME_NEVER)) {
      return;
    }
    int64_t first_ns =
        partitions->n_calls > 0 ? partitions->first_call_ns : earlier(next_ns, posted_ns);
    deliver(network, partitions);
    partitions->window_end_ns = first_ns + partitions->lookahead_ns;
  }
}

m4s_status_t m4s_packet_call(network_t *network, int32_t flow, int32_t caller, int64_t start_ns) {
  partitions_t *partitions = network->partitions;
  const m4s_event_key_t now = {.time_ns = network->clock->now_ns};
  m4s_packet_open_window(network, now);
  int32_t to = partitions->of_node[network->ports[network->senders[flow].nic].node];
  int32_t from = caller < 0 ? NOBODY : partitions->of_node[caller];
  if (from == to) {
    new_event(network, start_ns, EVENT_FLOW_START, flow);
    return M4S_OK;
  }
  M4S_TRY(reserve(network, (void **)&partitions->calls, partitions->n_calls,
                  &partitions->call_capacity, sizeof *partitions->calls));
  partitions->calls[partitions->n_calls] = (call_t){.to = to,
                                                    .from = from,
                                                    .number = partitions->n_calls,
                                                    .flow = flow,
                                                    .called_ns = now.time_ns,
                                                    .start_ns = start_ns};
  partitions->n_calls++;
  partitions->first_call_ns = earlier(partitions->first_call_ns, now.time_ns);
  partitions->first_posted_ns = earlier(partitions->first_posted_ns, start_ns);
  if (from == NOBODY) {
    partitions->window_end_ns = now.time_ns;  // the source's own events end a window
  }
  return M4S_OK;
}
