// What is wrong where a network has come to a halt with flows in it.
#include <stdio.h>

#include "packet/network.h"

// Whether the flow's completion is still waited for.
static bool is_awaited(const network_t *network, const sender_t *sender) {
  bool ended =
      network->rules.complete_at_receiver ? sender->fct_received_ns >= 0 : sender->fct_ack_ns >= 0;
  return sender->size_bytes > 0 && !ended;  // no bytes: an id without a flow
}

static bool is_paused(const network_t *network, const int32_t *links, int32_t n_links) {
  for (int32_t i = 0; i < n_links; i++) {
    if (network->ports[links[i]].paused) {
      return true;
    }
  }
  return false;
}

// Why a flow gets no further. Later reasons follow from flows with earlier ones.
typedef enum { LOST_DATA, LOST_ACK, PAUSED, HELD_UP } reason_t;

static reason_t reason_of(const network_t *network, const sender_t *sender) {
  if (is_paused(network, path_of(network, sender), sender->n_hops) ||
      is_paused(network, ack_path_of(network, sender), sender->n_ack_hops)) {
    return PAUSED;
  }
  if (sender->expected_byte >= sender->size_bytes ||
      (sender->expected_byte >= sender->next_byte && sender->acked_bytes < sender->next_byte)) {
    return LOST_ACK;
  }
  return sender->n_dropped > 0 ? LOST_DATA : HELD_UP;
}

static void describe(const sender_t *sender, reason_t reason, char *text, size_t n_text) {
  switch (reason) {
    case LOST_DATA:
      snprintf(text, n_text, "%lld packet%s lost and no retransmission timeout",
               (long long)sender->n_dropped, sender->n_dropped == 1 ? "" : "s");
      break;
    case LOST_ACK:
      snprintf(text, n_text, "all %sreceived but the last ACK lost, and no retransmission timeout",
               sender->expected_byte < sender->size_bytes ? "that was sent " : "");
      break;
    case PAUSED:
      snprintf(text, n_text, "links of its path stay paused");
      break;
    case HELD_UP:
      snprintf(text, n_text, "it waits for others on its NIC");
      break;
  }
}

m4s_status_t m4s_packet_stalled(const void *state) {
  const network_t *network = state;
  int64_t n_stuck = 0;
  int64_t flow = NO_ID;
  reason_t reason = HELD_UP;
  for (int64_t i = 0; i < network->n_senders; i++) {
    const sender_t *sender = &network->senders[i];
    if (!is_awaited(network, sender)) {
      continue;
    }
    reason_t why = reason_of(network, sender);
    if (n_stuck++ == 0 || why < reason) {
      flow = i;
      reason = why;
    }
  }
  if (n_stuck == 0) {
    return M4S_OK;
  }
  const sender_t *sender = &network->senders[flow];
  char why[96];
  char others[40] = "";
  describe(sender, reason, why, sizeof why);
  if (n_stuck > 1) {
    snprintf(others, sizeof others, "; %lld more flow%s", (long long)n_stuck - 1,
             n_stuck == 2 ? "" : "s");
  }
  return m4s_fail(
      M4S_ERR_SIMULATION,
      "packet: flow %lld from host %d to host %d can never complete: %lld of %lld bytes "
      "acknowledged, %s%s",
      (long long)flow, network->ports[sender->nic].node,
      network->ports[path_of(network, sender)[sender->n_hops - 1]].peer,
      (long long)sender->acked_bytes, (long long)sender->size_bytes, why, others);
}
