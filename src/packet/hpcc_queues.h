// The queue length trace of the HPCC artefact: how often each port's queue was so many KB long, at
// regular times.
#pragma once

#include "core/text.h"
#include "packet/packet.h"

enum { M4S_HPCC_QUEUE_INTERVAL_NS = 100, M4S_HPCC_QUEUE_DUMP_INTERVAL_NS = 100000000 };

typedef struct m4s_hpcc_queues m4s_hpcc_queues_t;

// Samples every switch's ports each 100 ns from start_ns until the first sample that is not before
// end_ns. A sample is what waits for a link, of the class that PFC pauses, when all events before
// its time have happened. The topology is borrowed.
m4s_status_t m4s_hpcc_queues_create(const m4s_topology_t *topology, int64_t start_ns,
                                    int64_t end_ns, m4s_hpcc_queues_t **queues_out);
void m4s_hpcc_queues_destroy(m4s_hpcc_queues_t *queues);

// Made to be added to a network by m4s_packet_observe(); lives as long as `queues`.
m4s_packet_observer_t *m4s_hpcc_queues_observer(m4s_hpcc_queues_t *queues);

// The trace, up to now_ns; owned by the caller, m4s_text_clear(). At multiples of 100 ms and at the
// end: "time: NS", then a line per port of a switch, "node port n_0 n_1 …", with the number of
// samples so far of less than 1 KB, 1 to less than 2 KB, … (1 KB is 1000 bytes; ports count from 1
// in the order of the topology file).
m4s_status_t m4s_hpcc_queues_finish(m4s_hpcc_queues_t *queues, int64_t now_ns,
                                    m4s_text_t *text_out);
