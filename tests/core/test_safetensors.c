// safetensors files: what is read back, every way in which a file can be broken, deterministic
// writing.
#include "support.h"

#include <math.h>

#include "core/safetensors.h"

// --- files put together by hand ---

// A file with this header and `n_data` bytes of data, 0, 1, 2, …; owned by the caller.
static char *make_file(const char *header, size_t n_data, size_t *n_bytes_out) {
  uint64_t length = strlen(header);
  *n_bytes_out = 8 + (size_t)length + n_data;
  char *bytes = malloc(*n_bytes_out);
  assert_non_null(bytes);
  memcpy(bytes, &length, 8);
  memcpy(bytes + 8, header, (size_t)length);
  for (size_t i = 0; i < n_data; i++) {
    bytes[8 + length + i] = (char)i;
  }
  return bytes;
}

static m4s_status_t parse(const char *header, size_t n_data) {
  size_t n_bytes;
  char *bytes = make_file(header, n_data, &n_bytes);
  m4s_safetensors_t *file = NULL;
  m4s_status_t status = m4s_safetensors_parse(bytes, n_bytes, "f", &file);
  if (status != M4S_OK) {
    assert_null(file);
  }
  m4s_safetensors_destroy(file);
  free(bytes);
  return status;
}

// --- reading ---

static void safetensors_should_hold_tensors_in_the_order_of_their_data(void **state) {
  (void)state;
  size_t n_bytes;
  char *bytes = make_file(
      "{\"b\": {\"dtype\": \"F64\", \"shape\": [], \"data_offsets\": [12, 20]},"
      " \"__metadata__\": {\"zeta\": \"1\", \"alpha\": \"\\u00e4\"},"
      " \"none\": {\"dtype\": \"I64\", \"shape\": [0, 7], \"data_offsets\": [12, 12]},"
      " \"a\": {\"dtype\": \"F32\", \"shape\": [3, 1], \"data_offsets\": [0, 12]},"
      " \"c\": {\"data_offsets\": [20, 24], \"shape\": [1], \"dtype\": \"I32\"}}   ",
      24, &n_bytes);
  m4s_safetensors_t *file;
  ASSERT_OK(m4s_safetensors_parse(bytes, n_bytes, "f", &file));
  memset(bytes, 0xee, n_bytes);  // borrowed only for the call
  free(bytes);
  static const struct {
    const char *name, *shape;
    m4s_dtype_t dtype;
    int64_t n_elements;
    char first;
  } wanted[] = {{"a", "[3, 1]", M4S_DTYPE_F32, 3, 0},
                {"none", "[0, 7]", M4S_DTYPE_I64, 0, 0},
                {"b", "[]", M4S_DTYPE_F64, 1, 12},
                {"c", "[1]", M4S_DTYPE_I32, 1, 20}};
  assert_int_equal(file->n_tensors, 4);
  for (size_t i = 0; i < 4; i++) {
    const m4s_tensor_t *tensor = &file->tensors[i];
    char shape[M4S_TENSOR_SHOWN_BYTES];
    m4s_tensor_show_shape(tensor, shape);
    assert_string_equal(tensor->name, wanted[i].name);
    assert_string_equal(shape, wanted[i].shape);
    assert_int_equal(tensor->dtype, wanted[i].dtype);
    assert_int_equal(tensor->n_elements, wanted[i].n_elements);
    assert_int_equal((uintptr_t)tensor->data % 8, 0);
    const char *data = tensor->data;
    for (size_t j = 0; j < (size_t)tensor->n_elements * m4s_dtype_bytes(tensor->dtype); j++) {
      assert_int_equal(data[j], wanted[i].first + (char)j);
    }
    assert_ptr_equal(m4s_safetensors_find(file, wanted[i].name), tensor);
  }
  assert_null(m4s_safetensors_find(file, "d"));
  assert_null(m4s_safetensors_find(file, "__metadata__"));
  assert_int_equal(file->n_metadata, 2);
  assert_string_equal(file->metadata[0].key, "alpha");
  assert_string_equal(m4s_safetensors_metadata(file, "alpha"), "\xc3\xa4");
  assert_string_equal(m4s_safetensors_metadata(file, "zeta"), "1");
  assert_null(m4s_safetensors_metadata(file, "beta"));
  m4s_safetensors_destroy(file);
}

static void safetensors_should_read_files_without_tensors(void **state) {
  (void)state;
  ASSERT_OK(parse("{}", 0));
  ASSERT_OK(parse("{\"__metadata__\": {}}", 0));
}

// --- refusals ---

#define TENSOR(name, dtype, shape, offsets) \
  "\"" name "\": {\"dtype\": " dtype ", \"shape\": " shape ", \"data_offsets\": " offsets "}"
#define ALONE(dtype, shape, offsets) "{" TENSOR("a", dtype, shape, offsets) "}"

static void safetensors_should_refuse_bad_lengths(void **state) {
  (void)state;
  m4s_safetensors_t *file = NULL;
  ASSERT_REFUSES(m4s_safetensors_parse("1234567", 7, "f", &file),
                 "f: 7 bytes, a safetensors file begins with the 8 of its header's length");
  ASSERT_REFUSES(m4s_safetensors_parse("", 0, "f", &file),
                 "f: 0 bytes, a safetensors file begins with the 8 of its header's length");
  ASSERT_REFUSES(m4s_safetensors_parse("\x03\0\0\0\0\0\0\0{}", 10, "f", &file),
                 "f: a header of 3 bytes, but only 2 follow");
  ASSERT_REFUSES(m4s_safetensors_parse("\x01\0\0\x01\0\0\0\0{}", 10, "f", &file),
                 "f: a header of 16777217 bytes, at most 16777216 can be read: not a safetensors "
                 "file?");
  ASSERT_REFUSES(m4s_safetensors_parse("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "f", &file),
                 "f: a header of 18446744073709551615 bytes, at most 16777216 can be read: not a "
                 "safetensors file?");
  assert_null(file);
}

static void safetensors_should_refuse_bad_headers(void **state) {
  (void)state;
  ASSERT_REFUSES(parse("", 4), "f: the header must be one JSON object {...}");
  ASSERT_REFUSES(parse("[]", 0), "f: the header must be one JSON object {...}");
  ASSERT_REFUSES(parse(" {}", 0), "f: the header must be one JSON object {...}");
  ASSERT_REFUSES(parse("{", 0), "f: header, byte 1: string or '}' expected near end of file");
  ASSERT_REFUSES(parse("{} x", 0), "f: header, byte 4: end of file expected near 'x'");
  ASSERT_REFUSES(parse("{\"a\": nan}", 0), "f: header, byte 9: invalid token near 'nan'");
  ASSERT_REFUSES(parse("{\"\\u0000\": {}}", 0),
                 "f: header, byte 9: NUL byte in object key not supported near '\"\\u0000\"'");
  ASSERT_REFUSES(parse("{\"\xff\": {}}", 0),
                 "f: header, byte 2: unable to decode byte 0xff near '\"'");
  ASSERT_REFUSES(parse("{\"a\": {}, \"a\": {}}", 0),
                 "f: header, byte 13: duplicate object key near '\"a\"'");
  ASSERT_REFUSES(parse("{" TENSOR("a", "\"F32\"", "[1]", "[0, 4], \"shape\": [1]") "}", 4),
                 "f: header, byte 68: duplicate object key near '\"shape\"'");
  ASSERT_REFUSES(parse("{\"__metadata__\": {\"k\": \"v\", \"k\": \"v\"}}", 0),
                 "f: header, byte 31: duplicate object key near '\"k\"'");
}

static void safetensors_should_refuse_metadata_that_is_no_text(void **state) {
  (void)state;
  ASSERT_REFUSES(parse("{\"__metadata__\": [1]}", 0),
                 "f: __metadata__ is [1], an object of texts is needed");
  ASSERT_REFUSES(parse("{\"__metadata__\": {\"k\": \"v\", \"n\": 200}}", 0),
                 "f: __metadata__: \"n\" is 200, a text is needed");
  ASSERT_REFUSES(parse("{\"__metadata__\": {\"n\": null}}", 0),
                 "f: __metadata__: \"n\" is null, a text is needed");
}

static void safetensors_should_refuse_bad_entries(void **state) {
  (void)state;
  ASSERT_REFUSES(parse("{" TENSOR("", "\"F32\"", "[1]", "[0, 4]") "}", 4),
                 "f: a tensor without a name");
  ASSERT_REFUSES(parse("{\"a\": 7}", 0),
                 "f: tensor \"a\": 7, an object of dtype, shape and data_offsets is needed");
  ASSERT_REFUSES(parse("{\"a\": {\"shape\": [1], \"data_offsets\": [0, 4]}}", 4),
                 "f: tensor \"a\": \"dtype\" is missing");
  ASSERT_REFUSES(parse("{\"a\": {\"dtype\": \"F32\", \"data_offsets\": [0, 4]}}", 4),
                 "f: tensor \"a\": \"shape\" is missing");
  ASSERT_REFUSES(parse("{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}", 4),
                 "f: tensor \"a\": \"data_offsets\" is missing");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[0, 4], \"shap\": 1"), 4),
                 "f: tensor \"a\": unknown key \"shap\" (did you mean shape?)");
}

static void safetensors_should_refuse_bad_dtypes(void **state) {
  (void)state;
  ASSERT_REFUSES(parse(ALONE("\"BF16\"", "[2]", "[0, 4]"), 4),
                 "f: tensor \"a\": dtype \"BF16\" cannot be read, only F32, F64, I32 and I64 can");
  ASSERT_REFUSES(parse(ALONE("\"f32\"", "[1]", "[0, 4]"), 4),
                 "f: tensor \"a\": dtype \"f32\" cannot be read, only F32, F64, I32 and I64 can");
  ASSERT_REFUSES(parse(ALONE("32", "[1]", "[0, 4]"), 4),
                 "f: tensor \"a\": dtype 32 cannot be read, only F32, F64, I32 and I64 can");
}

static void safetensors_should_refuse_bad_shapes(void **state) {
  (void)state;
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "1", "[0, 4]"), 4),
                 "f: tensor \"a\": shape 1, an array of at most 8 sizes is needed");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0, 4]"), 4),
                 "f: tensor \"a\": shape [1,1,1,1,1,1,1,1,1], an array of at most 8 sizes is "
                 "needed");
  ASSERT_OK(parse(ALONE("\"F32\"", "[1,1,1,1,1,1,1,1]", "[0, 4]"), 4));
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[-1]", "[0, 4]"), 4),
                 "f: tensor \"a\": shape [-1], sizes must be whole numbers of at least 0");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1.0]", "[0, 4]"), 4),
                 "f: tensor \"a\": shape [1.0], sizes must be whole numbers of at least 0");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[\"1\"]", "[0, 4]"), 4),
                 "f: tensor \"a\": shape [\"1\"], sizes must be whole numbers of at least 0");
  // 2^32 · 2^32 elements; 2^61 elements of 4 bytes.
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[4294967296, 4294967296]", "[0, 4]"), 4),
                 "f: tensor \"a\": shape [4294967296,4294967296] has more bytes than can be "
                 "counted");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[2305843009213693952]", "[0, 0]"), 0),
                 "f: tensor \"a\": shape [2305843009213693952] has more bytes than can be counted");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[2, 3]", "[0, 20]"), 20),
                 "f: tensor \"a\": data_offsets [0, 20] are 20 bytes, shape [2, 3] of F32 has 24");
  ASSERT_REFUSES(parse(ALONE("\"F64\"", "[]", "[0, 4]"), 4),
                 "f: tensor \"a\": data_offsets [0, 4] are 4 bytes, shape [] of F64 has 8");
}

static void safetensors_should_refuse_bad_offsets(void **state) {
  (void)state;
  static const char needed[] = "two whole numbers are needed";
  static const char *const offsets[] = {"[0]", "[0,4,8]", "4", "[0,4.0]", "[\"0\",4]", "null"};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    char header[200];
    char message[200];
    snprintf(header, sizeof header,
             "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": %s}}", offsets[i]);
    snprintf(message, sizeof message, "f: tensor \"a\": data_offsets %s, %s", offsets[i], needed);
    ASSERT_REFUSES(parse(header, 4), message);
  }
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[-4, 0]"), 4),
                 "f: tensor \"a\": data_offsets [-4, 0] do not lie in order within the file's 4 "
                 "bytes of data");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[4, 0]"), 4),
                 "f: tensor \"a\": data_offsets [4, 0] do not lie in order within the file's 4 "
                 "bytes of data");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[0, 4]"), 3),
                 "f: tensor \"a\": data_offsets [0, 4] do not lie in order within the file's 3 "
                 "bytes of data");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[-9223372036854775808, 9223372036854775807]"), 4),
                 "f: tensor \"a\": data_offsets [-9223372036854775808, 9223372036854775807] do not "
                 "lie in order within the file's 4 bytes of data");
}

static void safetensors_should_refuse_overlaps_gaps_and_rests(void **state) {
  (void)state;
  ASSERT_REFUSES(parse("{" TENSOR("a", "\"F32\"", "[2]", "[0, 8]") ", " TENSOR(
                           "b", "\"F32\"", "[2]", "[4, 12]") "}",
                       12),
                 "f: tensor \"b\": data begin at byte 4, those of \"a\" end at 8");
  ASSERT_REFUSES(parse("{" TENSOR("b", "\"F32\"", "[1]", "[0, 4]") ", " TENSOR("a", "\"F32\"",
                                                                               "[1]", "[0, 4]") "}",
                       4),
                 "f: tensor \"b\": data begin at byte 0, those of \"a\" end at 4");
  ASSERT_REFUSES(parse("{" TENSOR("b", "\"F32\"", "[1]", "[8, 12]") ", " TENSOR(
                           "a", "\"F32\"", "[1]", "[0, 4]") "}",
                       12),
                 "f: tensor \"b\": data begin at byte 8, those of \"a\" end at 4");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[4, 8]"), 8),
                 "f: tensor \"a\": the first data begin at byte 4, not at 0");
  ASSERT_REFUSES(parse(ALONE("\"F32\"", "[1]", "[0, 4]"), 5),
                 "f: 1 bytes follow the data of the last tensor");
  ASSERT_REFUSES(parse("{}", 4), "f: 4 bytes follow the data of the last tensor");
}

static void safetensors_should_name_files_that_cannot_be_read(void **state) {
  (void)state;
  m4s_safetensors_t *file = NULL;
  ASSERT_REFUSES(m4s_safetensors_read("no/such/file", &file),
                 "no/such/file: No such file or directory");
  ASSERT_REFUSES(m4s_safetensors_read("/", &file), "/: is a folder, a file is needed");
  assert_null(file);
}

// Every cut of a good file is refused.
static void safetensors_should_refuse_every_cut(void **state) {
  (void)state;
  size_t n_bytes;
  char *bytes = make_file("{" TENSOR("a", "\"F32\"", "[2]", "[0, 8]") "}", 8, &n_bytes);
  m4s_safetensors_t *file = NULL;
  for (size_t n = 0; n < n_bytes; n++) {
    char *cut = malloc(n == 0 ? 1 : n);  // of exactly that size, so that a sanitizer sees its end
    memcpy(cut, bytes, n);
    assert_int_equal(m4s_safetensors_parse(cut, n, "f", &file), M4S_ERR_INPUT);
    free(cut);
  }
  ASSERT_OK(m4s_safetensors_parse(bytes, n_bytes, "f", &file));
  m4s_safetensors_destroy(file);
  free(bytes);
}

// --- writing ---

static void assert_same(const m4s_safetensors_t *a, const m4s_safetensors_t *b) {
  assert_int_equal(a->n_tensors, b->n_tensors);
  for (size_t i = 0; i < a->n_tensors; i++) {
    const m4s_tensor_t *x = &a->tensors[i];
    const m4s_tensor_t *y = &b->tensors[i];
    assert_string_equal(x->name, y->name);
    assert_int_equal(x->dtype, y->dtype);
    assert_int_equal(x->n_dims, y->n_dims);
    assert_memory_equal(x->shape, y->shape, sizeof x->shape);
    assert_int_equal(x->n_elements, y->n_elements);
    if (x->n_elements > 0) {
      assert_memory_equal(x->data, y->data, (size_t)x->n_elements * m4s_dtype_bytes(x->dtype));
    }
  }
  assert_int_equal(a->n_metadata, b->n_metadata);
  for (size_t i = 0; i < a->n_metadata; i++) {
    assert_string_equal(a->metadata[i].key, b->metadata[i].key);
    assert_string_equal(a->metadata[i].value, b->metadata[i].value);
  }
}

static const float floats[] = {0.5F, -0.0F, NAN, INFINITY, 1e-45F};
static const double one_double = 1.0 / 3;
static const int64_t longs[] = {INT64_MIN, INT64_MAX};

#define FLOATS \
  { \
    .name = "floats", .dtype = M4S_DTYPE_F32, .n_dims = 2, .shape = {5, 1}, .n_elements = 5, \
    .data = floats \
  }

static void safetensors_should_be_written_byte_for_byte(void **state) {
  (void)state;
  m4s_tensor_t tensors[] = {
      FLOATS,
      {.name = "\xc3\xa9\"", .dtype = M4S_DTYPE_F64, .n_elements = 1, .data = &one_double},
      {.name = "none", .dtype = M4S_DTYPE_I32, .n_dims = 1},
      {.name = "longs",
       .dtype = M4S_DTYPE_I64,
       .n_dims = 1,
       .shape = {2},
       .n_elements = 2,
       .data = longs}};
  m4s_metadata_t metadata[] = {{"", "empty"}, {"k", "v"}};
  const m4s_safetensors_t file = {tensors, 4, metadata, 2};
  static const char header[] =
      "{\"__metadata__\":{\"\":\"empty\",\"k\":\"v\"},"
      "\"floats\":{\"dtype\":\"F32\",\"shape\":[5,1],\"data_offsets\":[0,20]},"
      "\"\xc3\xa9\\\"\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[20,28]},"
      "\"none\":{\"dtype\":\"I32\",\"shape\":[0],\"data_offsets\":[28,28]},"
      "\"longs\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[28,44]}}";
  ASSERT_OK(m4s_safetensors_write(support_path("a"), &file));
  size_t n_bytes;
  char *bytes = support_read("a", &n_bytes);
  size_t n_header = sizeof header - 1;
  size_t padded = (n_header + 7) / 8 * 8;
  assert_int_equal(bytes[0] + 256 * bytes[1], padded);
  assert_memory_equal(bytes + 2, "\0\0\0\0\0\0", 6);
  assert_memory_equal(bytes + 8, header, n_header);
  for (size_t i = n_header; i < padded; i++) {
    assert_int_equal(bytes[8 + i], ' ');
  }
  assert_int_equal(n_bytes, 8 + padded + 44);
  assert_memory_equal(bytes + 8 + padded, floats, 20);
  assert_memory_equal(bytes + 8 + padded + 20, &one_double, 8);
  assert_memory_equal(bytes + 8 + padded + 28, longs, 16);
  m4s_safetensors_t *back;
  ASSERT_OK(m4s_safetensors_read(support_path("a"), &back));
  assert_same(&file, back);
  m4s_safetensors_destroy(back);
  free(bytes);
}

static void safetensors_should_refuse_to_write_bad_names(void **state) {
  (void)state;
  m4s_tensor_t twice[] = {FLOATS, FLOATS};
  m4s_metadata_t metadata[] = {{"k", "v"}, {"k", "w"}};
  m4s_safetensors_t file = {twice, 2, metadata, 0};
  ASSERT_FAILS(m4s_safetensors_write(support_path("x"), &file), M4S_ERR_INTERNAL,
               "the safetensors name \"floats\" stands twice");
  file = (m4s_safetensors_t){twice, 1, metadata, 2};
  ASSERT_FAILS(m4s_safetensors_write(support_path("x"), &file), M4S_ERR_INTERNAL,
               "the safetensors name \"k\" stands twice");
  file.n_metadata = 1;
  metadata[0].value = "\xff";
  ASSERT_REFUSES(m4s_safetensors_write(support_path("x"), &file),
                 "__metadata__: \"\xff\" is not UTF-8");
  file.n_metadata = 0;
  twice[0].name = "\xff";
  ASSERT_REFUSES(m4s_safetensors_write(support_path("x"), &file),
                 "the name of a tensor: \"\xff\" is not UTF-8");
  twice[0].name = "";
  ASSERT_FAILS(m4s_safetensors_write(support_path("x"), &file), M4S_ERR_INTERNAL,
               "no tensor can have the name \"\"");
  twice[0].name = "__metadata__";
  ASSERT_FAILS(m4s_safetensors_write(support_path("x"), &file), M4S_ERR_INTERNAL,
               "no tensor can have the name \"__metadata__\"");
  assert_false(m4s_path_exists(support_path("x")));
}

// Written headers are compact and their metadata sorted: the published file's layout is another,
// its values are the same.
static void published_weights_should_survive_writing(void **state) {
  (void)state;
  m4s_safetensors_t *first;
  m4s_safetensors_t *second;
  ASSERT_OK(m4s_safetensors_read(support_reference("m4-published.safetensors"), &first));
  assert_int_equal(first->n_tensors, 41);
  ASSERT_OK(m4s_safetensors_write(support_path("first"), first));
  ASSERT_OK(m4s_safetensors_read(support_path("first"), &second));
  assert_same(first, second);
  ASSERT_OK(m4s_safetensors_write(support_path("second"), second));
  size_t n_first;
  size_t n_second;
  char *first_bytes = support_read("first", &n_first);
  char *second_bytes = support_read("second", &n_second);
  assert_int_equal(n_first, n_second);
  assert_memory_equal(first_bytes, second_bytes, n_first);
  size_t n_published;
  char *published;
  ASSERT_OK(m4s_file_read(support_reference("m4-published.safetensors"), 8 << 20, &published,
                          &n_published));
  size_t n_data = 5680804;
  assert_memory_equal(first_bytes + n_first - n_data, published + n_published - n_data, n_data);
  free(published);
  free(first_bytes);
  free(second_bytes);
  m4s_safetensors_destroy(first);
  m4s_safetensors_destroy(second);
}

static void shapes_should_be_shown_within_their_room(void **state) {
  (void)state;
  m4s_tensor_t tensor = {.n_dims = 8};
  for (int i = 0; i < 8; i++) {
    tensor.shape[i] = INT64_MAX;
  }
  char text[M4S_TENSOR_SHOWN_BYTES];
  m4s_tensor_show_shape(&tensor, text);
  assert_int_equal(strlen(text), M4S_TENSOR_SHOWN_BYTES - 1);
  assert_int_equal(text[M4S_TENSOR_SHOWN_BYTES - 2], ']');
  assert_int_equal(strncmp(text, "[9223372036854775807, 9223372036854775807, ", 43), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(safetensors_should_hold_tensors_in_the_order_of_their_data),
      cmocka_unit_test(safetensors_should_read_files_without_tensors),
      cmocka_unit_test(safetensors_should_refuse_bad_lengths),
      cmocka_unit_test(safetensors_should_refuse_bad_headers),
      cmocka_unit_test(safetensors_should_refuse_metadata_that_is_no_text),
      cmocka_unit_test(safetensors_should_refuse_bad_entries),
      cmocka_unit_test(safetensors_should_refuse_bad_dtypes),
      cmocka_unit_test(safetensors_should_refuse_bad_shapes),
      cmocka_unit_test(safetensors_should_refuse_bad_offsets),
      cmocka_unit_test(safetensors_should_refuse_overlaps_gaps_and_rests),
      cmocka_unit_test(safetensors_should_name_files_that_cannot_be_read),
      cmocka_unit_test(safetensors_should_refuse_every_cut),
      cmocka_unit_test(safetensors_should_be_written_byte_for_byte),
      cmocka_unit_test(safetensors_should_refuse_to_write_bad_names),
      cmocka_unit_test(published_weights_should_survive_writing),
      cmocka_unit_test(shapes_should_be_shown_within_their_room),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
