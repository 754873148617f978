// The gray-failure topology files, written down from their rules alone.
#pragma once

#include "support.h"

// Whether GPU g of 32 is degraded when n of them are.
static inline bool gray_degraded(int n, int g) {
  if (n <= 8) {
    // Half of them, rounded up, from GPU 0 on, the others from GPU 8 on.
    int half = (n + 1) / 2;
    return g < half || (g >= 8 && g < 8 + n - half);
  }
  if (n <= 15) {
    return g < 8 || (g >= 16 && g < 16 + n - 8);
  }
  if (n == 16) {
    return g < 8 || (g >= 16 && g < 24);
  }
  return g < n;
}

// The file for n degraded GPUs at 1/r; owned by the caller.
static inline char *gray_text(int n, int r) {
  char *text = NULL;
  size_t n_bytes = 0;
  FILE *stream = open_memstream(&text, &n_bytes);
  assert_non_null(stream);
  fprintf(stream, "45 8 4 9 72 A100\n");
  fprintf(stream, "32 33 34 35 36 37 38 39 40 41 42 43 44\n");
  for (int g = 0; g < 32; g++) {
    bool degraded = gray_degraded(n, g);
    fprintf(stream, "%d %d %dGbps 0.000025ms 0\n", g, 32 + g / 8, degraded ? 2400 / r : 2400);
    fprintf(stream, "%d %d %dGbps 0.0005ms 0\n", g, 36 + g % 8, degraded ? 400 / r : 400);
  }
  for (int rail = 36; rail < 44; rail++) {
    fprintf(stream, "%d 44 400Gbps 0.0005ms 0\n", rail);
  }
  fclose(stream);
  return text;
}
