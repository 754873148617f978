#include <cblas.h>
#include <math.h>
#include <string.h>

#include "train/tape_pass.h"

typedef double number_t;

// Vectors of one number, with the C library's functions.
#define LANES 1
typedef double v_t;
static inline v_t load(const double *from) { return *from; }
static inline void store(double *to, v_t value) { *to = value; }
static inline v_t sigmoid_v(v_t x) { return 1 / (1 + exp(-x)); }
static inline v_t tanh_v(v_t x) { return tanh(x); }

#define INSTRUCTIONS "generic"
#define gemm cblas_dgemm
#include "train/tape_body.h"

const m4s_tape_kernels_t *m4s_tape_kernels_float64(void) { return &kernels; }
