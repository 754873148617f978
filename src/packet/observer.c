// Who wants to know what happens in a packet network.
#include "packet/network.h"

void m4s_packet_observe(m4s_network_model_t *model, m4s_packet_observer_t *observer) {
  network_t *network = model->state;
  m4s_packet_observer_t **last = &network->observers;
  while (*last != NULL) {
    last = &(*last)->next;
  }
  *last = observer;
  observer->next = NULL;
  network->observed |= observer->kinds;
}

static void tell(network_t *network, const m4s_packet_event_t *event) {
  for (m4s_packet_observer_t *observer = network->observers; observer != NULL;
       observer = observer->next) {
    if ((observer->kinds & event->kind) != 0) {
      m4s_status_t status = observer->observe(observer->context, event);
      network->status = network->status == M4S_OK ? status : network->status;
    }
  }
}

void m4s_packet_tell_flow(network_t *network, m4s_packet_event_kind_t kind, int64_t flow) {
  const m4s_packet_event_t event = {
      .kind = kind, .time_ns = now_of(network), .flow = flow, .link = NO_ID};
  tell(network, &event);
}

void m4s_packet_tell_packet(network_t *network, m4s_packet_event_kind_t kind, int32_t link,
                            int32_t packet_id) {
  if (network->queue_watches != NULL && (kind & (M4S_PACKET_ENQUEUED | M4S_PACKET_DEQUEUED)) != 0) {
    m4s_packet_watch_queue(network, link);
  }
  if (network->observers == NULL) {
    return;
  }
  const packet_t *packet = &network->packets[packet_id];
  const port_t *port = &network->ports[link];
  const m4s_packet_event_t event = {
      .kind = kind,
      .time_ns = now_of(network),
      .flow = packet->flow,
      .link = link,
      .packet = (m4s_packet_kind_t)packet->kind,
      .number = packet->number,
      .wire_bytes = packet->wire_bytes,
      .payload_bytes = packet->kind == M4S_PACKET_DATA ? payload_of(network, packet) : 0,
      .marked = packet->marked,
      .queue_bytes = port->class3_bytes,
      .all_queue_bytes = queued_bytes(port),
  };
  tell(network, &event);
}
