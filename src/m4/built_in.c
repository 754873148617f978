#include "m4/built_in.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/file.h"

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".global m4s_built_in_begin, m4s_built_in_end\n"
    "m4s_built_in_begin: .incbin \"" M4SWEEP_DEFAULT_NETWORK
    "\"\n"
    "m4s_built_in_end:\n"
    ".popsection\n");

extern const char m4s_built_in_begin[], m4s_built_in_end[];

size_t m4s_built_in_network_bytes(void) { return (size_t)(m4s_built_in_end - m4s_built_in_begin); }

m4s_status_t m4s_built_in_network(m4s_safetensors_t **file_out) {
  return m4s_safetensors_parse(m4s_built_in_begin, m4s_built_in_network_bytes(),
                               "the network that is built in", file_out);
}

void m4s_built_in_network_hash(char hash_out[17]) {
  snprintf(hash_out, 17, "%016" PRIx64,
           m4s_hash_bytes(M4S_HASH_START, m4s_built_in_begin, m4s_built_in_network_bytes()));
}
