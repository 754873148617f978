// Pickles (Python's serialised objects, protocol 2) as PyTorch writes them into its archives, read
// as a tree of values.
//
// A pickle is a program for a stack machine that may name and call anything in Python. Nothing is
// executed here: only the opcodes and the few names that archives of modules and tensors hold are
// known, all others are refused. Memory stays below about 200 bytes per byte of the pickle.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { M4S_PICKLE_MAX_DEPTH = 32 };

typedef enum {
  M4S_PICKLE_NONE,
  M4S_PICKLE_BOOL,
  M4S_PICKLE_INT,
  M4S_PICKLE_REAL,  // its value is not kept
  M4S_PICKLE_TEXT,
  M4S_PICKLE_TUPLE,
  M4S_PICKLE_LIST,
  M4S_PICKLE_DICT,  // items: key, value, key, value, …
  M4S_PICKLE_GLOBAL,  // a name of Python; text: "module name"
  M4S_PICKLE_OBJECT,  // of a TorchScript class; items: its attributes, a DICT, or nothing
  M4S_PICKLE_STORAGE,  // 5 items: "storage", type (GLOBAL), key, device, number of elements
  // 6 or 7 items, the arguments of torch._utils._rebuild_tensor_v2: storage, offset, shape, strides
  // (in elements), …
  M4S_PICKLE_TENSOR,
} m4s_pickle_kind_t;

typedef struct m4s_pickle_value m4s_pickle_value_t;
struct m4s_pickle_value {
  m4s_pickle_kind_t kind;
  int32_t height;  // 1 + that of its highest item, at most M4S_PICKLE_MAX_DEPTH
  size_t offset;  // of its opcode in the pickle
  int64_t integer;  // BOOL, INT
  char *text;  // owned; TEXT, GLOBAL
  m4s_pickle_value_t **items;  // owned array of borrowed values, [n_items]
  size_t n_items, capacity;
};

typedef struct {
  const m4s_pickle_value_t *root;
  m4s_pickle_value_t **values;  // owned, [n_values]: all there are; one may be an item of several
  size_t n_values, capacity;
} m4s_pickle_t;

// Reads a pickle; `name` stands for it in errors. M4S_ERR_INPUT, with the opcode's offset: an
// opcode or name of Python that is not known, one that its stack does not fit, a value that
// contains itself or is nested deeper than M4S_PICKLE_MAX_DEPTH, an end before or after its STOP.
m4s_status_t m4s_pickle_parse(const void *bytes, size_t n_bytes, const char *name,
                              m4s_pickle_t **pickle_out);
void m4s_pickle_destroy(m4s_pickle_t *pickle);

// The kind in words: "a tuple".
const char *m4s_pickle_kind_name(m4s_pickle_kind_t kind);
