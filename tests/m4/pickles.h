// Pickles written by hand, opcode by opcode.
#pragma once

#include "core/text.h"
#include "support.h"

// The opcodes of a string literal, zero bytes included.
#define PICKLE(pickle, literal) \
  ASSERT_OK(m4s_text_add_bytes(pickle, "" literal, sizeof(literal) - 1))

static inline void pickle_number(m4s_text_t *pickle, char opcode, uint64_t number, size_t n_bytes) {
  char bytes[9] = {opcode};
  for (size_t i = 0; i < n_bytes; i++) {
    bytes[1 + i] = (char)(number >> (8 * i) & 255);
  }
  ASSERT_OK(m4s_text_add_bytes(pickle, bytes, 1 + n_bytes));
}

// BININT where it fits, else LONG1 of 8 bytes.
static inline void pickle_int(m4s_text_t *pickle, int64_t number) {
  if (number == (int32_t)number) {
    pickle_number(pickle, 'J', (uint32_t)number, 4);
  } else {
    PICKLE(pickle, "\x8a");
    pickle_number(pickle, 8, (uint64_t)number, 8);
  }
}

static inline void pickle_text(m4s_text_t *pickle, const char *text) {
  pickle_number(pickle, 'X', strlen(text), 4);
  ASSERT_OK(m4s_text_add_bytes(pickle, text, strlen(text)));
}

static inline void pickle_tuple(m4s_text_t *pickle, const int64_t *numbers, int n) {
  PICKLE(pickle, "(");
  for (int i = 0; i < n; i++) {
    pickle_int(pickle, numbers[i]);
  }
  PICKLE(pickle, "t");
}

typedef struct {
  const char *key, *type;  // of the storage: "0", "Float"
  int64_t n_storage, offset;
  int n_dims;
  int64_t shape[9], strides[9];
} pickle_tensor_t;

// As PyTorch writes a tensor, without the memo.
static inline void pickle_tensor(m4s_text_t *pickle, const pickle_tensor_t *tensor) {
  PICKLE(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
  pickle_text(pickle, "storage");
  ASSERT_OK(m4s_text_add(pickle, "ctorch\n%sStorage\n", tensor->type));
  pickle_text(pickle, tensor->key);
  pickle_text(pickle, "cpu");
  pickle_int(pickle, tensor->n_storage);
  PICKLE(pickle, "tQ");
  pickle_int(pickle, tensor->offset);
  pickle_tuple(pickle, tensor->shape, tensor->n_dims);
  pickle_tuple(pickle, tensor->strides, tensor->n_dims);
  PICKLE(pickle,
         "\x89"
         "ccollections\nOrderedDict\n)RtR");
}

// A module with one attribute, that tensor.
static inline void pickle_module(m4s_text_t *pickle, const char *attribute,
                                 const pickle_tensor_t *tensor) {
  PICKLE(pickle,
         "\x80\x02"
         "c__torch__\nNet\n)\x81}(");
  pickle_text(pickle, attribute);
  pickle_tensor(pickle, tensor);
  PICKLE(pickle, "ub.");
}
