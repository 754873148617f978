// What links carried, and how long their queues were.
#include <stdlib.h>

#include "packet/network.h"

enum { N_SUBS = 1 << QUEUE_SUB_BITS };

// Lengths below N_SUBS have a bin each; above, every power of two is cut into N_SUBS equal bins.
static int bin_of(int64_t bytes) {
  if (bytes < N_SUBS) {
    return (int)bytes;
  }
  int shift = 63 - __builtin_clzll((unsigned long long)bytes) - QUEUE_SUB_BITS;
  int bin = (shift << QUEUE_SUB_BITS) + (int)(bytes >> shift);
  return bin < N_QUEUE_BINS ? bin : N_QUEUE_BINS - 1;
}

// The longest length of a bin.
static int64_t end_of(int bin) {
  if (bin < N_SUBS) {
    return bin;
  }
  int shift = (bin >> QUEUE_SUB_BITS) - 1;
  int64_t first = (int64_t)(bin - (shift << QUEUE_SUB_BITS)) << shift;
  return first + (INT64_C(1) << shift) - 1;
}

// Books the time since the last change.
static void book(queue_watch_t *watch, int64_t now_ns) {
  int64_t passed_ns = now_ns - watch->since_ns;
  watch->bin_ns[bin_of(watch->bytes)] += passed_ns;
  watch->byte_ns += (double)watch->bytes * (double)passed_ns;
  watch->since_ns = now_ns;
}

void m4s_packet_watch_queue(network_t *network, int32_t link) {
  queue_watch_t *watch = &network->queue_watches[link];
  if (watch->since_ns != now_of(network)) {
    book(watch, now_of(network));
  }
  watch->bytes = queued_bytes(&network->ports[link]);
  watch->max_bytes = watch->bytes > watch->max_bytes ? watch->bytes : watch->max_bytes;
}

m4s_status_t m4s_packet_watch_queues(m4s_network_model_t *model) {
  network_t *network = model->state;
  size_t n_links = (size_t)network->topology->n_links;
  network->queue_watches = calloc(n_links + 1, sizeof *network->queue_watches);
  if (network->queue_watches == NULL) {
    return m4s_fail_memory("queue lengths");
  }
  network->observed |= M4S_PACKET_ENQUEUED | M4S_PACKET_DEQUEUED;
  return M4S_OK;
}

// The least length that the queue did not exceed during this share of the time.
static int64_t quantile(const queue_watch_t *watch, int64_t span_ns, double share) {
  int64_t sum_ns = 0;
  for (int bin = 0; bin < N_QUEUE_BINS; bin++) {
    sum_ns += watch->bin_ns[bin];
    if ((double)sum_ns >= share * (double)span_ns) {
      return end_of(bin) < watch->max_bytes ? end_of(bin) : watch->max_bytes;
    }
  }
  return watch->max_bytes;
}

// `watch`: as it is before the time since the last change is booked.
static void set_queue(queue_watch_t watch, int64_t began_ns, int64_t now_ns,
                      m4s_packet_link_telemetry_t *telemetry) {
  book(&watch, now_ns);
  watch.bin_ns[0] -= began_ns;  // nothing was there before
  telemetry->queue_p50_bytes = quantile(&watch, telemetry->span_ns, 0.5);
  telemetry->queue_p90_bytes = quantile(&watch, telemetry->span_ns, 0.9);
  telemetry->queue_p99_bytes = quantile(&watch, telemetry->span_ns, 0.99);
  telemetry->queue_max_bytes = watch.max_bytes;
  telemetry->queue_mean_bytes =
      telemetry->span_ns > 0 ? watch.byte_ns / (double)telemetry->span_ns : 0;
}

// Time spent sending up to the present: that of a packet being sent counts in part.
static int64_t sending_ns_until(const port_t *port, int64_t now_ns) {
  int64_t rest_ns = port->n_sent > 0 ? port->done.time_ns - now_ns : 0;
  return port->sending_ns - (rest_ns > 0 ? rest_ns : 0);
}

void m4s_packet_link_telemetry(const m4s_network_model_t *model, int32_t link,
                               m4s_packet_link_telemetry_t *telemetry_out) {
  const network_t *network = model->state;
  const port_t *port = &network->ports[link];
  int64_t now_ns = network->clock->now_ns;
  int64_t span_ns = network->n_senders > 0 ? now_ns - network->began_ns : 0;
  int64_t sending_ns = sending_ns_until(port, now_ns);
  *telemetry_out = (m4s_packet_link_telemetry_t){
      .span_ns = span_ns,
      .bytes = (int64_t)port->sent_bytes,
      .packets = port->n_sent,
      .sending_ns = sending_ns,
      .utilisation = span_ns > 0 ? (double)sending_ns / (double)span_ns : 0,
      .n_marked = port->n_marked,
      .n_dropped = network->ingresses[link].n_drops,
      .n_pauses_sent = network->ingresses[port->reverse].n_pauses,
      .n_pauses = port->n_pauses,
      .paused_ns = port->paused_ns + (port->paused ? now_ns - port->paused_since_ns : 0),
      .queue_p50_bytes = NO_ID,
      .queue_p90_bytes = NO_ID,
      .queue_p99_bytes = NO_ID,
      .queue_max_bytes = NO_ID,
      .queue_mean_bytes = NO_ID,
  };
  if (network->queue_watches != NULL && !port->is_nic) {
    set_queue(network->queue_watches[link], network->began_ns, now_ns, telemetry_out);
  }
}
