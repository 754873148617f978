#include "flow/flow.h"

#include <stdlib.h>

#include "core/npy.h"

const m4s_field_t m4s_wire_fields[] = {
    {.name = "payload_bytes",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_wire_t, payload_bytes),
     .unit = "bytes",
     .fallback = "1000",
     .min = 1,
     .max = 1 << 16,
     .help = "of a full packet"},
    {.name = "header_bytes",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_wire_t, header_bytes),
     .unit = "bytes",
     .fallback = "48",
     .min = 0,
     .max = 1 << 16,
     .help = "per packet on the wire, beside the payload"},
};

static const m4s_npy_member_t members[] = {
    {"id", "<i4"},         {"src", "<i4"},      {"dst", "<i4"},    {"size_bytes", "<i8"},
    {"call_ns", "<i8"},    {"start_ns", "<i8"}, {"fct_ns", "<i8"}, {"ideal_fct_ns", "<i8"},
    {"collective", "<i4"}, {"channel", "<i4"},  {"step", "<i4"}};

m4s_status_t m4s_flow_records_write(const char *path, const m4s_flow_record_t *records,
                                    size_t n_records) {
  return m4s_npy_write(path, members, sizeof members / sizeof *members, records, sizeof *records,
                       n_records);
}

m4s_status_t m4s_flow_records_read(const char *path, m4s_flow_record_t **records_out,
                                   size_t *n_records_out) {
  void *records = NULL;
  M4S_TRY(m4s_npy_read(path, members, M4S_COUNT(members), sizeof(m4s_flow_record_t), &records,
                       n_records_out));
  *records_out = records;
  return M4S_OK;
}
