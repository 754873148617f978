#include <math.h>
#include <string.h>

#include "m4/kernels.h"

#define KERNELS "generic"
#define LANES 4
#define ROWS 4
#include "m4/kernels_body.h"

const m4s_kernels_t *m4s_kernels_generic(void) { return &kernels; }
