// safetensors files: named tensors behind a JSON header, little-endian.
//
// Layout: 8 bytes n (uint64), n bytes of JSON {"name": {"dtype", "shape", "data_offsets"}, …,
// "__metadata__": {text: text}}, then the data. Reading checks all of it: the header's size and
// keys, known dtypes, shapes whose product fits, offsets that equal the shape's bytes, follow each
// other without overlap or gap and end with the file.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"

enum { M4S_TENSOR_MAX_DIMS = 8, M4S_TENSOR_SHOWN_BYTES = 96 };

typedef enum { M4S_DTYPE_F32, M4S_DTYPE_F64, M4S_DTYPE_I32, M4S_DTYPE_I64 } m4s_dtype_t;

typedef struct {
  const char *name;  // borrowed
  m4s_dtype_t dtype;
  int32_t n_dims;  // 0: a single number
  int64_t shape[M4S_TENSOR_MAX_DIMS];  // row-major
  int64_t n_elements;  // product of the shape
  const void *data;  // borrowed, aligned for its type
} m4s_tensor_t;

typedef struct {
  const char *key, *value;
} m4s_metadata_t;

// What is read owns all of it; what is only written may be put together from borrowed parts.
typedef struct {
  m4s_tensor_t *tensors;  // [n_tensors], in the order of their data
  size_t n_tensors;
  m4s_metadata_t *metadata;  // [n_metadata], sorted by key
  size_t n_metadata;
} m4s_safetensors_t;

// Reads a whole file of at most 4 GiB, with a header of at most 16 MiB. M4S_ERR_INPUT names file,
// tensor and value.
m4s_status_t m4s_safetensors_read(const char *path, m4s_safetensors_t **file_out);

// The same from memory, which is borrowed only for the call; `name` stands for the file in errors.
m4s_status_t m4s_safetensors_parse(const void *bytes, size_t n_bytes, const char *name,
                                   m4s_safetensors_t **file_out);
// Only for what was read; NULL is fine.
void m4s_safetensors_destroy(m4s_safetensors_t *file);

// NULL where there is none of that name.
const m4s_tensor_t *m4s_safetensors_find(const m4s_safetensors_t *file, const char *name);
const char *m4s_safetensors_metadata(const m4s_safetensors_t *file, const char *key);

// Appends the file's bytes to `bytes`: tensors and metadata in their order, the header padded with
// blanks so that the data begin at a multiple of 8. The same bytes for the same arguments.
// M4S_ERR_INPUT: a name, key or value that is not UTF-8; M4S_ERR_INTERNAL: names that no tensor can
// have, names or keys that stand twice.
m4s_status_t m4s_safetensors_format(const m4s_safetensors_t *file, m4s_text_t *bytes);

// Writes those bytes, atomically.
m4s_status_t m4s_safetensors_write(const char *path, const m4s_safetensors_t *file);

size_t m4s_dtype_bytes(m4s_dtype_t dtype);
// "F32", as in files.
const char *m4s_dtype_name(m4s_dtype_t dtype);

// "[600, 213]" in `text_out`.
void m4s_tensor_show_shape(const m4s_tensor_t *tensor, char text_out[M4S_TENSOR_SHOWN_BYTES]);
