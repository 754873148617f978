// Flows, and what is kept of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/field.h"

// A flow as the network model sees it. Ids are dense from 0 in the order of creation.
typedef struct {
  int64_t id;
  int32_t src, dst;  // hosts
  int64_t size_bytes;  // application bytes
  const int32_t *links;  // [n_links], borrowed from the routing
  int32_t n_links;
} m4s_flow_t;

// One row of flows.npy: packed, little-endian. Times are -1 until they happen.
typedef struct __attribute__((packed)) {
  int32_t id, src, dst;
  int64_t size_bytes;
  int64_t call_ns;  // handed to the transport (before any send latency)
  int64_t start_ns;  // enters the network
  int64_t fct_ns;  // from start to completion
  int64_t ideal_fct_ns;  // alone in the network
  // Where the flow stands in its collective; -1 for other traffic.
  int32_t collective;  // index into the run's collectives, in the order in which they began
  int32_t channel, step;
} m4s_flow_record_t;

// A flow of no collective that is handed over as it starts, before it does.
static inline m4s_flow_record_t m4s_flow_record_starting(int64_t id, int64_t src, int64_t dst,
                                                         int64_t size_bytes, int64_t start_ns) {
  return (m4s_flow_record_t){.id = (int32_t)id,
                             .src = (int32_t)src,
                             .dst = (int32_t)dst,
                             .size_bytes = size_bytes,
                             .call_ns = start_ns,
                             .start_ns = start_ns,
                             .fct_ns = -1,
                             .ideal_fct_ns = -1,
                             .collective = -1,
                             .channel = -1,
                             .step = -1};
}

// Writes records as flows.npy.
m4s_status_t m4s_flow_records_write(const char *path, const m4s_flow_record_t *records,
                                    size_t n_records);

// Reads what m4s_flow_records_write() wrote. M4S_ERR_INPUT for any other file. `records_out`
// [n_records_out]: owned, free().
m4s_status_t m4s_flow_records_read(const char *path, m4s_flow_record_t **records_out,
                                   size_t *n_records_out);

// Packets on the wire.
typedef struct {
  int64_t payload_bytes;  // of a full packet
  int64_t header_bytes;  // per packet, beside the payload
} m4s_wire_t;

enum { M4S_N_WIRE_FIELDS = 2 };
extern const m4s_field_t m4s_wire_fields[M4S_N_WIRE_FIELDS];

// Bytes on the wire: size + ceil(size / payload) * header.
static inline int64_t m4s_wire_bytes(const m4s_wire_t *wire, int64_t size_bytes) {
  return size_bytes +
         (size_bytes + wire->payload_bytes - 1) / wire->payload_bytes * wire->header_bytes;
}
