#include "m4/checkpoint.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "m4/archive.h"
#include "m4/pickle.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "storages are read as they lie");

enum {
  MAX_TENSORS = 1024,
  MAX_ATTRIBUTES = 1 << 16,
  MAX_PICKLE_BYTES = 256 << 10,
  MAX_WORD_BYTES = 64,
  NAME_BYTES = 512,
  ENTRY_BYTES = 256,
};
#define MAX_FILE_BYTES ((size_t)4 << 30)
static const char pickle_entry[] = "data.pkl";

typedef struct {
  char *key;  // owned: the entry is "data/<key>"
  char *bytes;  // owned
  size_t n_bytes;
} storage_t;

typedef struct {
  m4s_archive_t *archive;
  m4s_checkpoint_t *checkpoint;
  size_t n_tensor_bytes, n_storage_bytes;
  storage_t *storages;  // owned, [n_storages]: those read so far
  size_t n_storages, storage_capacity;
  int n_attributes;
  char name[NAME_BYTES];  // of the attribute at hand
} reader_t;

// A tensor as the pickle describes it.
typedef struct {
  m4s_tensor_t tensor;  // without data
  int64_t offset;  // of the first element in the storage; this and strides in elements
  int64_t strides[M4S_TENSOR_MAX_DIMS];
  const char *type;  // "torch FloatStorage"
  const char *key;
  int64_t n_storage;  // elements in the storage
} view_t;

// --- what the pickle says of a tensor ---

static m4s_status_t fail_kind(const m4s_pickle_value_t *value, m4s_pickle_kind_t kind,
                              const char *what) {
  return m4s_fail(M4S_ERR_INPUT, "%s is %s, %s is needed", what, m4s_pickle_kind_name(value->kind),
                  m4s_pickle_kind_name(kind));
}

static m4s_status_t as_text(const m4s_pickle_value_t *value, m4s_pickle_kind_t kind,
                            const char *what, const char **text_out) {
  if (value->kind != kind) {
    return fail_kind(value, kind, what);
  }
  *text_out = value->text;
  return M4S_OK;
}

static m4s_status_t as_integer(const m4s_pickle_value_t *value, int64_t min, const char *what,
                               int64_t *integer_out) {
  if (value->kind != M4S_PICKLE_INT) {
    return fail_kind(value, M4S_PICKLE_INT, what);
  }
  if (value->integer < min) {
    return m4s_fail(M4S_ERR_INPUT, "%s is %" PRId64 ", at least %" PRId64 " is needed", what,
                    value->integer, min);
  }
  *integer_out = value->integer;
  return M4S_OK;
}

static m4s_status_t as_integers(const m4s_pickle_value_t *value, int64_t min, const char *what,
                                int64_t integers_out[M4S_TENSOR_MAX_DIMS], int32_t *n_out) {
  if (value->kind != M4S_PICKLE_TUPLE) {
    return fail_kind(value, M4S_PICKLE_TUPLE, what);
  }
  if (value->n_items > M4S_TENSOR_MAX_DIMS) {
    return m4s_fail(M4S_ERR_INPUT, "%s has %zu dimensions, at most %d are read", what,
                    value->n_items, M4S_TENSOR_MAX_DIMS);
  }
  for (size_t i = 0; i < value->n_items; i++) {
    char where[MAX_WORD_BYTES];
    snprintf(where, sizeof where, "%s[%zu]", what, i);
    M4S_TRY(as_integer(value->items[i], min, where, &integers_out[i]));
  }
  *n_out = (int32_t)value->n_items;
  return M4S_OK;
}

static m4s_status_t read_storage_id(const m4s_pickle_value_t *id, view_t *view) {
  const char *word = NULL;
  if (id->kind != M4S_PICKLE_STORAGE) {
    return fail_kind(id, M4S_PICKLE_STORAGE, "its storage");
  }
  M4S_TRY(as_text(id->items[0], M4S_PICKLE_TEXT, "the word \"storage\"", &word));
  if (strcmp(word, "storage") != 0) {
    return m4s_fail(M4S_ERR_INPUT, "its storage is a \"%.60s\", \"storage\" is needed", word);
  }
  M4S_TRY(as_text(id->items[1], M4S_PICKLE_GLOBAL, "the type of its storage", &view->type));
  M4S_TRY(as_text(id->items[2], M4S_PICKLE_TEXT, "the key of its storage", &view->key));
  return as_integer(id->items[4], 0, "the size of its storage", &view->n_storage);
}

static m4s_status_t check_type(const view_t *view) {
  static const struct {
    const char *type, *name;
  } types[] = {{"torch DoubleStorage", "float64"},    {"torch HalfStorage", "float16"},
               {"torch BFloat16Storage", "bfloat16"}, {"torch LongStorage", "int64"},
               {"torch IntStorage", "int32"},         {"torch BoolStorage", "bool"}};
  if (strcmp(view->type, "torch FloatStorage") == 0) {
    return M4S_OK;
  }
  const char *name = view->type;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    name = strcmp(types[i].type, view->type) == 0 ? types[i].name : name;
  }
  return m4s_fail(M4S_ERR_INPUT, "is %.60s, only float32 is read (save the module's .float())",
                  name);
}

// That the shape's bytes can be counted and its last element lies in the storage.
static m4s_status_t check_extent(view_t *view) {
  m4s_tensor_t *tensor = &view->tensor;
  int64_t n_bytes = sizeof(float);
  int64_t last = view->offset;
  bool overflow = false;
  tensor->n_elements = 1;
  for (int32_t i = 0; i < tensor->n_dims && !overflow; i++) {
    int64_t span;
    overflow = __builtin_mul_overflow(n_bytes, tensor->shape[i], &n_bytes) ||
               __builtin_mul_overflow(tensor->shape[i] - 1, view->strides[i], &span) ||
               __builtin_add_overflow(last, span, &last);
    tensor->n_elements *= overflow ? 1 : tensor->shape[i];
  }
  char shape[M4S_TENSOR_SHOWN_BYTES];
  m4s_tensor_show_shape(tensor, shape);
  if (overflow) {
    return m4s_fail(M4S_ERR_INPUT, "shape %s has more elements than can be counted", shape);
  }
  if (last >= view->n_storage) {
    return m4s_fail(M4S_ERR_INPUT,
                    "shape %s reaches element %" PRId64 " of storage \"%.60s\", which has %" PRId64,
                    shape, last, view->key, view->n_storage);
  }
  return M4S_OK;
}

static m4s_status_t read_view(const m4s_pickle_value_t *value, view_t *view) {
  m4s_pickle_value_t *const *arguments = value->items;
  int32_t n_strides;
  M4S_TRY(read_storage_id(arguments[0], view));
  M4S_TRY(check_type(view));
  M4S_TRY(as_integer(arguments[1], 0, "its offset", &view->offset));
  M4S_TRY(as_integers(arguments[2], 1, "shape", view->tensor.shape, &view->tensor.n_dims));
  M4S_TRY(as_integers(arguments[3], 0, "stride", view->strides, &n_strides));
  if (n_strides != view->tensor.n_dims) {
    return m4s_fail(M4S_ERR_INPUT, "%d strides for %d dimensions", n_strides, view->tensor.n_dims);
  }
  return check_extent(view);
}

// --- data ---

// Adds to a sum of bytes that is to stay within what the archive may hold.
static m4s_status_t count_bytes(const reader_t *reader, size_t n_bytes, size_t *sum) {
  size_t most = m4s_archive_max_bytes(reader->archive);
  if (*sum > most || n_bytes > most - *sum) {
    return m4s_fail(M4S_ERR_INPUT, "%s: its tensors take more than %zu bytes, %d times the archive",
                    m4s_archive_where(reader->archive, pickle_entry), most, M4S_ARCHIVE_MAX_RATIO);
  }
  *sum += n_bytes;
  return M4S_OK;
}

static m4s_status_t reserve_storage(reader_t *reader) {
  if (reader->n_storages < reader->storage_capacity) {
    return M4S_OK;
  }
  size_t capacity = reader->storage_capacity == 0 ? 8 : 2 * reader->storage_capacity;
  storage_t *storages = realloc(reader->storages, capacity * sizeof *storages);
  if (storages == NULL) {
    return m4s_fail_memory("storages");
  }
  reader->storages = storages;
  reader->storage_capacity = capacity;
  return M4S_OK;
}

static m4s_status_t load_storage(reader_t *reader, const char *key, const char *entry) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(reserve_storage(reader));
  M4S_TRY(m4s_archive_read(reader->archive, entry, MAX_FILE_BYTES, &bytes, &n_bytes));
  storage_t storage = {.key = strdup(key), .bytes = bytes, .n_bytes = n_bytes};
  if (storage.key == NULL) {
    free(bytes);
    return m4s_fail_memory(entry);
  }
  reader->storages[reader->n_storages++] = storage;
  return count_bytes(reader, n_bytes, &reader->n_storage_bytes);
}

static const storage_t *find_storage(const reader_t *reader, const char *key) {
  for (size_t i = 0; i < reader->n_storages; i++) {
    if (strcmp(reader->storages[i].key, key) == 0) {
      return &reader->storages[i];
    }
  }
  return NULL;
}

// The values of the view's storage, which several views may share.
static m4s_status_t storage_values(reader_t *reader, const view_t *view, const float **values_out) {
  char entry[ENTRY_BYTES];
  snprintf(entry, sizeof entry, "data/%.200s", view->key);
  const storage_t *storage = find_storage(reader, view->key);
  if (storage == NULL) {
    M4S_TRY(load_storage(reader, view->key, entry));
    storage = find_storage(reader, view->key);
  }
  // Sizes that do not fit in bytes are no multiple either.
  if (storage->n_bytes % sizeof(float) != 0 ||
      storage->n_bytes / sizeof(float) != (size_t)view->n_storage) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %zu bytes, tensor \"%.200s\" needs %" PRId64 " float32",
                    m4s_archive_where(reader->archive, entry), storage->n_bytes, reader->name,
                    view->n_storage);
  }
  *values_out = (const float *)(const void *)storage->bytes;
  return M4S_OK;
}

// Where the row of that index (all dimensions but the last) begins in the storage.
static int64_t row_begin(const view_t *view, int64_t row) {
  int64_t begin = view->offset;
  for (int32_t i = view->tensor.n_dims - 2; i >= 0; i--) {
    begin += row % view->tensor.shape[i] * view->strides[i];
    row /= view->tensor.shape[i];
  }
  return begin;
}

static void copy_view(const view_t *view, const float *storage, float *to) {
  int32_t n_dims = view->tensor.n_dims;
  int64_t n_columns = n_dims == 0 ? 1 : view->tensor.shape[n_dims - 1];
  int64_t stride = n_dims == 0 ? 1 : view->strides[n_dims - 1];
  int64_t n_rows = view->tensor.n_elements / n_columns;
  for (int64_t row = 0; row < n_rows; row++) {
    const float *from = storage + row_begin(view, row);
    for (int64_t column = 0; column < n_columns; column++) {
      *to++ = from[column * stride];
    }
  }
}

static m4s_status_t load_view(reader_t *reader, view_t *view) {
  const float *storage = NULL;
  M4S_TRY(storage_values(reader, view, &storage));
  size_t n_bytes = (size_t)view->tensor.n_elements * sizeof(float);
  M4S_TRY(count_bytes(reader, n_bytes, &reader->n_tensor_bytes));
  float *data = malloc(n_bytes);
  if (data == NULL) {
    return m4s_fail_memory(reader->name);
  }
  copy_view(view, storage, data);
  view->tensor.data = data;
  return M4S_OK;
}

// --- the tree ---

static m4s_status_t add_tensor(reader_t *reader, const m4s_pickle_value_t *value) {
  m4s_checkpoint_t *checkpoint = reader->checkpoint;
  if (checkpoint->n_tensors == MAX_TENSORS) {
    return m4s_fail(M4S_ERR_INPUT, "%s: more than %d tensors",
                    m4s_archive_where(reader->archive, pickle_entry), MAX_TENSORS);
  }
  view_t view = {.tensor = {.dtype = M4S_DTYPE_F32}};
  m4s_status_t status = read_view(value, &view);
  if (status != M4S_OK) {
    return m4s_fail_in(status, "%s: tensor \"%.200s\"",
                       m4s_archive_where(reader->archive, pickle_entry), reader->name);
  }
  M4S_TRY(load_view(reader, &view));
  view.tensor.name = strdup(reader->name);
  checkpoint->tensors[checkpoint->n_tensors++] = view.tensor;
  return view.tensor.name == NULL ? m4s_fail_memory(reader->name) : M4S_OK;
}

// Puts ".key" behind the name's first n_name bytes.
static m4s_status_t extend_name(reader_t *reader, size_t n_name, const char *key) {
  int n = snprintf(reader->name + n_name, sizeof reader->name - n_name, "%s%s",
                   n_name == 0 ? "" : ".", key);
  if (n < 0 || (size_t)n >= sizeof reader->name - n_name) {
    return m4s_fail(M4S_ERR_INPUT, "%s: attribute \"%.200s…\" has a name of more than %zu bytes",
                    m4s_archive_where(reader->archive, pickle_entry), reader->name,
                    sizeof reader->name - 1);
  }
  return M4S_OK;
}

static m4s_status_t walk(reader_t *reader, const m4s_pickle_value_t *value);

static m4s_status_t walk_items(reader_t *reader, const m4s_pickle_value_t *dictionary) {
  size_t n_name = strlen(reader->name);
  for (size_t i = 0; i < dictionary->n_items; i += 2) {
    const m4s_pickle_value_t *key = dictionary->items[i];
    if (++reader->n_attributes > MAX_ATTRIBUTES) {
      return m4s_fail(M4S_ERR_INPUT, "%s: more than %d attributes",
                      m4s_archive_where(reader->archive, pickle_entry), MAX_ATTRIBUTES);
    }
    if (key->kind == M4S_PICKLE_TEXT) {
      M4S_TRY(extend_name(reader, n_name, key->text));
      M4S_TRY(walk(reader, dictionary->items[i + 1]));
    }
  }
  return M4S_OK;
}

// The pickle bounds the depth.
static m4s_status_t walk(reader_t *reader, const m4s_pickle_value_t *value) {
  switch (value->kind) {
    case M4S_PICKLE_TENSOR:
      return add_tensor(reader, value);
    case M4S_PICKLE_DICT:
      return walk_items(reader, value);
    case M4S_PICKLE_OBJECT:
      return value->n_items == 0 ? M4S_OK : walk_items(reader, value->items[0]);
    default:
      return M4S_OK;
  }
}

// --- the archive ---

static m4s_status_t read_pickle(const m4s_archive_t *archive, m4s_pickle_t **pickle_out) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(m4s_archive_read(archive, pickle_entry, MAX_PICKLE_BYTES, &bytes, &n_bytes));
  m4s_status_t status =
      m4s_pickle_parse(bytes, n_bytes, m4s_archive_where(archive, pickle_entry), pickle_out);
  free(bytes);
  return status;
}

// Newer versions of PyTorch say it.
static m4s_status_t check_byte_order(const m4s_archive_t *archive) {
  static const char entry[] = "byteorder";
  char *bytes;
  size_t n_bytes;
  if (!m4s_archive_has(archive, entry)) {
    return M4S_OK;
  }
  M4S_TRY(m4s_archive_read(archive, entry, MAX_WORD_BYTES, &bytes, &n_bytes));
  m4s_status_t status = strcmp(bytes, "little") == 0
                            ? M4S_OK
                            : m4s_fail(M4S_ERR_INPUT, "%s: is \"%s\", only \"little\" is read",
                                       m4s_archive_where(archive, entry), bytes);
  free(bytes);
  return status;
}

static m4s_status_t read_tensors(reader_t *reader) {
  m4s_pickle_t *pickle = NULL;
  M4S_TRY(check_byte_order(reader->archive));
  M4S_TRY(read_pickle(reader->archive, &pickle));
  m4s_status_t status = walk(reader, pickle->root);
  m4s_pickle_destroy(pickle);
  if (status == M4S_OK && reader->checkpoint->n_tensors == 0) {
    status = m4s_fail(M4S_ERR_INPUT,
                      "%s: no tensors (those of a frozen module are constants, which are not read)",
                      m4s_archive_where(reader->archive, pickle_entry));
  }
  return status;
}

static void clear_reader(reader_t *reader) {
  for (size_t i = 0; i < reader->n_storages; i++) {
    free(reader->storages[i].key);
    free(reader->storages[i].bytes);
  }
  free(reader->storages);
  m4s_archive_close(reader->archive);
}

static m4s_checkpoint_t *new_checkpoint(void) {
  m4s_checkpoint_t *checkpoint = calloc(1, sizeof *checkpoint);
  m4s_tensor_t *tensors = calloc(MAX_TENSORS, sizeof *tensors);
  if (checkpoint == NULL || tensors == NULL) {
    free(checkpoint);
    free(tensors);
    return NULL;
  }
  checkpoint->tensors = tensors;
  return checkpoint;
}

m4s_status_t m4s_checkpoint_parse(const void *bytes, size_t n_bytes, const char *name,
                                  m4s_checkpoint_t **checkpoint_out) {
  reader_t reader = {.checkpoint = new_checkpoint()};
  if (reader.checkpoint == NULL) {
    return m4s_fail_memory(name);
  }
  m4s_status_t status = m4s_archive_open(bytes, n_bytes, name, &reader.archive);
  if (status == M4S_OK) {
    status = read_tensors(&reader);
  }
  clear_reader(&reader);
  if (status != M4S_OK) {
    m4s_checkpoint_destroy(reader.checkpoint);
    return status;
  }
  *checkpoint_out = reader.checkpoint;
  return M4S_OK;
}

m4s_status_t m4s_checkpoint_read(const char *path, m4s_checkpoint_t **checkpoint_out) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(m4s_file_read(path, MAX_FILE_BYTES, &bytes, &n_bytes));
  m4s_status_t status = m4s_checkpoint_parse(bytes, n_bytes, path, checkpoint_out);
  free(bytes);
  return status;
}

void m4s_checkpoint_destroy(m4s_checkpoint_t *checkpoint) {
  if (checkpoint == NULL) {
    return;
  }
  for (size_t i = 0; i < checkpoint->n_tensors; i++) {
    free((void *)checkpoint->tensors[i].name);
    free((void *)checkpoint->tensors[i].data);
  }
  free(checkpoint->tensors);
  free(checkpoint);
}
