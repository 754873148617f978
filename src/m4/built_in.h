// The network that is part of the program (m4/default.safetensors; its card is in m4/README.md).
#pragma once

#include "core/safetensors.h"

// Reads it as a file of weights. M4S_ERR_MEMORY.
m4s_status_t m4s_built_in_network(m4s_safetensors_t **file_out);

// The size of the file that it was made from.
size_t m4s_built_in_network_bytes(void);

// As m4s_file_hash() of the file that it was made from.
void m4s_built_in_network_hash(char hash_out[17]);
