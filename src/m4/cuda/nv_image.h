// The kernels for the GPUs that were compiled for, as the driver loads them.
#pragma once

extern const unsigned char m4s_nv_image[];
