#include "core/safetensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the data are read as they lie");

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 16 << 20, ALIGNMENT = 8, WHERE_BYTES = 2048 };
#define MAX_FILE_BYTES ((size_t)4 << 30)
static const char metadata_key[] = "__metadata__";

static const struct {
  const char *name;
  size_t n_bytes;
} dtypes[] = {
    [M4S_DTYPE_F32] = {"F32", 4},
    [M4S_DTYPE_F64] = {"F64", 8},
    [M4S_DTYPE_I32] = {"I32", 4},
    [M4S_DTYPE_I64] = {"I64", 8},
};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

size_t m4s_dtype_bytes(m4s_dtype_t dtype) { return dtypes[dtype].n_bytes; }
const char *m4s_dtype_name(m4s_dtype_t dtype) { return dtypes[dtype].name; }

// What destroy() gets is the first member.
typedef struct {
  m4s_safetensors_t file;
  json_t *header;  // holds names, keys and values
  char *data;  // the tensors' data, each aligned
} owner_t;

// A tensor and where its data lie in the file, counted from the end of the header.
typedef struct {
  m4s_tensor_t tensor;
  int64_t begin, end;
} entry_t;

typedef struct {
  const char *name;  // of the file
  const char *data;
  size_t n_data;
  owner_t *owner;
  entry_t *entries;  // [n_tensors]
  char where[WHERE_BYTES];  // of the entry at hand, in errors
} reader_t;

// --- header ---

static m4s_status_t cut_header(reader_t *reader, const char *bytes, size_t n_bytes) {
  const char *name = reader->name;
  if (n_bytes < LENGTH_BYTES) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: %zu bytes, a safetensors file begins with the 8 of its header's length",
                    name, n_bytes);
  }
  if (memcmp(bytes, "PK\x03\x04", 4) == 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: is a zip archive, not a safetensors file (m4sweep model import reads "
                    "PyTorch's)",
                    name);
  }
  uint64_t n_header;
  memcpy(&n_header, bytes, sizeof n_header);
  if (n_header > MAX_HEADER_BYTES) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: a header of %" PRIu64
                    " bytes, at most %d can be read: not a safetensors file?",
                    name, n_header, MAX_HEADER_BYTES);
  }
  if (n_header > n_bytes - LENGTH_BYTES) {
    return m4s_fail(M4S_ERR_INPUT, "%s: a header of %" PRIu64 " bytes, but only %zu follow", name,
                    n_header, n_bytes - LENGTH_BYTES);
  }
  const char *text = bytes + LENGTH_BYTES;
  if (n_header == 0 || text[0] != '{') {
    return m4s_fail(M4S_ERR_INPUT, "%s: the header must be one JSON object {...}", name);
  }
  json_error_t error;
  reader->owner->header = json_loadb(text, (size_t)n_header, JSON_REJECT_DUPLICATES, &error);
  if (reader->owner->header == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: header, byte %d: %s", name, error.position, error.text);
  }
  reader->data = text + n_header;
  reader->n_data = n_bytes - LENGTH_BYTES - (size_t)n_header;
  return M4S_OK;
}

static int compare_keys(const void *a, const void *b) {
  return strcmp(((const m4s_metadata_t *)a)->key, ((const m4s_metadata_t *)b)->key);
}

static m4s_status_t read_metadata(reader_t *reader) {
  json_t *object = json_object_get(reader->owner->header, metadata_key);
  if (object == NULL) {
    return M4S_OK;
  }
  if (!json_is_object(object)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is %s, an object of texts is needed", reader->name,
                    metadata_key, m4s_json_show(object));
  }
  m4s_safetensors_t *file = &reader->owner->file;
  file->metadata = calloc(json_object_size(object) + 1, sizeof *file->metadata);
  if (file->metadata == NULL) {
    return m4s_fail_memory(reader->name);
  }
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    if (!json_is_string(value)) {
      return m4s_fail(M4S_ERR_INPUT, "%s: %s: \"%.200s\" is %s, a text is needed", reader->name,
                      metadata_key, key, m4s_json_show(value));
    }
    file->metadata[file->n_metadata++] = (m4s_metadata_t){key, json_string_value(value)};
  }
  qsort(file->metadata, file->n_metadata, sizeof *file->metadata, compare_keys);
  return M4S_OK;
}

// --- one tensor ---

static m4s_status_t member(const reader_t *reader, const json_t *object, const char *key,
                           json_t **value_out) {
  *value_out = json_object_get(object, key);
  return *value_out != NULL ? M4S_OK
                            : m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" is missing", reader->where, key);
}

static m4s_status_t read_dtype(const reader_t *reader, const json_t *object, m4s_tensor_t *tensor) {
  json_t *value;
  M4S_TRY(member(reader, object, "dtype", &value));
  for (int i = 0; json_is_string(value) && i < N_DTYPES; i++) {
    if (strcmp(json_string_value(value), dtypes[i].name) == 0) {
      tensor->dtype = (m4s_dtype_t)i;
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: dtype %s cannot be read, only F32, F64, I32 and I64 can",
                  reader->where, m4s_json_show(value));
}

// Also that all of the tensor's bytes can be counted.
static m4s_status_t read_shape(const reader_t *reader, const json_t *object, m4s_tensor_t *tensor) {
  json_t *value;
  M4S_TRY(member(reader, object, "shape", &value));
  if (!json_is_array(value) || json_array_size(value) > M4S_TENSOR_MAX_DIMS) {
    return m4s_fail(M4S_ERR_INPUT, "%s: shape %s, an array of at most %d sizes is needed",
                    reader->where, m4s_json_show(value), M4S_TENSOR_MAX_DIMS);
  }
  int64_t n_elements = 1;
  int64_t n_bytes = (int64_t)m4s_dtype_bytes(tensor->dtype);
  size_t i;
  json_t *size;
  json_array_foreach(value, i, size) {
    if (!json_is_integer(size) || json_integer_value(size) < 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: shape %s, sizes must be whole numbers of at least 0",
                      reader->where, m4s_json_show(value));
    }
    tensor->shape[i] = json_integer_value(size);
    if (__builtin_mul_overflow(n_bytes, tensor->shape[i], &n_bytes)) {
      return m4s_fail(M4S_ERR_INPUT, "%s: shape %s has more bytes than can be counted",
                      reader->where, m4s_json_show(value));
    }
    n_elements *= tensor->shape[i];
  }
  tensor->n_dims = (int32_t)json_array_size(value);
  tensor->n_elements = n_elements;
  return M4S_OK;
}

static m4s_status_t check_extent(const reader_t *reader, const entry_t *entry) {
  const m4s_tensor_t *tensor = &entry->tensor;
  if (entry->begin < 0 || entry->end < entry->begin || (uint64_t)entry->end > reader->n_data) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: data_offsets [%" PRId64 ", %" PRId64
                    "] do not lie in order within the file's %zu bytes of data",
                    reader->where, entry->begin, entry->end, reader->n_data);
  }
  int64_t needed = tensor->n_elements * (int64_t)m4s_dtype_bytes(tensor->dtype);
  if (entry->end - entry->begin != needed) {
    char shape[M4S_TENSOR_SHOWN_BYTES];
    m4s_tensor_show_shape(tensor, shape);
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: data_offsets [%" PRId64 ", %" PRId64 "] are %" PRId64
                    " bytes, shape %s of %s has %" PRId64,
                    reader->where, entry->begin, entry->end, entry->end - entry->begin, shape,
                    m4s_dtype_name(tensor->dtype), needed);
  }
  return M4S_OK;
}

static m4s_status_t read_offsets(const reader_t *reader, const json_t *object, entry_t *entry) {
  json_t *value;
  M4S_TRY(member(reader, object, "data_offsets", &value));
  const json_t *begin = json_array_get(value, 0);
  const json_t *end = json_array_get(value, 1);
  if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: data_offsets %s, two whole numbers are needed",
                    reader->where, m4s_json_show(value));
  }
  entry->begin = json_integer_value(begin);
  entry->end = json_integer_value(end);
  return check_extent(reader, entry);
}

static m4s_status_t read_entry(reader_t *reader, const char *name, const json_t *object,
                               entry_t *entry) {
  static const char *const keys[] = {"dtype", "shape", "data_offsets"};
  if (name[0] == '\0') {
    return m4s_fail(M4S_ERR_INPUT, "%s: a tensor without a name", reader->name);
  }
  snprintf(reader->where, sizeof reader->where, "%s: tensor \"%.200s\"", reader->name, name);
  if (!json_is_object(object)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s, an object of dtype, shape and data_offsets is needed",
                    reader->where, m4s_json_show(object));
  }
  M4S_TRY(m4s_json_check_keys(object, reader->where, keys, sizeof keys / sizeof *keys));
  entry->tensor.name = name;
  M4S_TRY(read_dtype(reader, object, &entry->tensor));
  M4S_TRY(read_shape(reader, object, &entry->tensor));
  return read_offsets(reader, object, entry);
}

// --- all tensors ---

static m4s_status_t read_entries(reader_t *reader) {
  m4s_safetensors_t *file = &reader->owner->file;
  size_t n_keys = json_object_size(reader->owner->header);
  reader->entries = calloc(n_keys + 1, sizeof *reader->entries);
  file->tensors = calloc(n_keys + 1, sizeof *file->tensors);
  if (reader->entries == NULL || file->tensors == NULL) {
    return m4s_fail_memory(reader->name);
  }
  const char *key;
  json_t *value;
  json_object_foreach(reader->owner->header, key, value) {
    if (strcmp(key, metadata_key) != 0) {
      M4S_TRY(read_entry(reader, key, value, &reader->entries[file->n_tensors++]));
    }
  }
  return M4S_OK;
}

// Tensors without data come before the one that begins where they do.
static int compare_places(const void *a, const void *b) {
  const entry_t *x = a;
  const entry_t *y = b;
  if (x->begin != y->begin) {
    return x->begin < y->begin ? -1 : 1;
  }
  if (x->end != y->end) {
    return x->end < y->end ? -1 : 1;
  }
  return strcmp(x->tensor.name, y->tensor.name);
}

// Without overlap or gap to the end of the file.
static m4s_status_t check_places(const reader_t *reader) {
  size_t n = reader->owner->file.n_tensors;
  const entry_t *entries = reader->entries;
  if (n > 0 && entries[0].begin != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: tensor \"%.200s\": the first data begin at byte %" PRId64 ", not at 0",
                    reader->name, entries[0].tensor.name, entries[0].begin);
  }
  for (size_t i = 1; i < n; i++) {
    if (entries[i].begin != entries[i - 1].end) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s: tensor \"%.200s\": data begin at byte %" PRId64
                      ", those of \"%.200s\" end at %" PRId64,
                      reader->name, entries[i].tensor.name, entries[i].begin,
                      entries[i - 1].tensor.name, entries[i - 1].end);
    }
  }
  size_t end = n == 0 ? 0 : (size_t)entries[n - 1].end;
  if (end != reader->n_data) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %zu bytes follow the data of the last tensor", reader->name,
                    reader->n_data - end);
  }
  return M4S_OK;
}

static size_t aligned(size_t n_bytes) { return (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static m4s_status_t copy_data(reader_t *reader) {
  m4s_safetensors_t *file = &reader->owner->file;
  reader->owner->data = malloc(reader->n_data + ALIGNMENT * (file->n_tensors + 1));
  if (reader->owner->data == NULL) {
    return m4s_fail_memory(reader->name);
  }
  char *to = reader->owner->data;
  for (size_t i = 0; i < file->n_tensors; i++) {
    const entry_t *entry = &reader->entries[i];
    size_t n_bytes = (size_t)(entry->end - entry->begin);
    memcpy(to, reader->data + entry->begin, n_bytes);
    file->tensors[i] = entry->tensor;
    file->tensors[i].data = to;
    to += aligned(n_bytes);
  }
  return M4S_OK;
}

static m4s_status_t read_tensors(reader_t *reader) {
  M4S_TRY(read_entries(reader));
  qsort(reader->entries, reader->owner->file.n_tensors, sizeof *reader->entries, compare_places);
  M4S_TRY(check_places(reader));
  return copy_data(reader);
}

m4s_status_t m4s_safetensors_parse(const void *bytes, size_t n_bytes, const char *name,
                                   m4s_safetensors_t **file_out) {
  owner_t *owner = calloc(1, sizeof *owner);
  if (owner == NULL) {
    return m4s_fail_memory(name);
  }
  reader_t reader = {.name = name, .owner = owner};
  m4s_status_t status = cut_header(&reader, bytes, n_bytes);
  if (status == M4S_OK) {
    status = read_metadata(&reader);
  }
  if (status == M4S_OK) {
    status = read_tensors(&reader);
  }
  free(reader.entries);
  if (status != M4S_OK) {
    m4s_safetensors_destroy(&owner->file);
    return status;
  }
  *file_out = &owner->file;
  return M4S_OK;
}

m4s_status_t m4s_safetensors_read(const char *path, m4s_safetensors_t **file_out) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(m4s_file_read(path, MAX_FILE_BYTES, &bytes, &n_bytes));
  m4s_status_t status = m4s_safetensors_parse(bytes, n_bytes, path, file_out);
  free(bytes);
  return status;
}

void m4s_safetensors_destroy(m4s_safetensors_t *file) {
  if (file == NULL) {
    return;
  }
  owner_t *owner = (owner_t *)file;
  free(file->tensors);
  free(file->metadata);
  free(owner->data);
  json_decref(owner->header);
  free(owner);
}

const m4s_tensor_t *m4s_safetensors_find(const m4s_safetensors_t *file, const char *name) {
  for (size_t i = 0; i < file->n_tensors; i++) {
    if (strcmp(file->tensors[i].name, name) == 0) {
      return &file->tensors[i];
    }
  }
  return NULL;
}

const char *m4s_safetensors_metadata(const m4s_safetensors_t *file, const char *key) {
  for (size_t i = 0; i < file->n_metadata; i++) {
    if (strcmp(file->metadata[i].key, key) == 0) {
      return file->metadata[i].value;
    }
  }
  return NULL;
}

void m4s_tensor_show_shape(const m4s_tensor_t *tensor, char text_out[M4S_TENSOR_SHOWN_BYTES]) {
  size_t length = 1;
  snprintf(text_out, M4S_TENSOR_SHOWN_BYTES, "[");
  for (int32_t i = 0; i < tensor->n_dims && length < M4S_TENSOR_SHOWN_BYTES - 2; i++) {
    length += (size_t)snprintf(text_out + length, M4S_TENSOR_SHOWN_BYTES - 1 - length, "%s%" PRId64,
                               i == 0 ? "" : ", ", tensor->shape[i]);
  }
  strcat(text_out, "]");
}

// --- writing ---

static size_t tensor_bytes(const m4s_tensor_t *tensor) {
  return (size_t)tensor->n_elements * m4s_dtype_bytes(tensor->dtype);
}

// A new reference, NULL without memory.
static json_t *describe(const m4s_tensor_t *tensor, size_t begin) {
  json_t *shape = json_array();
  for (int32_t i = 0; shape != NULL && i < tensor->n_dims; i++) {
    if (json_array_append_new(shape, json_integer(tensor->shape[i])) != 0) {
      json_decref(shape);
      shape = NULL;
    }
  }
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", m4s_dtype_name(tensor->dtype), "shape", shape,
                   "data_offsets", (json_int_t)begin, (json_int_t)(begin + tensor_bytes(tensor)));
}

// Puts `value` (taken over) under a key that must be new.
static m4s_status_t add_member(json_t *object, const char *key, json_t *value) {
  m4s_status_t status = M4S_OK;
  if (value == NULL) {
    return m4s_fail_memory("a safetensors header");
  }
  if (json_object_get(object, key) != NULL) {
    status = m4s_fail(M4S_ERR_INTERNAL, "the safetensors name \"%s\" stands twice", key);
  } else if (json_object_set(object, key, value) != 0) {
    status = m4s_fail_memory("a safetensors header");
  }
  json_decref(value);
  return status;
}

static m4s_status_t add_metadata(json_t *header, const m4s_safetensors_t *file) {
  if (file->n_metadata == 0) {
    return M4S_OK;
  }
  M4S_TRY(add_member(header, metadata_key, json_object()));
  json_t *object = json_object_get(header, metadata_key);
  for (size_t i = 0; i < file->n_metadata; i++) {
    M4S_TRY(m4s_json_check_text(file->metadata[i].key, metadata_key));
    M4S_TRY(m4s_json_check_text(file->metadata[i].value, metadata_key));
    M4S_TRY(add_member(object, file->metadata[i].key, json_string(file->metadata[i].value)));
  }
  return M4S_OK;
}

static m4s_status_t add_descriptions(json_t *header, const m4s_safetensors_t *file) {
  size_t begin = 0;
  for (size_t i = 0; i < file->n_tensors; i++) {
    const m4s_tensor_t *tensor = &file->tensors[i];
    if (tensor->name[0] == '\0' || strcmp(tensor->name, metadata_key) == 0) {
      return m4s_fail(M4S_ERR_INTERNAL, "no tensor can have the name \"%s\"", tensor->name);
    }
    M4S_TRY(m4s_json_check_text(tensor->name, "the name of a tensor"));
    M4S_TRY(add_member(header, tensor->name, describe(tensor, begin)));
    begin += tensor_bytes(tensor);
  }
  return M4S_OK;
}

// The header as text, owned.
static m4s_status_t make_header(const m4s_safetensors_t *file, char **text_out) {
  json_t *header = json_object();
  m4s_status_t status =
      header == NULL ? m4s_fail_memory("a safetensors header") : add_metadata(header, file);
  if (status == M4S_OK) {
    status = add_descriptions(header, file);
  }
  if (status == M4S_OK) {
    *text_out = json_dumps(header, JSON_COMPACT);
    status = *text_out == NULL ? m4s_fail_memory("a safetensors header") : M4S_OK;
  }
  json_decref(header);
  return status;
}

static m4s_status_t add_header(const char *header, m4s_text_t *bytes) {
  size_t length = strlen(header);
  uint64_t padded = aligned(length);
  M4S_TRY(m4s_text_add_bytes(bytes, &padded, sizeof padded));
  M4S_TRY(m4s_text_add_bytes(bytes, header, length));
  return m4s_text_add_bytes(bytes, "       ", (size_t)padded - length);
}

m4s_status_t m4s_safetensors_format(const m4s_safetensors_t *file, m4s_text_t *bytes) {
  char *header;
  M4S_TRY(make_header(file, &header));
  m4s_status_t status = add_header(header, bytes);
  for (size_t i = 0; status == M4S_OK && i < file->n_tensors; i++) {
    size_t n_bytes = tensor_bytes(&file->tensors[i]);
    status = n_bytes == 0 ? M4S_OK : m4s_text_add_bytes(bytes, file->tensors[i].data, n_bytes);
  }
  free(header);
  return status;
}

m4s_status_t m4s_safetensors_write(const char *path, const m4s_safetensors_t *file) {
  m4s_text_t bytes = {0};
  m4s_status_t status = m4s_safetensors_format(file, &bytes);
  if (status == M4S_OK) {
    status = m4s_file_write(path, bytes.bytes, bytes.length);
  }
  m4s_text_clear(&bytes);
  return status;
}
