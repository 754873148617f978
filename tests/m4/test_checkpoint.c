// Archives: tensors from storages, what is refused of zip files and of tensors.
#include "m4/checkpoint.h"

#include "m4/pickles.h"
#include "m4/zip.h"

static const float numbers[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                  12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

// An archive of data.pkl, data/0 and one more entry.
typedef struct {
  m4s_text_t pickle;
  const char *folder;
  const void *data;  // of data/0
  size_t n_data;
  zip_int32_t method;
  const char *more;  // name of another entry, NULL: none
  const char *more_bytes;
} contents_t;

static char *make_archive(const contents_t *contents, size_t *n_bytes_out) {
  char pickle_name[128];
  char data_name[128];
  snprintf(pickle_name, sizeof pickle_name, "%s/data.pkl", contents->folder);
  snprintf(data_name, sizeof data_name, "%s/data/0", contents->folder);
  zip_part_t parts[3] = {
      {pickle_name, contents->pickle.bytes, contents->pickle.length, contents->method},
      {data_name, contents->data, contents->n_data, contents->method},
      {contents->more, contents->more_bytes,
       contents->more_bytes == NULL ? 0 : strlen(contents->more_bytes), ZIP_CM_STORE}};
  return zip_make(parts, contents->more == NULL ? 2 : 3, n_bytes_out);
}

// Contents of one module whose attribute "w" is the tensor; the pickle is to be cleared.
static contents_t contents_of(const pickle_tensor_t *tensor) {
  contents_t contents = {
      .folder = "net", .data = numbers, .n_data = sizeof numbers, .method = ZIP_CM_STORE};
  pickle_module(&contents.pickle, "w", tensor);
  return contents;
}

static const pickle_tensor_t whole = {
    .key = "0", .type = "Float", .n_storage = 24, .n_dims = 2, .shape = {6, 4}, .strides = {4, 1}};

static m4s_checkpoint_t *parse(const contents_t *contents) {
  size_t n_bytes;
  char *bytes = make_archive(contents, &n_bytes);
  m4s_checkpoint_t *checkpoint = NULL;
  ASSERT_OK(m4s_checkpoint_parse(bytes, n_bytes, "net.pt", &checkpoint));
  free(bytes);
  return checkpoint;
}

static void assert_bytes_refused(const void *bytes, size_t n_bytes, const char *message) {
  int untouched;
  m4s_checkpoint_t *checkpoint = (m4s_checkpoint_t *)(void *)&untouched;
  ASSERT_REFUSES(m4s_checkpoint_parse(bytes, n_bytes, "net.pt", &checkpoint), message);
  assert_ptr_equal(checkpoint, &untouched);
}

// Clears the contents' pickle.
static void assert_refused(contents_t *contents, const char *message) {
  size_t n_bytes;
  char *bytes = make_archive(contents, &n_bytes);
  assert_bytes_refused(bytes, n_bytes, message);
  free(bytes);
  m4s_text_clear(&contents->pickle);
}

static void assert_tensor_refused(const pickle_tensor_t *tensor, const char *rest) {
  char message[512];
  contents_t contents = contents_of(tensor);
  snprintf(message, sizeof message, "net.pt: net/data.pkl: tensor \"w\"%s", rest);
  assert_refused(&contents, message);
}

// --- tensors ---

// The tensor holds these numbers, row by row.
static void assert_reads(const pickle_tensor_t *tensor, const int *expected, int n_expected) {
  for (zip_int32_t method = ZIP_CM_STORE; method <= ZIP_CM_DEFLATE; method += ZIP_CM_DEFLATE) {
    contents_t contents = contents_of(tensor);
    contents.method = method;
    m4s_checkpoint_t *checkpoint = parse(&contents);
    assert_int_equal(checkpoint->n_tensors, 1);
    const m4s_tensor_t *read = &checkpoint->tensors[0];
    assert_string_equal(read->name, "w");
    assert_int_equal(read->dtype, M4S_DTYPE_F32);
    assert_int_equal(read->n_dims, tensor->n_dims);
    assert_int_equal(read->n_elements, n_expected);
    for (int i = 0; i < tensor->n_dims; i++) {
      assert_int_equal(read->shape[i], tensor->shape[i]);
    }
    for (int i = 0; i < n_expected; i++) {
      assert_int_equal(((const float *)read->data)[i], expected[i]);
    }
    m4s_checkpoint_destroy(checkpoint);
    m4s_text_clear(&contents.pickle);
  }
}

static void checkpoint_should_read_contiguous_tensors(void **state) {
  (void)state;
  int all[24];
  for (int i = 0; i < 24; i++) {
    all[i] = i;
  }
  assert_reads(&whole, all, 24);
  pickle_tensor_t cube = {.key = "0",
                          .type = "Float",
                          .n_storage = 24,
                          .n_dims = 3,
                          .shape = {2, 3, 4},
                          .strides = {12, 4, 1}};
  assert_reads(&cube, all, 24);
  pickle_tensor_t number = {.key = "0", .type = "Float", .n_storage = 24, .offset = 23};
  assert_reads(&number, all + 23, 1);
}

static void checkpoint_should_honour_strides_and_offsets(void **state) {
  (void)state;
  pickle_tensor_t view = whole;
  // Transposed.
  view = (pickle_tensor_t){"0", "Float", 24, 0, 2, {4, 6}, {1, 4}};
  int transposed[24];
  for (int i = 0; i < 24; i++) {
    transposed[i] = i / 6 + i % 6 * 4;
  }
  assert_reads(&view, transposed, 24);
  // Every other column of rows 1 to 2.
  view = (pickle_tensor_t){"0", "Float", 24, 4, 2, {2, 2}, {4, 2}};
  assert_reads(&view, (int[]){4, 6, 8, 10}, 4);
  // The last elements.
  view = (pickle_tensor_t){"0", "Float", 24, 21, 1, {3}, {1}};
  assert_reads(&view, (int[]){21, 22, 23}, 3);
  // A row expanded to two, and a dimension of one whose stride means nothing.
  view = (pickle_tensor_t){"0", "Float", 24, 5, 3, {2, 1, 3}, {0, 999, 1}};
  assert_reads(&view, (int[]){5, 6, 7, 5, 6, 7}, 6);
}

static void checkpoint_should_name_tensors_by_their_attributes(void **state) {
  (void)state;
  contents_t contents = {
      .folder = "a b", .data = numbers, .n_data = sizeof numbers, .method = ZIP_CM_STORE};
  const pickle_tensor_t head = {"0", "Float", 24, 0, 1, {2}, {1}};
  const pickle_tensor_t tail = {"0", "Float", 24, 22, 1, {2}, {1}};
  m4s_text_t *pickle = &contents.pickle;
  // {"first": module(flag=True, "0": tensor, sizes=[3]), "none": None, 5: tensor, "a.b": tensor}
  PICKLE(pickle, "\x80\x02}(");
  pickle_text(pickle, "first");
  PICKLE(pickle, "c__torch__.x\nLinear\n)\x81}(");
  pickle_text(pickle, "flag");
  PICKLE(pickle, "\x88");
  pickle_text(pickle, "0");
  pickle_tensor(pickle, &head);
  pickle_text(pickle, "sizes");
  PICKLE(pickle,
         "](K\x03"
         "eub");
  pickle_text(pickle, "none");
  PICKLE(pickle, "NK\x05");
  pickle_tensor(pickle, &head);
  pickle_text(pickle, "a.b");
  pickle_tensor(pickle, &tail);
  PICKLE(pickle, "u.");
  m4s_checkpoint_t *checkpoint = parse(&contents);
  assert_int_equal(checkpoint->n_tensors, 2);
  assert_string_equal(checkpoint->tensors[0].name, "first.0");
  assert_string_equal(checkpoint->tensors[1].name, "a.b");
  assert_int_equal(((const float *)checkpoint->tensors[0].data)[1], 1);
  assert_int_equal(((const float *)checkpoint->tensors[1].data)[1], 23);
  m4s_checkpoint_destroy(checkpoint);
  m4s_text_clear(&contents.pickle);
}

static void checkpoint_should_read_the_byte_order(void **state) {
  (void)state;
  contents_t contents = contents_of(&whole);
  contents.more = "net/byteorder";
  contents.more_bytes = "little";
  m4s_checkpoint_destroy(parse(&contents));
  contents.more_bytes = "big";
  assert_refused(&contents, "net.pt: net/byteorder: is \"big\", only \"little\" is read");
}

static void checkpoint_should_refuse_other_types(void **state) {
  (void)state;
  pickle_tensor_t tensor = whole;
  tensor.type = "Double";
  assert_tensor_refused(&tensor, ": is float64, only float32 is read (save the module's .float())");
  tensor.type = "Half";
  assert_tensor_refused(&tensor, ": is float16, only float32 is read (save the module's .float())");
  tensor.type = "Char";
  assert_tensor_refused(
      &tensor, ": is torch CharStorage, only float32 is read (save the module's .float())");
}

static void checkpoint_should_refuse_bad_shapes(void **state) {
  (void)state;
  pickle_tensor_t tensor = whole;
  tensor.shape[1] = 0;
  assert_tensor_refused(&tensor, ": shape[1] is 0, at least 1 is needed");
  tensor.shape[1] = -4;
  assert_tensor_refused(&tensor, ": shape[1] is -4, at least 1 is needed");
  tensor = whole;
  tensor.strides[0] = -4;
  assert_tensor_refused(&tensor, ": stride[0] is -4, at least 0 is needed");
  tensor = whole;
  tensor.offset = -1;
  assert_tensor_refused(&tensor, ": its offset is -1, at least 0 is needed");
  tensor = whole;
  tensor.n_storage = -1;
  assert_tensor_refused(&tensor, ": the size of its storage is -1, at least 0 is needed");
  tensor = whole;
  tensor.n_dims = 9;
  assert_tensor_refused(&tensor, ": shape has 9 dimensions, at most 8 are read");
}

static void checkpoint_should_refuse_what_overflows(void **state) {
  (void)state;
  pickle_tensor_t tensor = {"0", "Float", 24, 0, 2, {INT64_C(1) << 40, INT64_C(1) << 40}, {0, 0}};
  assert_tensor_refused(
      &tensor, ": shape [1099511627776, 1099511627776] has more elements than can be counted");
  tensor = (pickle_tensor_t){"0", "Float", 24, 0, 2, {3, 3}, {INT64_MAX, 1}};
  assert_tensor_refused(&tensor, ": shape [3, 3] has more elements than can be counted");
  tensor = (pickle_tensor_t){"0", "Float", 24, INT64_MAX, 1, {2}, {1}};
  assert_tensor_refused(&tensor, ": shape [2] has more elements than can be counted");
}

static void checkpoint_should_refuse_tensors_beyond_their_storage(void **state) {
  (void)state;
  pickle_tensor_t tensor = whole;
  tensor.shape[0] = 7;
  assert_tensor_refused(&tensor,
                        ": shape [7, 4] reaches element 27 of storage \"0\", which has 24");
  tensor = (pickle_tensor_t){"0", "Float", 24, 24, 0, {0}, {0}};
  assert_tensor_refused(&tensor, ": shape [] reaches element 24 of storage \"0\", which has 24");
  tensor = (pickle_tensor_t){"0", "Float", 24, 1, 2, {4, 6}, {1, 4}};
  assert_tensor_refused(&tensor,
                        ": shape [4, 6] reaches element 24 of storage \"0\", which has 24");
}

static void checkpoint_should_refuse_storages_of_other_sizes(void **state) {
  (void)state;
  pickle_tensor_t tensor = whole;
  tensor.n_storage = 25;
  contents_t contents = contents_of(&tensor);
  assert_refused(&contents, "net.pt: net/data/0: 96 bytes, tensor \"w\" needs 25 float32");
  contents = contents_of(&whole);
  contents.n_data = 95;
  assert_refused(&contents, "net.pt: net/data/0: 95 bytes, tensor \"w\" needs 24 float32");
  tensor.n_storage = INT64_C(1) << 62;
  tensor.n_storage += 24;  // in bytes, modulo 2^64, it would fit
  contents = contents_of(&tensor);
  assert_refused(&contents,
                 "net.pt: net/data/0: 96 bytes, tensor \"w\" needs 4611686018427387928 float32");
  tensor = whole;
  tensor.key = "../1";
  contents = contents_of(&tensor);
  assert_refused(&contents, "net.pt: net/data/../1: is missing");
}

static void checkpoint_should_refuse_other_descriptions(void **state) {
  (void)state;
#define DESCRIBED(arguments, message) \
  do { \
    contents_t contents = contents_of(&whole); \
    m4s_text_clear(&contents.pickle); \
    PICKLE(&contents.pickle, \
           "\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(" arguments "tRs."); \
    assert_refused(&contents, "net.pt: net/data.pkl: tensor \"w\": " message); \
  } while (0)
#define STORAGE(word, type, key, n) \
  "(X\x07\x00\x00\x00" word type key \
  "X\x03\x00\x00\x00" \
  "cpu" n "tQ"
#define GOOD_STORAGE \
  STORAGE("storage", "ctorch\nFloatStorage\n", \
          "X\x01\x00\x00\x00" \
          "0", \
          "K\x18")
  DESCRIBED("NK\x00))\x89N", "its storage is None, a storage is needed");
  DESCRIBED(STORAGE("storagE", "ctorch\nFloatStorage\n",
                    "X\x01\x00\x00\x00"
                    "0",
                    "K\x18") "K\x00))\x89N",
            "its storage is a \"storagE\", \"storage\" is needed");
  DESCRIBED(STORAGE("storage", "N",
                    "X\x01\x00\x00\x00"
                    "0",
                    "K\x18") "K\x00))\x89N",
            "the type of its storage is None, a name is needed");
  DESCRIBED(STORAGE("storage", "ctorch\nFloatStorage\n", "K\x00", "K\x18") "K\x00))\x89N",
            "the key of its storage is an integer, a text is needed");
  DESCRIBED(STORAGE("storage", "ctorch\nFloatStorage\n",
                    "X\x01\x00\x00\x00"
                    "0",
                    "N") "K\x00))\x89N",
            "the size of its storage is None, an integer is needed");
  DESCRIBED(GOOD_STORAGE "\x88))\x89N", "its offset is a truth value, an integer is needed");
  DESCRIBED(GOOD_STORAGE "K\x00]]\x89N", "shape is a list, a tuple is needed");
  DESCRIBED(GOOD_STORAGE "K\x00N\x85N\x85\x89N", "shape[0] is None, an integer is needed");
  DESCRIBED(GOOD_STORAGE "K\x00K\x02\x85)\x89N", "0 strides for 1 dimensions");
#undef GOOD_STORAGE
#undef STORAGE
#undef DESCRIBED
}

// --- bounds ---

// Dictionaries in each other, `levels` deep, whose attributes "a" and "b" are the same value:
// 2^levels ways lead to the innermost one.
static contents_t doubled(int levels, const pickle_tensor_t *innermost) {
  contents_t contents = contents_of(&whole);
  m4s_text_t *pickle = &contents.pickle;
  m4s_text_clear(pickle);
  PICKLE(pickle, "\x80\x02");
  for (int i = 0; i < levels; i++) {
    PICKLE(pickle, "}(");
    pickle_text(pickle, "a");
  }
  if (innermost == NULL) {
    PICKLE(pickle, "N");
  } else {
    pickle_tensor(pickle, innermost);
  }
  for (int i = 0; i < levels; i++) {
    PICKLE(pickle, "q\x00");
    pickle_text(pickle, "b");
    PICKLE(pickle, "h\x00u");
  }
  PICKLE(pickle, ".");
  return contents;
}

static void checkpoint_should_bound_attributes_and_tensors(void **state) {
  (void)state;
  const pickle_tensor_t number = {.key = "0", .type = "Float", .n_storage = 24, .offset = 7};
  contents_t contents = doubled(30, NULL);
  assert_refused(&contents, "net.pt: net/data.pkl: more than 65536 attributes");
  contents = doubled(11, &number);
  assert_refused(&contents, "net.pt: net/data.pkl: more than 1024 tensors");
  contents = doubled(10, &number);
  m4s_checkpoint_t *checkpoint = parse(&contents);
  assert_int_equal(checkpoint->n_tensors, 1024);
  assert_string_equal(checkpoint->tensors[1023].name, "b.b.b.b.b.b.b.b.b.b");
  assert_int_equal(*(const float *)checkpoint->tensors[1023].data, 7);
  m4s_checkpoint_destroy(checkpoint);
  m4s_text_clear(&contents.pickle);
}

static void checkpoint_should_bound_the_bytes_of_all_tensors(void **state) {
  (void)state;
  // Many views of one storage.
  contents_t contents = doubled(10, &whole);
  size_t n_bytes;
  free(make_archive(&contents, &n_bytes));
  char message[160];
  snprintf(message, sizeof message,
           "net.pt: net/data.pkl: its tensors take more than %zu bytes, 64 times the archive",
           64 * n_bytes);
  assert_refused(&contents, message);
}

static void checkpoint_should_bound_names(void **state) {
  (void)state;
  contents_t contents = contents_of(&whole);
  char name[600];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  m4s_text_clear(&contents.pickle);
  pickle_module(&contents.pickle, name, &whole);
  char message[512];
  snprintf(message, sizeof message,
           "net.pt: net/data.pkl: attribute \"%.200s…\" has a name of more than 511 bytes", name);
  assert_refused(&contents, message);
  name[511] = '\0';
  pickle_module(&contents.pickle, name, &whole);
  m4s_checkpoint_t *checkpoint = parse(&contents);
  assert_string_equal(checkpoint->tensors[0].name, name);
  m4s_checkpoint_destroy(checkpoint);
  m4s_text_clear(&contents.pickle);
}

static void checkpoint_should_need_tensors(void **state) {
  (void)state;
  contents_t contents = doubled(2, NULL);
  assert_refused(&contents,
                 "net.pt: net/data.pkl: no tensors (those of a frozen module are constants, which "
                 "are not read)");
}

// --- zip files ---

static void checkpoint_should_refuse_what_is_no_zip(void **state) {
  (void)state;
  contents_t contents = contents_of(&whole);
  size_t n_bytes;
  char *bytes = make_archive(&contents, &n_bytes);
  const char *message = "net.pt: is no zip archive, or a damaged one: Not a zip archive";
  assert_bytes_refused("", 0, "net.pt: is empty");
  assert_bytes_refused("\x80\x02N.", 4, message);
  assert_bytes_refused(bytes, n_bytes - 1, message);
  assert_bytes_refused(bytes, n_bytes / 2, message);
  free(bytes);
  m4s_text_clear(&contents.pickle);
}

static void checkpoint_should_refuse_archives_of_other_entries(void **state) {
  (void)state;
  const zip_part_t parts[] = {{"a/data.pkl", "N.", 2, ZIP_CM_STORE},
                              {"b/data.pkl", "N.", 2, ZIP_CM_STORE},
                              {"data.pkl", "N.", 2, ZIP_CM_STORE},
                              {"a/b/data.pkl", "N.", 2, ZIP_CM_STORE}};
  size_t n_bytes;
  char *bytes = zip_make(parts, 2, &n_bytes);
  assert_bytes_refused(bytes, n_bytes,
                       "net.pt: holds both a/data.pkl and b/data.pkl, one is needed");
  free(bytes);
  bytes = zip_make(parts + 2, 2, &n_bytes);
  assert_bytes_refused(bytes, n_bytes,
                       "net.pt: no entry <folder>/data.pkl, as archives of PyTorch have it");
  free(bytes);
}

enum { FLAGS = 8, METHOD = 10, CRC = 16, SIZE = 24, LOCAL_OFFSET = 42, NAME = 46 };

// Byte `offset` of the nth header of the central directory (from 0).
static unsigned char *central(char *bytes, size_t n_bytes, int n, size_t offset) {
  for (size_t i = 0; i + 46 < n_bytes; i++) {
    if (memcmp(bytes + i, "PK\1\2", 4) == 0 && n-- == 0) {
      return (unsigned char *)bytes + i + offset;
    }
  }
  fail_msg("no header %d", n);
  return NULL;
}

static void checkpoint_should_refuse_missing_and_double_entries(void **state) {
  (void)state;
  pickle_tensor_t tensor = whole;
  tensor.key = "1";
  contents_t contents = contents_of(&tensor);
  assert_refused(&contents, "net.pt: net/data/1: is missing");
  contents = contents_of(&whole);
  contents.more = "net/data/1";
  contents.more_bytes = "x";
  size_t n_bytes;
  char *bytes = make_archive(&contents, &n_bytes);
  *central(bytes, n_bytes, 2, NAME + strlen("net/data/")) = '0';
  assert_bytes_refused(bytes, n_bytes, "net.pt: net/data/0: is there 2 times");
  free(bytes);
  m4s_text_clear(&contents.pickle);
}

// Sets a number in the header of data/0 in the directory.
static void assert_changed_refused(size_t offset, uint32_t number, size_t n, const char *message) {
  contents_t contents = contents_of(&whole);
  size_t n_bytes;
  char *bytes = make_archive(&contents, &n_bytes);
  unsigned char *at = central(bytes, n_bytes, 1, offset);
  for (size_t i = 0; i < n; i++) {
    at[i] = (unsigned char)(number >> 8 * i);
  }
  assert_bytes_refused(bytes, n_bytes, message);
  free(bytes);
  m4s_text_clear(&contents.pickle);
}

static void checkpoint_should_refuse_damaged_entries(void **state) {
  (void)state;
  assert_changed_refused(FLAGS, 1, 2, "net.pt: net/data/0: is encrypted");
  assert_changed_refused(METHOD, 12, 2,
                         "net.pt: net/data/0: is compressed by method 12, only stored (0) and "
                         "deflated (8) entries are read");
  assert_changed_refused(CRC, 1, 4, "net.pt: net/data/0: is damaged: CRC error");
  assert_changed_refused(METHOD, 8, 2, "net.pt: net/data/0: is damaged: Zlib error: data error");
  assert_changed_refused(LOCAL_OFFSET, 1, 4, "net.pt: net/data/0: is damaged: Invalid argument");
  assert_changed_refused(SIZE, 97, 4, "net.pt: net/data/0: is damaged: Zip archive inconsistent");
  assert_changed_refused(SIZE, 95, 4, "net.pt: net/data/0: is damaged: more than its 95 bytes");
  assert_changed_refused(SIZE, 1 << 30, 4,
                         "net.pt: net/data/0: 1073741824 bytes in an archive of 491, at most 64 "
                         "times as many are read");
}

static void checkpoint_should_refuse_what_grows_too_much(void **state) {
  (void)state;
  enum { N = 4 << 20 };
  pickle_tensor_t tensor = {"0", "Float", N / 4, 0, 1, {N / 4}, {1}};
  contents_t contents = contents_of(&tensor);
  char *zeros = calloc(1, N);
  contents.data = zeros;
  contents.n_data = N;
  contents.method = ZIP_CM_DEFLATE;
  size_t n_bytes;
  free(make_archive(&contents, &n_bytes));
  char message[160];
  snprintf(message, sizeof message,
           "net.pt: net/data/0: 4194304 bytes in an archive of %zu, at most 64 times as many are "
           "read",
           n_bytes);
  assert_refused(&contents, message);
  free(zeros);
}

static void checkpoint_should_bound_the_pickle(void **state) {
  (void)state;
  contents_t contents = contents_of(&whole);
  m4s_text_clear(&contents.pickle);
  for (int i = 0; i <= 256 << 10; i++) {
    PICKLE(&contents.pickle, "N");
  }
  assert_refused(&contents, "net.pt: net/data.pkl: 262145 bytes, at most 262144 are read");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checkpoint_should_read_contiguous_tensors),
      cmocka_unit_test(checkpoint_should_honour_strides_and_offsets),
      cmocka_unit_test(checkpoint_should_name_tensors_by_their_attributes),
      cmocka_unit_test(checkpoint_should_read_the_byte_order),
      cmocka_unit_test(checkpoint_should_refuse_other_types),
      cmocka_unit_test(checkpoint_should_refuse_bad_shapes),
      cmocka_unit_test(checkpoint_should_refuse_what_overflows),
      cmocka_unit_test(checkpoint_should_refuse_tensors_beyond_their_storage),
      cmocka_unit_test(checkpoint_should_refuse_storages_of_other_sizes),
      cmocka_unit_test(checkpoint_should_refuse_other_descriptions),
      cmocka_unit_test(checkpoint_should_bound_attributes_and_tensors),
      cmocka_unit_test(checkpoint_should_bound_the_bytes_of_all_tensors),
      cmocka_unit_test(checkpoint_should_bound_names),
      cmocka_unit_test(checkpoint_should_need_tensors),
      cmocka_unit_test(checkpoint_should_refuse_what_is_no_zip),
      cmocka_unit_test(checkpoint_should_refuse_archives_of_other_entries),
      cmocka_unit_test(checkpoint_should_refuse_missing_and_double_entries),
      cmocka_unit_test(checkpoint_should_refuse_damaged_entries),
      cmocka_unit_test(checkpoint_should_refuse_what_grows_too_much),
      cmocka_unit_test(checkpoint_should_bound_the_pickle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
