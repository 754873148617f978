#include "m4/pickle.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

// The opcodes that PyTorch writes, with Python's names (pickletools).
enum {
  OP_MARK = '(',
  OP_EMPTY_TUPLE = ')',
  OP_STOP = '.',
  OP_BINFLOAT = 'G',
  OP_BININT = 'J',
  OP_BININT1 = 'K',
  OP_BININT2 = 'M',
  OP_NONE = 'N',
  OP_BINPERSID = 'Q',
  OP_REDUCE = 'R',
  OP_BINUNICODE = 'X',
  OP_EMPTY_LIST = ']',
  OP_APPEND = 'a',
  OP_BUILD = 'b',
  OP_GLOBAL = 'c',
  OP_APPENDS = 'e',
  OP_BINGET = 'h',
  OP_LONG_BINGET = 'j',
  OP_BINPUT = 'q',
  OP_LONG_BINPUT = 'r',
  OP_SETITEM = 's',
  OP_TUPLE = 't',
  OP_SETITEMS = 'u',
  OP_EMPTY_DICT = '}',
  OP_PROTO = 0x80,
  OP_NEWOBJ = 0x81,
  OP_TUPLE1 = 0x85,
  OP_TUPLE2 = 0x86,
  OP_TUPLE3 = 0x87,
  OP_NEWTRUE = 0x88,
  OP_NEWFALSE = 0x89,
  OP_LONG1 = 0x8a,
};

// Of a tensor: storage, offset, shape, strides, requires_grad, hooks and, in newer versions,
// metadata.
enum {
  PROTOCOL = 2,
  MAX_LONG_BYTES = 8,
  MIN_TENSOR_ARGUMENTS = 6,
  MAX_TENSOR_ARGUMENTS = 7,
  N_STORAGE_ITEMS = 5,
};

// What may be named besides TorchScript classes.
static const char ordered_dict[] = "collections OrderedDict";
static const char rebuild_tensor[] = "torch._utils _rebuild_tensor_v2";
static const char type_tag[] = "torch.jit._pickle restore_type_tag";
static const char *const list_builders[] = {
    "torch.jit._pickle build_intlist", "torch.jit._pickle build_doublelist",
    "torch.jit._pickle build_boollist", "torch.jit._pickle build_tensorlist"};

typedef struct {
  const unsigned char *bytes;
  size_t n_bytes, at;
  size_t opcode_at;
  m4s_pickle_t *pickle;
  m4s_pickle_value_t **stack;  // owned
  size_t n_stack, stack_capacity;
  size_t *marks;  // owned: heights of the stack
  size_t n_marks, mark_capacity;
  m4s_pickle_value_t **memo;  // owned; NULL: not put
  size_t n_memo;
} reader_t;

const char *m4s_pickle_kind_name(m4s_pickle_kind_t kind) {
  static const char *const names[] = {
      [M4S_PICKLE_NONE] = "None",         [M4S_PICKLE_BOOL] = "a truth value",
      [M4S_PICKLE_INT] = "an integer",    [M4S_PICKLE_REAL] = "a real number",
      [M4S_PICKLE_TEXT] = "a text",       [M4S_PICKLE_TUPLE] = "a tuple",
      [M4S_PICKLE_LIST] = "a list",       [M4S_PICKLE_DICT] = "a dictionary",
      [M4S_PICKLE_GLOBAL] = "a name",     [M4S_PICKLE_OBJECT] = "an object",
      [M4S_PICKLE_STORAGE] = "a storage", [M4S_PICKLE_TENSOR] = "a tensor",
  };
  return names[kind];
}

// --- bytes ---

static m4s_status_t take(reader_t *reader, size_t n, const unsigned char **bytes_out) {
  if (n > reader->n_bytes - reader->at) {
    return m4s_fail(M4S_ERR_INPUT, "ends within an opcode that needs %zu more bytes, %zu are there",
                    n, reader->n_bytes - reader->at);
  }
  *bytes_out = reader->bytes + reader->at;
  reader->at += n;
  return M4S_OK;
}

// An unsigned little-endian number of `n` ≤ 8 bytes.
static m4s_status_t take_number(reader_t *reader, size_t n, uint64_t *number_out) {
  const unsigned char *bytes = NULL;
  M4S_TRY(take(reader, n, &bytes));
  uint64_t number = 0;
  for (size_t i = 0; i < n; i++) {
    number |= (uint64_t)bytes[i] << (8 * i);
  }
  *number_out = number;
  return M4S_OK;
}

// --- arrays ---

// Makes room for one more of n entries; `array` is a pointer to the array's pointer.
static m4s_status_t reserve(void *array, size_t n, size_t *capacity, size_t entry_bytes) {
  if (n < *capacity) {
    return M4S_OK;
  }
  size_t grown_capacity = *capacity == 0 ? 4 : 2 * *capacity;
  void *present;
  memcpy(&present, array, sizeof present);
  void *grown = realloc(present, grown_capacity * entry_bytes);
  if (grown == NULL) {
    return m4s_fail_memory("a pickle");
  }
  memcpy(array, &grown, sizeof grown);
  *capacity = grown_capacity;
  return M4S_OK;
}

static m4s_status_t make(reader_t *reader, m4s_pickle_kind_t kind, m4s_pickle_value_t **value_out) {
  m4s_pickle_t *pickle = reader->pickle;
  M4S_TRY(reserve(&pickle->values, pickle->n_values, &pickle->capacity, sizeof(void *)));
  m4s_pickle_value_t *value = calloc(1, sizeof *value);
  if (value == NULL) {
    return m4s_fail_memory("a pickle");
  }
  *value = (m4s_pickle_value_t){.kind = kind, .offset = reader->opcode_at};
  pickle->values[pickle->n_values++] = value;
  *value_out = value;
  return M4S_OK;
}

static m4s_status_t add_item(m4s_pickle_value_t *value, m4s_pickle_value_t *item) {
  M4S_TRY(reserve(&value->items, value->n_items, &value->capacity, sizeof(void *)));
  value->items[value->n_items++] = item;
  return M4S_OK;
}

static m4s_status_t add_items(m4s_pickle_value_t *value, m4s_pickle_value_t *const *items,
                              size_t n_items) {
  for (size_t i = 0; i < n_items; i++) {
    M4S_TRY(add_item(value, items[i]));
  }
  return M4S_OK;
}

static m4s_status_t set_text(m4s_pickle_value_t *value, const unsigned char *bytes, size_t n) {
  if (memchr(bytes, '\0', n) != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "a text with a zero byte");
  }
  value->text = strndup((const char *)bytes, n);
  return value->text == NULL ? m4s_fail_memory("a pickle") : M4S_OK;
}

// --- the stack ---

static m4s_status_t push(reader_t *reader, m4s_pickle_value_t *value) {
  M4S_TRY(reserve(&reader->stack, reader->n_stack, &reader->stack_capacity, sizeof(void *)));
  reader->stack[reader->n_stack++] = value;
  return M4S_OK;
}

static m4s_status_t push_new(reader_t *reader, m4s_pickle_kind_t kind, int64_t integer) {
  m4s_pickle_value_t *value = NULL;
  M4S_TRY(make(reader, kind, &value));
  value->integer = integer;
  return push(reader, value);
}

// Values above the last mark.
static size_t n_above_mark(const reader_t *reader) {
  return reader->n_stack - (reader->n_marks == 0 ? 0 : reader->marks[reader->n_marks - 1]);
}

// Takes the upper `n` values off; they stay readable until the next push.
static m4s_status_t pop(reader_t *reader, size_t n, m4s_pickle_value_t ***values_out) {
  if (n > n_above_mark(reader)) {
    return m4s_fail(M4S_ERR_INPUT, "needs %zu values on the stack, %zu are there", n,
                    n_above_mark(reader));
  }
  reader->n_stack -= n;
  *values_out = reader->stack + reader->n_stack;
  return M4S_OK;
}

// Takes the values above the last mark off, and the mark.
static m4s_status_t pop_mark(reader_t *reader, m4s_pickle_value_t ***values_out, size_t *n_out) {
  if (reader->n_marks == 0) {
    return m4s_fail(M4S_ERR_INPUT, "needs a mark on the stack, none is there");
  }
  *n_out = n_above_mark(reader);
  M4S_TRY(pop(reader, *n_out, values_out));
  reader->n_marks--;
  return M4S_OK;
}

// The uppermost value, which must be of this kind.
static m4s_status_t top(reader_t *reader, m4s_pickle_kind_t kind, m4s_pickle_value_t **value_out) {
  m4s_pickle_value_t **values = NULL;
  M4S_TRY(pop(reader, 1, &values));
  reader->n_stack++;
  if (values[0]->kind != kind) {
    return m4s_fail(M4S_ERR_INPUT, "needs %s on the stack, %s is there", m4s_pickle_kind_name(kind),
                    m4s_pickle_kind_name(values[0]->kind));
  }
  *value_out = values[0];
  return M4S_OK;
}

static m4s_status_t mark(reader_t *reader) {
  M4S_TRY(reserve(&reader->marks, reader->n_marks, &reader->mark_capacity, sizeof *reader->marks));
  reader->marks[reader->n_marks++] = reader->n_stack;
  return M4S_OK;
}

// --- numbers and texts ---

static m4s_status_t read_unsigned(reader_t *reader, size_t n) {
  uint64_t number = 0;
  M4S_TRY(take_number(reader, n, &number));
  return push_new(reader, M4S_PICKLE_INT, (int64_t)number);
}

static m4s_status_t read_signed(reader_t *reader, size_t n) {
  uint64_t number = 0;
  M4S_TRY(take_number(reader, n, &number));
  if (n > 0 && n < 8 && number >> (8 * n - 1) != 0) {
    number |= UINT64_MAX << (8 * n);
  }
  return push_new(reader, M4S_PICKLE_INT, (int64_t)number);
}

static m4s_status_t read_long(reader_t *reader) {
  uint64_t n = 0;
  M4S_TRY(take_number(reader, 1, &n));
  if (n > MAX_LONG_BYTES) {
    return m4s_fail(M4S_ERR_INPUT, "an integer of %d bytes, at most %d are read", (int)n,
                    MAX_LONG_BYTES);
  }
  return read_signed(reader, n);
}

static m4s_status_t read_real(reader_t *reader) {
  const unsigned char *bytes = NULL;
  M4S_TRY(take(reader, 8, &bytes));
  return push_new(reader, M4S_PICKLE_REAL, 0);
}

static m4s_status_t read_text(reader_t *reader) {
  uint64_t n = 0;
  const unsigned char *bytes = NULL;
  m4s_pickle_value_t *value = NULL;
  M4S_TRY(take_number(reader, 4, &n));
  M4S_TRY(take(reader, n, &bytes));
  M4S_TRY(make(reader, M4S_PICKLE_TEXT, &value));
  M4S_TRY(set_text(value, bytes, n));
  return push(reader, value);
}

static m4s_status_t read_protocol(reader_t *reader) {
  uint64_t protocol = 0;
  M4S_TRY(take_number(reader, 1, &protocol));
  if (protocol != PROTOCOL) {
    return m4s_fail(M4S_ERR_INPUT, "pickle protocol %d, %d is read", (int)protocol, PROTOCOL);
  }
  return M4S_OK;
}

// --- names and calls ---

static bool is_list_builder(const char *name) {
  for (size_t i = 0; i < sizeof list_builders / sizeof *list_builders; i++) {
    if (strcmp(name, list_builders[i]) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_script_class(const char *name) {
  return strncmp(name, "__torch__", 9) == 0 && (name[9] == '.' || name[9] == ' ');
}

// "torch FloatStorage" and its like.
static bool is_storage_type(const char *name) {
  size_t n = strlen(name);
  return strncmp(name, "torch ", 6) == 0 && n > 13 && strcmp(name + n - 7, "Storage") == 0;
}

static m4s_status_t check_global(const char *name) {
  bool known = is_script_class(name) || is_storage_type(name) || is_list_builder(name) ||
               strcmp(name, ordered_dict) == 0 || strcmp(name, rebuild_tensor) == 0 ||
               strcmp(name, type_tag) == 0;
  return known ? M4S_OK
               : m4s_fail(M4S_ERR_INPUT,
                          "names \"%.200s\" of Python, which archives of modules do not hold; it "
                          "is not executed",
                          name);
}

static m4s_status_t take_line(reader_t *reader, const unsigned char **line_out, size_t *n_out) {
  const unsigned char *line = reader->bytes + reader->at;
  const unsigned char *end = memchr(line, '\n', reader->n_bytes - reader->at);
  if (end == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "a name without an end");
  }
  *line_out = line;
  *n_out = (size_t)(end - line);
  reader->at += *n_out + 1;
  return M4S_OK;
}

// Two lines, module and name, become "module name".
static m4s_status_t read_global(reader_t *reader) {
  const unsigned char *module = NULL;
  const unsigned char *name = NULL;
  size_t n_module = 0;
  size_t n_name = 0;
  m4s_pickle_value_t *value = NULL;
  M4S_TRY(take_line(reader, &module, &n_module));
  M4S_TRY(take_line(reader, &name, &n_name));
  M4S_TRY(make(reader, M4S_PICKLE_GLOBAL, &value));
  M4S_TRY(set_text(value, module, n_module + 1 + n_name));
  value->text[n_module] = ' ';
  M4S_TRY(check_global(value->text));
  return push(reader, value);
}

// The name and the arguments of a call.
static m4s_status_t pop_call(reader_t *reader, const char **name_out,
                             const m4s_pickle_value_t **arguments_out) {
  m4s_pickle_value_t **values = NULL;
  M4S_TRY(pop(reader, 2, &values));
  if (values[0]->kind != M4S_PICKLE_GLOBAL || values[1]->kind != M4S_PICKLE_TUPLE) {
    return m4s_fail(M4S_ERR_INPUT, "needs a name and a tuple on the stack, %s and %s are there",
                    m4s_pickle_kind_name(values[0]->kind), m4s_pickle_kind_name(values[1]->kind));
  }
  *name_out = values[0]->text;
  *arguments_out = values[1];
  return M4S_OK;
}

static m4s_status_t push_copy(reader_t *reader, m4s_pickle_kind_t kind,
                              const m4s_pickle_value_t *source) {
  m4s_pickle_value_t *value = NULL;
  M4S_TRY(make(reader, kind, &value));
  M4S_TRY(add_items(value, source->items, source->n_items));
  return push(reader, value);
}

static m4s_status_t call(reader_t *reader) {
  const char *name = NULL;
  const m4s_pickle_value_t *arguments = NULL;
  M4S_TRY(pop_call(reader, &name, &arguments));
  size_t n = arguments->n_items;
  if (strcmp(name, rebuild_tensor) == 0 && n >= MIN_TENSOR_ARGUMENTS && n <= MAX_TENSOR_ARGUMENTS) {
    return push_copy(reader, M4S_PICKLE_TENSOR, arguments);
  }
  if (strcmp(name, ordered_dict) == 0 && n == 0) {
    return push_new(reader, M4S_PICKLE_DICT, 0);
  }
  // A list or dictionary with its type; the type is not needed.
  if ((is_list_builder(name) && n == 1) || (strcmp(name, type_tag) == 0 && n == 2)) {
    return push(reader, arguments->items[0]);
  }
  return m4s_fail(M4S_ERR_INPUT, "calls \"%.200s\" with %zu arguments; it is not executed", name,
                  n);
}

static m4s_status_t new_object(reader_t *reader) {
  const char *name = NULL;
  const m4s_pickle_value_t *arguments = NULL;
  M4S_TRY(pop_call(reader, &name, &arguments));
  if (!is_script_class(name) || arguments->n_items > 0) {
    return m4s_fail(M4S_ERR_INPUT, "makes a \"%.200s\" of %zu arguments; it is not executed", name,
                    arguments->n_items);
  }
  return push_new(reader, M4S_PICKLE_OBJECT, 0);
}

// Gives an object its attributes. Those of a dictionary (a "_metadata" of PyTorch) are left out.
static m4s_status_t build(reader_t *reader) {
  m4s_pickle_value_t **values = NULL;
  M4S_TRY(pop(reader, 2, &values));
  m4s_pickle_value_t *target = values[0];
  m4s_pickle_value_t *state = values[1];
  bool object = target->kind == M4S_PICKLE_OBJECT;
  if ((!object && target->kind != M4S_PICKLE_DICT) || state->kind != M4S_PICKLE_DICT) {
    return m4s_fail(M4S_ERR_INPUT,
                    "needs an object and a dictionary on the stack, %s and %s are there",
                    m4s_pickle_kind_name(target->kind), m4s_pickle_kind_name(state->kind));
  }
  if (object && target->n_items > 0) {
    return m4s_fail(M4S_ERR_INPUT, "gives the object of offset %zu its attributes twice",
                    target->offset);
  }
  if (object) {
    M4S_TRY(add_item(target, state));
  }
  reader->n_stack++;  // the target stays
  return M4S_OK;
}

static m4s_status_t persistent(reader_t *reader) {
  m4s_pickle_value_t *id = NULL;
  M4S_TRY(top(reader, M4S_PICKLE_TUPLE, &id));
  reader->n_stack--;
  if (id->n_items != N_STORAGE_ITEMS) {
    return m4s_fail(M4S_ERR_INPUT, "a storage of %zu items, %d are needed", id->n_items,
                    N_STORAGE_ITEMS);
  }
  return push_copy(reader, M4S_PICKLE_STORAGE, id);
}

// --- containers ---

static m4s_status_t push_tuple(reader_t *reader, m4s_pickle_value_t *const *items, size_t n) {
  m4s_pickle_value_t *value = NULL;
  M4S_TRY(make(reader, M4S_PICKLE_TUPLE, &value));
  M4S_TRY(add_items(value, items, n));
  return push(reader, value);
}

static m4s_status_t tuple_of(reader_t *reader, size_t n) {
  m4s_pickle_value_t **items = NULL;
  M4S_TRY(pop(reader, n, &items));
  return push_tuple(reader, items, n);
}

static m4s_status_t tuple_from_mark(reader_t *reader) {
  m4s_pickle_value_t **items = NULL;
  size_t n = 0;
  M4S_TRY(pop_mark(reader, &items, &n));
  return push_tuple(reader, items, n);
}

// Adds n values, already taken off the stack, to the list or dictionary below them.
static m4s_status_t fill(reader_t *reader, m4s_pickle_kind_t kind, m4s_pickle_value_t *const *items,
                         size_t n) {
  m4s_pickle_value_t *container = NULL;
  if (kind == M4S_PICKLE_DICT && n % 2 != 0) {
    return m4s_fail(M4S_ERR_INPUT, "a key without a value");
  }
  M4S_TRY(top(reader, kind, &container));
  return add_items(container, items, n);
}

static m4s_status_t fill_of(reader_t *reader, m4s_pickle_kind_t kind, size_t n) {
  m4s_pickle_value_t **items = NULL;
  M4S_TRY(pop(reader, n, &items));
  return fill(reader, kind, items, n);
}

static m4s_status_t fill_from_mark(reader_t *reader, m4s_pickle_kind_t kind) {
  m4s_pickle_value_t **items = NULL;
  size_t n = 0;
  M4S_TRY(pop_mark(reader, &items, &n));
  return fill(reader, kind, items, n);
}

// --- the memo ---

static m4s_status_t grow_memo(reader_t *reader, size_t n) {
  m4s_pickle_value_t **memo = realloc(reader->memo, n * sizeof *memo);
  if (memo == NULL) {
    return m4s_fail_memory("a pickle");
  }
  memset(memo + reader->n_memo, 0, (n - reader->n_memo) * sizeof *memo);
  reader->memo = memo;
  reader->n_memo = n;
  return M4S_OK;
}

// Places are numbered one by one, so there are fewer than bytes.
static m4s_status_t put(reader_t *reader, size_t n_index_bytes) {
  uint64_t place = 0;
  m4s_pickle_value_t **value = NULL;
  M4S_TRY(take_number(reader, n_index_bytes, &place));
  M4S_TRY(pop(reader, 1, &value));
  reader->n_stack++;
  if (place >= reader->n_bytes) {
    return m4s_fail(M4S_ERR_INPUT, "place %llu of the memo, in a pickle of %zu bytes",
                    (unsigned long long)place, reader->n_bytes);
  }
  if (place >= reader->n_memo) {
    M4S_TRY(grow_memo(reader, 2 * place + 16));
  }
  reader->memo[place] = value[0];
  return M4S_OK;
}

static m4s_status_t get(reader_t *reader, size_t n_index_bytes) {
  uint64_t place = 0;
  M4S_TRY(take_number(reader, n_index_bytes, &place));
  if (place >= reader->n_memo || reader->memo[place] == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "place %llu of the memo is empty", (unsigned long long)place);
  }
  return push(reader, reader->memo[place]);
}

// --- the program ---

static m4s_status_t unknown(unsigned char opcode) {
  char shown[8] = "";
  if (isgraph(opcode)) {
    snprintf(shown, sizeof shown, " '%c'", opcode);
  }
  return m4s_fail(M4S_ERR_INPUT, "opcode 0x%02x%s, which archives of modules do not hold", opcode,
                  shown);
}

static m4s_status_t step(reader_t *reader, unsigned char opcode) {
  switch (opcode) {
    case OP_PROTO:
      return read_protocol(reader);
    case OP_NONE:
      return push_new(reader, M4S_PICKLE_NONE, 0);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
      return push_new(reader, M4S_PICKLE_BOOL, opcode == OP_NEWTRUE);
    case OP_BININT:
      return read_signed(reader, 4);
    case OP_BININT1:
      return read_unsigned(reader, 1);
    case OP_BININT2:
      return read_unsigned(reader, 2);
    case OP_LONG1:
      return read_long(reader);
    case OP_BINFLOAT:
      return read_real(reader);
    case OP_BINUNICODE:
      return read_text(reader);
    case OP_MARK:
      return mark(reader);
    case OP_EMPTY_TUPLE:
      return push_new(reader, M4S_PICKLE_TUPLE, 0);
    case OP_TUPLE:
      return tuple_from_mark(reader);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
      return tuple_of(reader, (size_t)opcode - OP_TUPLE1 + 1);
    case OP_EMPTY_LIST:
      return push_new(reader, M4S_PICKLE_LIST, 0);
    case OP_APPEND:
      return fill_of(reader, M4S_PICKLE_LIST, 1);
    case OP_APPENDS:
      return fill_from_mark(reader, M4S_PICKLE_LIST);
    case OP_EMPTY_DICT:
      return push_new(reader, M4S_PICKLE_DICT, 0);
    case OP_SETITEM:
      return fill_of(reader, M4S_PICKLE_DICT, 2);
    case OP_SETITEMS:
      return fill_from_mark(reader, M4S_PICKLE_DICT);
    case OP_BINPUT:
      return put(reader, 1);
    case OP_LONG_BINPUT:
      return put(reader, 4);
    case OP_BINGET:
      return get(reader, 1);
    case OP_LONG_BINGET:
      return get(reader, 4);
    case OP_GLOBAL:
      return read_global(reader);
    case OP_NEWOBJ:
      return new_object(reader);
    case OP_BUILD:
      return build(reader);
    case OP_REDUCE:
      return call(reader);
    case OP_BINPERSID:
      return persistent(reader);
    default:
      return unknown(opcode);
  }
}

static m4s_status_t read_opcode(reader_t *reader, unsigned char *opcode_out) {
  reader->opcode_at = reader->at;
  if (reader->at == reader->n_bytes) {
    return m4s_fail(M4S_ERR_INPUT, "ends without a STOP");
  }
  *opcode_out = reader->bytes[reader->at++];
  return M4S_OK;
}

static m4s_status_t stop(reader_t *reader) {
  if (reader->n_stack != 1 || reader->n_marks > 0) {
    return m4s_fail(M4S_ERR_INPUT, "stops with %zu values and %zu marks on the stack, not 1 and 0",
                    reader->n_stack, reader->n_marks);
  }
  if (reader->at < reader->n_bytes) {
    return m4s_fail(M4S_ERR_INPUT, "stops before its end, %zu bytes follow",
                    reader->n_bytes - reader->at);
  }
  return M4S_OK;
}

// There is a stack from the beginning, so that it has an address while it is empty.
static m4s_status_t run(reader_t *reader) {
  M4S_TRY(reserve(&reader->stack, 0, &reader->stack_capacity, sizeof(void *)));
  for (;;) {
    unsigned char opcode = 0;
    M4S_TRY(read_opcode(reader, &opcode));
    if (opcode == OP_STOP) {
      return stop(reader);
    }
    M4S_TRY(step(reader, opcode));
  }
}

// --- heights ---

enum { OPEN = -1 };  // height of a value whose items are being looked at

static m4s_status_t measure(m4s_pickle_value_t *value, int depth, size_t *offset_out) {
  *offset_out = value->offset;
  if (value->height == OPEN) {
    return m4s_fail(M4S_ERR_INPUT, "a value that contains itself");
  }
  if (depth + value->height > M4S_PICKLE_MAX_DEPTH ||
      (value->height == 0 && depth == M4S_PICKLE_MAX_DEPTH)) {
    return m4s_fail(M4S_ERR_INPUT, "values nested deeper than %d", M4S_PICKLE_MAX_DEPTH);
  }
  if (value->height > 0) {
    return M4S_OK;
  }
  int32_t highest = 0;
  value->height = OPEN;
  for (size_t i = 0; i < value->n_items; i++) {
    M4S_TRY(measure(value->items[i], depth + 1, offset_out));
    highest = value->items[i]->height > highest ? value->items[i]->height : highest;
  }
  value->height = highest + 1;
  return M4S_OK;
}

static void clear_reader(reader_t *reader) {
  free(reader->stack);
  free(reader->marks);
  free(reader->memo);
}

m4s_status_t m4s_pickle_parse(const void *bytes, size_t n_bytes, const char *name,
                              m4s_pickle_t **pickle_out) {
  m4s_pickle_t *pickle = calloc(1, sizeof *pickle);
  if (pickle == NULL) {
    return m4s_fail_memory(name);
  }
  reader_t reader = {.bytes = bytes, .n_bytes = n_bytes, .pickle = pickle};
  m4s_status_t status = run(&reader);
  size_t offset = reader.opcode_at;
  if (status == M4S_OK) {
    pickle->root = reader.stack[0];
    status = measure(reader.stack[0], 0, &offset);
  }
  clear_reader(&reader);
  if (status != M4S_OK) {
    m4s_pickle_destroy(pickle);
    return status == M4S_ERR_INPUT ? m4s_fail_in(status, "%s: offset %zu", name, offset) : status;
  }
  *pickle_out = pickle;
  return M4S_OK;
}

void m4s_pickle_destroy(m4s_pickle_t *pickle) {
  if (pickle == NULL) {
    return;
  }
  for (size_t i = 0; i < pickle->n_values; i++) {
    free(pickle->values[i]->text);
    free((void *)pickle->values[i]->items);
    free(pickle->values[i]);
  }
  free((void *)pickle->values);
  free(pickle);
}
