// What the fuzz targets share.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

// The input as a zero-terminated text that ends at its first zero byte; free().
char *fuzz_text(const uint8_t *data, size_t n_bytes);

// Aborts unless `status` is M4S_OK, or M4S_ERR_INPUT with a message of one line that begins with
// `path`.
void fuzz_check_status(m4s_status_t status, const char *path);
