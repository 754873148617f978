// Matrix products by cuBLASLt: for each shape of weights one algorithm, without splitting sums, so
// that a row's product does not depend on the number of rows.
#pragma once

#include <cuda.h>
#include <stdbool.h>

#include "m4/cuda/device.h"

typedef struct m4s_nv_products m4s_nv_products_t;

// In the thread's context. M4S_ERR_DEVICE: cuBLAS is missing or does not work.
m4s_status_t m4s_nv_products_create(bool tf32, m4s_nv_products_t **products_out);
void m4s_nv_products_destroy(m4s_nv_products_t *products);

// As m4s_device_ops_t.multiply.
m4s_status_t m4s_nv_multiply(m4s_nv_products_t *products, CUstream stream,
                             const m4s_device_product_t *product, int32_t n_rows, const float *x,
                             int32_t x_stride, float *y, int32_t y_stride);

// The same with square matrices [size, size], by the algorithm that is best for them: for the peak.
m4s_status_t m4s_nv_multiply_square(m4s_nv_products_t *products, CUstream stream, int32_t size,
                                    const float *weight, const float *x, float *y);

// Products that had to be made by another algorithm than others of their shape.
int64_t m4s_nv_n_exceptions(const m4s_nv_products_t *products);
void m4s_nv_products_version(char *text, size_t n_text);
