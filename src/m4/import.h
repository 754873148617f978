// Weights of an m4 network from the archives that its public code saves: one .pt file a module.
#pragma once

#include <stddef.h>

#include "m4/model.h"

// Reads archives (m4/checkpoint.h) and writes their tensors to one file that m4s_model_read()
// takes, atomically, and only if they make a model. A path is an archive, or a folder of which all
// *.pt are read. The module of an archive is its file's name ("lstmcell_time.pt"), whose name then
// stands before its tensors' names; an archive whose tensors all have the name of a module before
// theirs, as that of a whole network has, may have any name, and "gnn_layers.0" is read as
// "gnn_layer_0". The same bytes for any order of the paths.
//
// M4S_ERR_INPUT: what m4s_checkpoint_read() and m4s_model_create() refuse; a folder without
// archives; a file that is named after no module (with the nearest one); a module that is missing;
// a tensor that two archives have; an output that is one of the archives. M4S_ERR_IO: the output
// cannot be written. The model is owned by the caller.
m4s_status_t m4s_model_import(const char *const *paths, size_t n_paths, const char *output,
                              m4s_model_t **model_out);
