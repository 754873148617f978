#include <cblas.h>
#include <math.h>
#include <string.h>

#include "train/tape_pass.h"

#define LANES 4
#include "m4/vectors.h"

#define INSTRUCTIONS "generic"
typedef float number_t;
#define gemm cblas_sgemm
#include "train/tape_body.h"

const m4s_tape_kernels_t *m4s_tape_kernels_generic(void) { return &kernels; }
