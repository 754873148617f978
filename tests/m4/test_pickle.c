// Pickles: every opcode that PyTorch writes, and what is refused, by offset.
#include "m4/pickle.h"

#include "m4/pickles.h"

static m4s_pickle_t *parse(const void *bytes, size_t n_bytes) {
  m4s_pickle_t *pickle = NULL;
  ASSERT_OK(m4s_pickle_parse(bytes, n_bytes, "data.pkl", &pickle));
  return pickle;
}

#define PARSE(literal) parse("" literal, sizeof(literal) - 1)

static void assert_refused(const void *bytes, size_t n_bytes, const char *message) {
  // At the end of its own memory, where a sanitizer sees what reads beyond.
  char *copy = malloc(n_bytes + 1);
  memmove(copy + 1, bytes, n_bytes);
  m4s_pickle_t *pickle = (m4s_pickle_t *)(void *)copy;
  ASSERT_REFUSES(m4s_pickle_parse(copy + 1, n_bytes, "data.pkl", &pickle), message);
  assert_ptr_equal(pickle, copy);
  free(copy);
}
#define REFUSED(literal, message) assert_refused("" literal, sizeof(literal) - 1, message)

static void pickle_should_read_numbers(void **state) {
  (void)state;
  const int64_t expected[] = {0, 255, 65535, -2,   2147483647, -2147483647 - 1,
                              0, 1,   -1,    -256, INT64_MAX,  INT64_MIN};
  m4s_pickle_t *pickle = PARSE(
      "\x80\x02(K\x00K\xffM\xff\xffJ\xfe\xff\xff\xffJ\xff\xff\xff\x7fJ\x00\x00\x00\x80"
      "\x8a\x00\x8a\x01\x01\x8a\x01\xff\x8a\x02\x00\xff\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"
      "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80t.");
  const m4s_pickle_value_t *root = pickle->root;
  assert_int_equal(root->kind, M4S_PICKLE_TUPLE);
  assert_int_equal(root->n_items, sizeof expected / sizeof *expected);
  for (size_t i = 0; i < root->n_items; i++) {
    assert_int_equal(root->items[i]->kind, M4S_PICKLE_INT);
    assert_int_equal(root->items[i]->integer, expected[i]);
  }
  assert_int_equal(root->height, 2);
  m4s_pickle_destroy(pickle);
}

static void pickle_should_read_single_values(void **state) {
  (void)state;
  m4s_pickle_t *pickle = PARSE(
      "\x80\x02(N\x88\x89G\x40\x09\x21\xfb\x54\x44\x2d\x18"
      "X\x05\x00\x00\x00Stra\xc3X\x00\x00\x00\x00t.");
  static const m4s_pickle_kind_t kinds[] = {M4S_PICKLE_NONE, M4S_PICKLE_BOOL, M4S_PICKLE_BOOL,
                                            M4S_PICKLE_REAL, M4S_PICKLE_TEXT, M4S_PICKLE_TEXT};
  m4s_pickle_value_t **items = pickle->root->items;
  assert_int_equal(pickle->root->n_items, 6);
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(items[i]->kind, kinds[i]);
    assert_int_equal(items[i]->height, 1);
  }
  assert_int_equal(items[0]->offset, 3);
  assert_int_equal(items[1]->integer, 1);
  assert_int_equal(items[2]->integer, 0);
  assert_string_equal(items[4]->text, "Stra\xc3");
  assert_string_equal(items[5]->text, "");
  m4s_pickle_destroy(pickle);
}

static void pickle_should_read_containers(void **state) {
  (void)state;
  // ((), (1,), (1, 2), (1, 2, 3), [4, 5, 6], {7: 8, 9: 10, 11: 12})
  m4s_pickle_t *pickle = PARSE(
      "\x80\x02()K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87]K\x04"
      "a(K\x05K\x06"
      "e}K\x07K\x08s(K\x09K\x0aK\x0bK\x0cut.");
  static const size_t n_items[] = {0, 1, 2, 3, 3, 6};
  static const int64_t last[] = {0, 1, 2, 3, 6, 12};
  assert_int_equal(pickle->root->n_items, 6);
  for (size_t i = 0; i < 6; i++) {
    const m4s_pickle_value_t *value = pickle->root->items[i];
    assert_int_equal(value->kind, i < 4    ? M4S_PICKLE_TUPLE
                                  : i == 4 ? M4S_PICKLE_LIST
                                           : M4S_PICKLE_DICT);
    assert_int_equal(value->n_items, n_items[i]);
    assert_true(i == 0 || value->items[n_items[i] - 1]->integer == last[i]);
  }
  m4s_pickle_destroy(pickle);
  pickle = PARSE("\x80\x02(t.");
  assert_int_equal(pickle->root->n_items, 0);
  m4s_pickle_destroy(pickle);
}

static void pickle_should_remember(void **state) {
  (void)state;
  m4s_pickle_t *pickle =
      PARSE("\x80\x02(]q\x00r\x05\x00\x00\x00h\x00j\x05\x00\x00\x00K\x07q\x00h\x00t.");
  const m4s_pickle_value_t *root = pickle->root;
  assert_int_equal(root->n_items, 5);
  assert_ptr_equal(root->items[0], root->items[1]);
  assert_ptr_equal(root->items[0], root->items[2]);
  assert_ptr_equal(root->items[3], root->items[4]);
  assert_int_equal(root->items[4]->integer, 7);
  m4s_pickle_destroy(pickle);
}

static void pickle_should_read_objects_with_their_attributes(void **state) {
  (void)state;
  m4s_pickle_t *pickle = PARSE(
      "\x80\x02"
      "c__torch__.torch.nn.modules.rnn\nGRUCell\n)\x81}X\x01\x00\x00\x00"
      "bc__torch__\nA\n)\x81sb.");
  const m4s_pickle_value_t *root = pickle->root;
  assert_int_equal(root->kind, M4S_PICKLE_OBJECT);
  assert_int_equal(root->n_items, 1);
  assert_int_equal(root->height, 3);
  assert_int_equal(root->items[0]->kind, M4S_PICKLE_DICT);
  assert_string_equal(root->items[0]->items[0]->text, "b");
  assert_int_equal(root->items[0]->items[1]->kind, M4S_PICKLE_OBJECT);
  assert_int_equal(root->items[0]->items[1]->n_items, 0);
  m4s_pickle_destroy(pickle);
}

static void pickle_should_read_tensors(void **state) {
  (void)state;
  m4s_text_t text = {0};
  const pickle_tensor_t tensor = {.key = "3",
                                  .type = "Double",
                                  .n_storage = 24,
                                  .offset = 2,
                                  .n_dims = 2,
                                  .shape = {3, 4},
                                  .strides = {4, 1}};
  PICKLE(&text, "\x80\x02");
  pickle_tensor(&text, &tensor);
  PICKLE(&text, ".");
  m4s_pickle_t *pickle = parse(text.bytes, text.length);
  const m4s_pickle_value_t *root = pickle->root;
  assert_int_equal(root->kind, M4S_PICKLE_TENSOR);
  assert_int_equal(root->n_items, 6);
  assert_int_equal(root->items[0]->kind, M4S_PICKLE_STORAGE);
  assert_string_equal(root->items[0]->items[1]->text, "torch DoubleStorage");
  assert_string_equal(root->items[0]->items[2]->text, "3");
  assert_int_equal(root->items[0]->items[4]->integer, 24);
  assert_int_equal(root->items[1]->integer, 2);
  assert_int_equal(root->items[2]->items[1]->integer, 4);
  assert_int_equal(root->items[5]->kind, M4S_PICKLE_DICT);
  m4s_pickle_destroy(pickle);
  m4s_text_clear(&text);
}

static void pickle_should_read_typed_containers(void **state) {
  (void)state;
  m4s_pickle_t *pickle = PARSE(
      "\x80\x02(ctorch.jit._pickle\nbuild_intlist\n(](K\x05K\x06"
      "etRctorch.jit._pickle\nrestore_type_tag\n}X\x0e\x00\x00\x00"
      "Dict[str, int]\x86Rt.");
  assert_int_equal(pickle->root->items[0]->kind, M4S_PICKLE_LIST);
  assert_int_equal(pickle->root->items[0]->items[1]->integer, 6);
  assert_int_equal(pickle->root->items[1]->kind, M4S_PICKLE_DICT);
  m4s_pickle_destroy(pickle);
}

static void pickle_should_leave_metadata_of_dictionaries_out(void **state) {
  (void)state;
  m4s_pickle_t *pickle = PARSE(
      "\x80\x02"
      "ccollections\nOrderedDict\n)R}X\x09\x00\x00\x00_metadataNsb.");
  assert_int_equal(pickle->root->kind, M4S_PICKLE_DICT);
  assert_int_equal(pickle->root->n_items, 0);
  m4s_pickle_destroy(pickle);
}

static void pickle_should_refuse_other_opcodes(void **state) {
  (void)state;
  static const unsigned char known[] = "()GJKMNQRX]abcehjqrstu}.\x80\x81\x85\x86\x87\x88\x89\x8a";
  int n_refused = 0;
  for (int opcode = 0; opcode < 256; opcode++) {
    if (opcode != 0 && strchr((const char *)known, opcode) != NULL) {
      continue;
    }
    char bytes[4] = {(char)0x80, 2, (char)opcode, '.'};
    char message[128];
    char shown[8] = "";
    if (opcode > ' ' && opcode < 0x7f) {
      snprintf(shown, sizeof shown, " '%c'", opcode);
    }
    snprintf(message, sizeof message,
             "data.pkl: offset 2: opcode 0x%02x%s, which archives of modules do not hold", opcode,
             shown);
    assert_refused(bytes, sizeof bytes, message);
    n_refused++;
  }
  assert_int_equal(n_refused, 256 - 32);
}

static void pickle_should_refuse_other_names(void **state) {
  (void)state;
#define NAMES(name) \
  "data.pkl: offset 2: names \"" name \
  "\" of Python, which archives of modules do not hold; it is not executed"
  REFUSED(
      "\x80\x02"
      "cos\nsystem\n.",
      NAMES("os system"));
  REFUSED(
      "\x80\x02"
      "cbuiltins\neval\n.",
      NAMES("builtins eval"));
  REFUSED(
      "\x80\x02"
      "c__torch__x\nA\n.",
      NAMES("__torch__x A"));
  REFUSED(
      "\x80\x02"
      "ccollections\nOrderedDict2\n.",
      NAMES("collections OrderedDict2"));
  REFUSED(
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v3\n.",
      NAMES("torch._utils _rebuild_tensor_v3"));
  REFUSED(
      "\x80\x02"
      "ctorch\nload\n.",
      NAMES("torch load"));
  REFUSED(
      "\x80\x02"
      "ctorch\nStorage\n.",
      NAMES("torch Storage"));
  REFUSED(
      "\x80\x02"
      "c\n\n.",
      NAMES(" "));
  REFUSED(
      "\x80\x02"
      "cos\nsys\x1b\n.",
      NAMES("os sys?"));
#undef NAMES
}

static void pickle_should_refuse_other_calls(void **state) {
  (void)state;
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\n)R.",
      "data.pkl: offset 16: calls \"__torch__ A\" with 0 arguments; it is not executed");
  REFUSED(
      "\x80\x02"
      "ccollections\nOrderedDict\nN\x85R.",
      "data.pkl: offset 29: calls \"collections OrderedDict\" with 1 arguments; it is not "
      "executed");
  REFUSED(
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\n)R.",
      "data.pkl: offset 36: calls \"torch._utils _rebuild_tensor_v2\" with 0 arguments; it is "
      "not executed");
  REFUSED(
      "\x80\x02"
      "ctorch.jit._pickle\nbuild_intlist\nNN\x86R.",
      "data.pkl: offset 38: calls \"torch.jit._pickle build_intlist\" with 2 arguments; it is "
      "not executed");
  REFUSED(
      "\x80\x02"
      "ctorch\nFloatStorage\n)R.",
      "data.pkl: offset 23: calls \"torch FloatStorage\" with 0 arguments; it is not executed");
  REFUSED(
      "\x80\x02"
      "ccollections\nOrderedDict\n)\x81.",
      "data.pkl: offset 28: makes a \"collections OrderedDict\" of 0 arguments; it is not "
      "executed");
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\nN\x85\x81.",
      "data.pkl: offset 17: makes a \"__torch__ A\" of 1 arguments; it is not executed");
  REFUSED("\x80\x02N)R.",
          "data.pkl: offset 4: needs a name and a tuple on the stack, None and a tuple are there");
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\n]\x81.",
      "data.pkl: offset 16: needs a name and a tuple on the stack, a name and a list are there");
}

static void pickle_should_refuse_other_stacks(void **state) {
  (void)state;
  REFUSED("\x80\x02.",
          "data.pkl: offset 2: stops with 0 values and 0 marks on the stack, not 1 and 0");
  REFUSED("\x80\x02NN.",
          "data.pkl: offset 4: stops with 2 values and 0 marks on the stack, not 1 and 0");
  REFUSED("\x80\x02N(.",
          "data.pkl: offset 4: stops with 1 values and 1 marks on the stack, not 1 and 0");
  REFUSED("\x80\x02N\x86.", "data.pkl: offset 3: needs 2 values on the stack, 1 are there");
  REFUSED("\x80\x02NN(\x85.", "data.pkl: offset 5: needs 1 values on the stack, 0 are there");
  REFUSED("\x80\x02Nt.", "data.pkl: offset 3: needs a mark on the stack, none is there");
  REFUSED("\x80\x02NNa.", "data.pkl: offset 4: needs a list on the stack, None is there");
  REFUSED("\x80\x02]NNs.", "data.pkl: offset 5: needs a dictionary on the stack, a list is there");
  REFUSED("\x80\x02}(Nu.", "data.pkl: offset 5: a key without a value");
  REFUSED("\x80\x02(Nu.", "data.pkl: offset 4: a key without a value");
  REFUSED("\x80\x02(u.", "data.pkl: offset 3: needs 1 values on the stack, 0 are there");
  REFUSED("\x80\x02q\x00.", "data.pkl: offset 2: needs 1 values on the stack, 0 are there");
  REFUSED("\x80\x02Q.", "data.pkl: offset 2: needs 1 values on the stack, 0 are there");
  REFUSED("\x80\x02NQ.", "data.pkl: offset 3: needs a tuple on the stack, None is there");
  REFUSED("\x80\x02NN\x86Q.", "data.pkl: offset 5: a storage of 2 items, 5 are needed");
  REFUSED("\x80\x02N}b.",
          "data.pkl: offset 4: needs an object and a dictionary on the stack, None and a "
          "dictionary are there");
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\n)\x81Nb.",
      "data.pkl: offset 18: needs an object and a dictionary on the stack, an object and None "
      "are there");
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\n)\x81}b}b.",
      "data.pkl: offset 20: gives the object of offset 16 its attributes twice");
}

static void pickle_should_refuse_empty_places_of_the_memo(void **state) {
  (void)state;
  REFUSED("\x80\x02h\x00.", "data.pkl: offset 2: place 0 of the memo is empty");
  REFUSED("\x80\x02Nq\x00h\x01.", "data.pkl: offset 5: place 1 of the memo is empty");
  REFUSED("\x80\x02j\xff\xff\xff\xff.",
          "data.pkl: offset 2: place 4294967295 of the memo is empty");
  REFUSED("\x80\x02Nr\xff\xff\xff\xff.",
          "data.pkl: offset 3: place 4294967295 of the memo, in a pickle of 9 bytes");
}

static void pickle_should_refuse_what_is_cut_off(void **state) {
  (void)state;
  REFUSED("", "data.pkl: offset 0: ends without a STOP");
  REFUSED("\x80\x02N", "data.pkl: offset 3: ends without a STOP");
  REFUSED("\x80", "data.pkl: offset 0: ends within an opcode that needs 1 more bytes, 0 are there");
  REFUSED("\x80\x02J\x01\x02",
          "data.pkl: offset 2: ends within an opcode that needs 4 more bytes, 2 are there");
  REFUSED("\x80\x02G\x01",
          "data.pkl: offset 2: ends within an opcode that needs 8 more bytes, 1 are there");
  REFUSED(
      "\x80\x02X\xff\xff\xff\xff"
      "abc",
      "data.pkl: offset 2: ends within an opcode that needs 4294967295 more bytes, 3 are there");
  REFUSED(
      "\x80\x02\x8a\x08"
      "1234567",
      "data.pkl: offset 2: ends within an opcode that needs 8 more bytes, 7 are there");
  REFUSED(
      "\x80\x02"
      "cos",
      "data.pkl: offset 2: a name without an end");
  REFUSED(
      "\x80\x02"
      "cos\nsystem",
      "data.pkl: offset 2: a name without an end");
  REFUSED("\x80\x02N.N.", "data.pkl: offset 3: stops before its end, 2 bytes follow");
}

static void pickle_should_refuse_other_protocols_and_values(void **state) {
  (void)state;
  REFUSED("\x80\x04\x95", "data.pkl: offset 0: pickle protocol 4, 2 is read");
  REFUSED(
      "\x80\x02\x8a\x09"
      "123456789.",
      "data.pkl: offset 2: an integer of 9 bytes, at most 8 are read");
  REFUSED(
      "\x80\x02X\x03\x00\x00\x00"
      "a\0b.",
      "data.pkl: offset 2: a text with a zero byte");
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\0B\n.",
      "data.pkl: offset 2: a text with a zero byte");
}

static void pickle_should_refuse_values_that_contain_themselves(void **state) {
  (void)state;
  REFUSED(
      "\x80\x02]q\x00h\x00"
      "a.",
      "data.pkl: offset 2: a value that contains itself");
  REFUSED(
      "\x80\x02]q\x00}NX\x01\x00\x00\x00kh\x00\x86s"
      "a.",
      "data.pkl: offset 2: a value that contains itself");
  REFUSED(
      "\x80\x02"
      "c__torch__\nA\n)\x81q\x00}X\x01\x00\x00\x00kh\x00sb.",
      "data.pkl: offset 16: a value that contains itself");
}

// depth 1-tuples around None, or around what place 0 of the memo holds.
static m4s_text_t nested(int depth) {
  m4s_text_t text = {0};
  PICKLE(&text, "\x80\x02N");
  for (int i = 0; i < depth; i++) {
    PICKLE(&text, "\x85");
  }
  return text;
}

static void pickle_should_bound_the_depth(void **state) {
  (void)state;
  m4s_text_t deepest = nested(M4S_PICKLE_MAX_DEPTH - 1);
  PICKLE(&deepest, ".");
  m4s_pickle_t *pickle = parse(deepest.bytes, deepest.length);
  assert_int_equal(pickle->root->height, M4S_PICKLE_MAX_DEPTH);
  m4s_pickle_destroy(pickle);
  m4s_text_clear(&deepest);
  m4s_text_t deeper = nested(M4S_PICKLE_MAX_DEPTH);
  PICKLE(&deeper, ".");
  assert_refused(deeper.bytes, deeper.length, "data.pkl: offset 2: values nested deeper than 32");
  m4s_text_clear(&deeper);
  // The long way to a value counts that was reached on a short one before.
  m4s_text_t shared = nested(20);
  PICKLE(&shared, "q\x00h\x00");
  for (int i = 0; i < 12; i++) {
    PICKLE(&shared, "\x85");
  }
  PICKLE(&shared, "\x86.");
  assert_refused(shared.bytes, shared.length, "data.pkl: offset 22: values nested deeper than 32");
  m4s_text_clear(&shared);
  m4s_text_t far = nested(100000);
  PICKLE(&far, ".");
  assert_refused(far.bytes, far.length, "data.pkl: offset 99970: values nested deeper than 32");
  m4s_text_clear(&far);
}

// Twice the one before, 31 times: few values, though two billion ways lead to the innermost.
static void pickle_should_keep_shared_values_once(void **state) {
  (void)state;
  m4s_text_t text = {0};
  PICKLE(&text, "\x80\x02N");
  for (int i = 1; i < M4S_PICKLE_MAX_DEPTH; i++) {
    PICKLE(&text, "q\x00h\x00\x86");
  }
  PICKLE(&text, ".");
  m4s_pickle_t *pickle = parse(text.bytes, text.length);
  assert_int_equal(pickle->n_values, M4S_PICKLE_MAX_DEPTH);
  assert_int_equal(pickle->root->height, M4S_PICKLE_MAX_DEPTH);
  m4s_pickle_destroy(pickle);
  m4s_text_clear(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pickle_should_read_numbers),
      cmocka_unit_test(pickle_should_read_single_values),
      cmocka_unit_test(pickle_should_read_containers),
      cmocka_unit_test(pickle_should_remember),
      cmocka_unit_test(pickle_should_read_objects_with_their_attributes),
      cmocka_unit_test(pickle_should_read_tensors),
      cmocka_unit_test(pickle_should_read_typed_containers),
      cmocka_unit_test(pickle_should_leave_metadata_of_dictionaries_out),
      cmocka_unit_test(pickle_should_refuse_other_opcodes),
      cmocka_unit_test(pickle_should_refuse_other_names),
      cmocka_unit_test(pickle_should_refuse_other_calls),
      cmocka_unit_test(pickle_should_refuse_other_stacks),
      cmocka_unit_test(pickle_should_refuse_empty_places_of_the_memo),
      cmocka_unit_test(pickle_should_refuse_what_is_cut_off),
      cmocka_unit_test(pickle_should_refuse_other_protocols_and_values),
      cmocka_unit_test(pickle_should_refuse_values_that_contain_themselves),
      cmocka_unit_test(pickle_should_bound_the_depth),
      cmocka_unit_test(pickle_should_keep_shared_values_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
