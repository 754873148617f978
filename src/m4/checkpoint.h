// The tensors in an archive of PyTorch: a module saved by torch.jit.save(), scripted or traced, or
// a dictionary of tensors saved by torch.save(). Nothing in it is executed.
#pragma once

#include "core/safetensors.h"

// Tensors are named by the attributes that lead to them ("seq_cell.weight_ih"), float32, row-major
// however they lay in the archive. Attributes that are no tensors, modules or dictionaries (flags,
// sizes, lists) are left out.
typedef struct {
  m4s_tensor_t *tensors;  // [n_tensors], owned with their names and data
  size_t n_tensors;
} m4s_checkpoint_t;

// Reads an archive of at most 4 GiB, at most 1024 tensors. M4S_ERR_INPUT: what m4s_archive_open(),
// m4s_archive_read() and m4s_pickle_parse() refuse; no tensors; a tensor of another type than
// float32, of a shape or strides that are no positive sizes or reach beyond its storage, or whose
// storage has another size than it says; all named by file, entry, tensor and value.
m4s_status_t m4s_checkpoint_read(const char *path, m4s_checkpoint_t **checkpoint_out);

// The same from memory, which is borrowed only for the call; `name` stands for the file in errors.
m4s_status_t m4s_checkpoint_parse(const void *bytes, size_t n_bytes, const char *name,
                                  m4s_checkpoint_t **checkpoint_out);
void m4s_checkpoint_destroy(m4s_checkpoint_t *checkpoint);
