// What the simulator packet tells of a point beyond what all simulators do.
#pragma once

#include "core/text.h"
#include "packet/packet.h"

// Further columns of links.csv, each with a comma before it: of the head, of a link's row. Queues
// are empty for hosts' links, which have none.
extern const char m4s_packet_link_columns[];
m4s_status_t m4s_packet_link_add(const m4s_network_model_t *model, int32_t link, m4s_text_t *text);

// Writes packet_flows.npy: of each flow in the order of flows.npy its packets, those sent again and
// those dropped, and its completion times. `record_of_flow` [n_flows]: where the network's flows
// stand there; NULL: in their order.
m4s_status_t m4s_packet_flows_write(const char *path, const m4s_network_model_t *model,
                                    const int32_t *record_of_flow, int64_t n_flows);
