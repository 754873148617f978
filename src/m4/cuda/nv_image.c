// The compiled kernels (kernels.cu) as part of the program.
#include "m4/cuda/nv_image.h"

__asm__(
    ".section .rodata\n"
    ".balign 64\n"
    ".globl m4s_nv_image\n"
    "m4s_nv_image:\n"
    ".incbin \"" M4SWEEP_CUDA_IMAGE
    "\"\n"
    ".byte 0\n"
    ".text\n");
