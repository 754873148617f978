#include "m4/cuda/nv_products.h"

#include <cublasLt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/field.h"
#include "m4/cuda/nv_driver.h"

#define FUNCTIONS(X) \
  X(cublasLtCreate) \
  X(cublasLtDestroy) \
  X(cublasLtGetVersion) \
  X(cublasLtGetStatusString) \
  X(cublasLtMatmul) \
  X(cublasLtMatmulAlgoCheck) \
  X(cublasLtMatmulAlgoGetHeuristic) \
  X(cublasLtMatmulAlgoConfigGetAttribute) \
  X(cublasLtMatmulDescCreate) \
  X(cublasLtMatmulDescDestroy) \
  X(cublasLtMatmulDescSetAttribute) \
  X(cublasLtMatrixLayoutCreate) \
  X(cublasLtMatrixLayoutDestroy) \
  X(cublasLtMatmulPreferenceCreate) \
  X(cublasLtMatmulPreferenceDestroy) \
  X(cublasLtMatmulPreferenceSetAttribute)

static struct { FUNCTIONS(M4S_NV_MEMBER) } functions;
static bool loaded;
static char problem[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

// Algorithms are chosen for so many rows: what a GPU is well used with, and few enough that tiles
// stay small.
enum { USUAL_ROWS = 2048, N_CANDIDATES = 16, ALIGNMENT_BYTES = 16 };

// A shape of weights and rows, and the algorithm for it.
typedef struct {
  int32_t n_out, n_in, x_stride, y_stride;
  int32_t usual_rows;  // that it was chosen for
  cublasLtMatmulAlgo_t algorithm;
} shape_t;

struct m4s_nv_products {
  cublasLtHandle_t handle;
  cublasLtMatmulDesc_t product;
  cublasLtMatmulPreference_t preference;
  shape_t *shapes;  // owned, [n_shapes]
  int32_t n_shapes, capacity;
  int64_t n_exceptions;
};

static void load(void) {
  static const m4s_nv_symbol_t symbols[] = {FUNCTIONS(M4S_NV_SYMBOL_OF)};
  loaded = m4s_nv_load("libcublasLt.so." M4S_NV_SYMBOL(CUBLAS_VER_MAJOR), symbols,
                       M4S_COUNT(symbols), problem, sizeof problem) != 0;
}

static m4s_status_t check(cublasStatus_t status, const char *call) {
  if (status == CUBLAS_STATUS_SUCCESS) {
    return M4S_OK;
  }
  return m4s_fail(status == CUBLAS_STATUS_ALLOC_FAILED ? M4S_ERR_MEMORY : M4S_ERR_DEVICE,
                  "the GPU: %s: %s", call, functions.cublasLtGetStatusString(status));
}

#define TRY(function, ...) M4S_TRY(check(functions.function(__VA_ARGS__), #function))
#define SET_PREFERENCE(attribute, value) \
  TRY(cublasLtMatmulPreferenceSetAttribute, products->preference, \
      CUBLASLT_MATMUL_PREF_##attribute, &(value), sizeof(value))

static m4s_status_t init(m4s_nv_products_t *products, bool tf32) {
  const uint64_t no_workspace = 0;
  const uint32_t no_reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
  const uint32_t alignment = ALIGNMENT_BYTES;
  const cublasOperation_t transposed = CUBLAS_OP_T;
  cublasComputeType_t type = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  TRY(cublasLtCreate, &products->handle);
  TRY(cublasLtMatmulDescCreate, &products->product, type, CUDA_R_32F);
  TRY(cublasLtMatmulDescSetAttribute, products->product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
      sizeof transposed);
  TRY(cublasLtMatmulPreferenceCreate, &products->preference);
  SET_PREFERENCE(MAX_WORKSPACE_BYTES, no_workspace);
  SET_PREFERENCE(REDUCTION_SCHEME_MASK, no_reduction);
  SET_PREFERENCE(MIN_ALIGNMENT_A_BYTES, alignment);
  SET_PREFERENCE(MIN_ALIGNMENT_B_BYTES, alignment);
  SET_PREFERENCE(MIN_ALIGNMENT_C_BYTES, alignment);
  SET_PREFERENCE(MIN_ALIGNMENT_D_BYTES, alignment);
  return M4S_OK;
}

m4s_status_t m4s_nv_products_create(bool tf32, m4s_nv_products_t **products_out) {
  pthread_once(&once, load);
  if (!loaded) {
    return m4s_fail(M4S_ERR_DEVICE, "cuBLAS cannot be loaded: %s", problem);
  }
  m4s_nv_products_t *products = calloc(1, sizeof *products);
  if (products == NULL) {
    return m4s_fail_memory("a GPU");
  }
  m4s_status_t status = init(products, tf32);
  if (status != M4S_OK) {
    m4s_nv_products_destroy(products);
    return status;
  }
  *products_out = products;
  return M4S_OK;
}

void m4s_nv_products_destroy(m4s_nv_products_t *products) {
  if (products == NULL) {
    return;
  }
  if (products->preference != NULL) {
    functions.cublasLtMatmulPreferenceDestroy(products->preference);
  }
  if (products->product != NULL) {
    functions.cublasLtMatmulDescDestroy(products->product);
  }
  if (products->handle != NULL) {
    functions.cublasLtDestroy(products->handle);
  }
  free(products->shapes);
  free(products);
}

// cuBLAS counts by columns: a matrix of rows is to it one of columns. So y = x W^T becomes
// y' = (W')^T x' with the columns' lengths n_in, n_in and n_out.
typedef struct {
  cublasLtMatrixLayout_t weight, x, y;
} layouts_t;

static void clear_layouts(layouts_t *layouts) {
  cublasLtMatrixLayout_t all[] = {layouts->weight, layouts->x, layouts->y};
  for (size_t i = 0; i < M4S_COUNT(all); i++) {
    if (all[i] != NULL) {
      functions.cublasLtMatrixLayoutDestroy(all[i]);
    }
  }
}

// To be cleared also after an error.
static m4s_status_t make_layouts(const shape_t *shape, int32_t n_rows, layouts_t *layouts) {
  uint64_t n_in = (uint64_t)shape->n_in;
  uint64_t n_out = (uint64_t)shape->n_out;
  *layouts = (layouts_t){0};
  TRY(cublasLtMatrixLayoutCreate, &layouts->weight, CUDA_R_32F, n_in, n_out, shape->n_in);
  TRY(cublasLtMatrixLayoutCreate, &layouts->x, CUDA_R_32F, n_in, (uint64_t)n_rows, shape->x_stride);
  TRY(cublasLtMatrixLayoutCreate, &layouts->y, CUDA_R_32F, n_out, (uint64_t)n_rows,
      shape->y_stride);
  return M4S_OK;
}

// The first algorithm in the order of the expected speed whose sums are in one piece.
static m4s_status_t choose(const m4s_nv_products_t *products, const layouts_t *layouts,
                           cublasLtMatmulAlgo_t *algorithm_out) {
  cublasLtMatmulHeuristicResult_t results[N_CANDIDATES];
  int n = 0;
  TRY(cublasLtMatmulAlgoGetHeuristic, products->handle, products->product, layouts->weight,
      layouts->x, layouts->y, layouts->y, products->preference, N_CANDIDATES, results, &n);
  for (int i = 0; i < n; i++) {
    int32_t n_pieces = 0;
    size_t n_written = 0;
    if (results[i].state != CUBLAS_STATUS_SUCCESS) {
      continue;
    }
    TRY(cublasLtMatmulAlgoConfigGetAttribute, &results[i].algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM,
        &n_pieces, sizeof n_pieces, &n_written);
    if (n_pieces <= 1 && results[i].workspaceSize == 0) {
      *algorithm_out = results[i].algo;
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_DEVICE, "the GPU: cuBLAS has no algorithm for a product");
}

static m4s_status_t add_shape(m4s_nv_products_t *products, const shape_t *wanted,
                              const shape_t **shape_out) {
  shape_t shape = *wanted;
  layouts_t layouts;
  M4S_TRY(m4s_array_grow(&products->shapes, products->n_shapes, &products->capacity,
                         sizeof *products->shapes, "products"));
  m4s_status_t status = make_layouts(&shape, shape.usual_rows, &layouts);
  if (status == M4S_OK) {
    status = choose(products, &layouts, &shape.algorithm);
  }
  clear_layouts(&layouts);
  M4S_TRY(status);
  products->shapes[products->n_shapes] = shape;
  *shape_out = &products->shapes[products->n_shapes++];
  return M4S_OK;
}

static m4s_status_t find_shape(m4s_nv_products_t *products, const shape_t *wanted,
                               const shape_t **shape_out) {
  for (int32_t i = 0; i < products->n_shapes; i++) {
    const shape_t *shape = &products->shapes[i];
    if (shape->n_out == wanted->n_out && shape->n_in == wanted->n_in &&
        shape->x_stride == wanted->x_stride && shape->y_stride == wanted->y_stride &&
        shape->usual_rows == wanted->usual_rows) {
      *shape_out = shape;
      return M4S_OK;
    }
  }
  return add_shape(products, wanted, shape_out);
}

// The shape's algorithm, where it can do with this number of rows; else another one.
static m4s_status_t fit(m4s_nv_products_t *products, const shape_t *shape, const layouts_t *layouts,
                        cublasLtMatmulAlgo_t *algorithm_out) {
  cublasLtMatmulHeuristicResult_t result;
  cublasStatus_t status = functions.cublasLtMatmulAlgoCheck(products->handle, products->product,
                                                            layouts->weight, layouts->x, layouts->y,
                                                            layouts->y, &shape->algorithm, &result);
  if (status == CUBLAS_STATUS_SUCCESS && result.workspaceSize == 0) {
    *algorithm_out = shape->algorithm;
    return M4S_OK;
  }
  products->n_exceptions++;
  return choose(products, layouts, algorithm_out);
}

static m4s_status_t multiply(m4s_nv_products_t *products, CUstream stream, const shape_t *wanted,
                             const float *weight, int32_t n_rows, const float *x, float *y) {
  const float one = 1;
  const float zero = 0;
  const shape_t *shape;
  cublasLtMatmulAlgo_t algorithm;
  layouts_t layouts;
  M4S_TRY(find_shape(products, wanted, &shape));
  m4s_status_t status = make_layouts(shape, n_rows, &layouts);
  if (status == M4S_OK) {
    status = fit(products, shape, &layouts, &algorithm);
  }
  if (status == M4S_OK) {
    status = check(functions.cublasLtMatmul(products->handle, products->product, &one, weight,
                                            layouts.weight, x, layouts.x, &zero, y, layouts.y, y,
                                            layouts.y, &algorithm, NULL, 0, (cudaStream_t)stream),
                   "cublasLtMatmul");
  }
  clear_layouts(&layouts);
  return status;
}

m4s_status_t m4s_nv_multiply(m4s_nv_products_t *products, CUstream stream,
                             const m4s_device_product_t *product, int32_t n_rows, const float *x,
                             int32_t x_stride, float *y, int32_t y_stride) {
  const shape_t wanted = {.n_out = product->n_out,
                          .n_in = product->n_in,
                          .x_stride = x_stride,
                          .y_stride = y_stride,
                          .usual_rows = USUAL_ROWS};
  return multiply(products, stream, &wanted, product->weight, n_rows, x, y);
}

m4s_status_t m4s_nv_multiply_square(m4s_nv_products_t *products, CUstream stream, int32_t size,
                                    const float *weight, const float *x, float *y) {
  const shape_t wanted = {
      .n_out = size, .n_in = size, .x_stride = size, .y_stride = size, .usual_rows = size};
  return multiply(products, stream, &wanted, weight, size, x, y);
}

int64_t m4s_nv_n_exceptions(const m4s_nv_products_t *products) { return products->n_exceptions; }

void m4s_nv_products_version(char *text, size_t n_text) {
  size_t version = loaded ? functions.cublasLtGetVersion() : 0;
  snprintf(text, n_text, "cuBLAS %zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
}
