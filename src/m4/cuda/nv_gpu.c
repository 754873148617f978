#include "m4/cuda/gpu.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "m4/cuda/nv_cells.h"
#include "m4/cuda/nv_driver.h"
#include "m4/cuda/nv_image.h"
#include "m4/cuda/nv_products.h"

enum { MIN_COMPUTE = 8, THREADS = 256, MAX_BLOCKS = 1 << 20 };

struct m4s_gpu {
  CUdevice device;
  CUcontext context;  // retained
  CUmodule module;
  CUfunction kernels[M4S_N_DEVICE_KERNELS];
  CUstream streams[M4S_DEVICE_STREAMS];
  CUevent reached[M4S_DEVICE_STREAMS];  // where another stream is to wait for
  CUevent marks[M4S_DEVICE_STREAMS][M4S_DEVICE_MARKS];
  m4s_nv_products_t *products;
  m4s_nv_cells_t *cells;  // NULL: not asked for yet
  bool tf32;
};

// --- which there are ---

int m4s_gpu_count(char reason_out[M4S_GPU_REASON_BYTES]) {
  int n = 0;
  if (m4s_nv_driver() == NULL) {
    snprintf(reason_out, M4S_GPU_REASON_BYTES, "%s", m4s_nv_driver_problem());
    return 0;
  }
  if (M4S_NV_CHECK(cuDeviceGetCount, &n) != M4S_OK) {
    snprintf(reason_out, M4S_GPU_REASON_BYTES, "%s", m4s_last_error());
    return 0;
  }
  if (n == 0) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    snprintf(reason_out, M4S_GPU_REASON_BYTES, "the NVIDIA driver has no GPU for this process%s%s",
             visible == NULL ? "" : ", CUDA_VISIBLE_DEVICES is ", visible == NULL ? "" : visible);
  }
  return n;
}

static m4s_status_t find(int i, CUdevice *device_out) {
  char reason[M4S_GPU_REASON_BYTES];
  int n = m4s_gpu_count(reason);
  if (n == 0) {
    return m4s_fail(M4S_ERR_INPUT, "there is no GPU: %s", reason);
  }
  if (i < 0 || i >= n) {
    return m4s_fail(M4S_ERR_INPUT, "there is no GPU %d: this process has %d, cuda:0 … cuda:%d", i,
                    n, n - 1);
  }
  return M4S_NV_CHECK(cuDeviceGet, device_out, i);
}

// "GPU-" and the bytes as NVIDIA's tools show them.
static void format_uuid(const CUuuid *uuid, char text[M4S_GPU_UUID_BYTES]) {
  size_t n = (size_t)snprintf(text, M4S_GPU_UUID_BYTES, "GPU");
  for (int i = 0; i < 16; i++) {
    bool dash = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
    n += (size_t)snprintf(text + n, M4S_GPU_UUID_BYTES - n, "%s%02x", dash ? "-" : "",
                          (unsigned)(unsigned char)uuid->bytes[i]);
  }
}

// Of the node's memory and cores near the device; -1: the system does not say.
static int numa_node_of(const char *pci) {
  char path[96];
  char *text = NULL;
  int node = -1;
  snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/numa_node", pci);
  // Files there claim the size of a page.
  if (m4s_file_read(path, 1 << 16, &text, NULL) == M4S_OK) {
    node = (int)strtol(text, NULL, 10);
    free(text);
  }
  return node < 0 ? -1 : node;
}

m4s_status_t m4s_gpu_describe(int i, m4s_gpu_info_t *info_out) {
  m4s_gpu_info_t info = {.numa_node = -1};
  CUdevice device;
  CUuuid uuid;
  M4S_TRY(find(i, &device));
  M4S_NV_TRY(cuDeviceGetName, info.name, M4S_GPU_NAME_BYTES, device);
  M4S_NV_TRY(cuDeviceGetUuid, &uuid, device);
  M4S_NV_TRY(cuDeviceGetPCIBusId, info.pci, M4S_GPU_PCI_BYTES, device);
  M4S_NV_TRY(cuDeviceTotalMem, &info.memory_bytes, device);
  M4S_NV_TRY(cuDeviceGetAttribute, &info.compute_major,
             CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
  M4S_NV_TRY(cuDeviceGetAttribute, &info.compute_minor,
             CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
  for (char *c = info.pci; *c != '\0'; c++) {
    *c = (char)tolower((unsigned char)*c);
  }
  format_uuid(&uuid, info.uuid);
  info.numa_node = numa_node_of(info.pci);
  *info_out = info;
  return M4S_OK;
}

// --- opening and closing ---

static m4s_status_t check_compute(int i) {
  m4s_gpu_info_t info;
  M4S_TRY(m4s_gpu_describe(i, &info));
  return info.compute_major >= MIN_COMPUTE
             ? M4S_OK
             : m4s_fail(M4S_ERR_DEVICE,
                        "cuda:%d, %s, has compute capability %d.%d; m4sweep needs %d.0", i,
                        info.name, info.compute_major, info.compute_minor, MIN_COMPUTE);
}

static m4s_status_t load_kernels(m4s_gpu_t *gpu) {
#define NAME(kernel) "m4s_" #kernel,
  static const char *const names[] = {M4S_DEVICE_KERNELS(NAME)};
#undef NAME
  M4S_NV_TRY(cuModuleLoadData, &gpu->module, m4s_nv_image);
  for (int i = 0; i < M4S_N_DEVICE_KERNELS; i++) {
    M4S_NV_TRY(cuModuleGetFunction, &gpu->kernels[i], gpu->module, names[i]);
  }
  return M4S_OK;
}

static m4s_status_t make_streams(m4s_gpu_t *gpu) {
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    M4S_NV_TRY(cuStreamCreate, &gpu->streams[i], CU_STREAM_NON_BLOCKING);
    M4S_NV_TRY(cuEventCreate, &gpu->reached[i], CU_EVENT_DISABLE_TIMING);
    for (int k = 0; k < M4S_DEVICE_MARKS; k++) {
      M4S_NV_TRY(cuEventCreate, &gpu->marks[i][k], CU_EVENT_DEFAULT);
    }
  }
  return M4S_OK;
}

static m4s_status_t init(m4s_gpu_t *gpu, int i) {
  M4S_TRY(find(i, &gpu->device));
  M4S_TRY(check_compute(i));
  M4S_NV_TRY(cuDevicePrimaryCtxRetain, &gpu->context, gpu->device);
  M4S_NV_TRY(cuCtxSetCurrent, gpu->context);
  M4S_TRY(load_kernels(gpu));
  M4S_TRY(make_streams(gpu));
  return m4s_nv_products_create(gpu->tf32, &gpu->products);
}

m4s_status_t m4s_gpu_open(int i, m4s_gpu_products_t products, m4s_gpu_t **gpu_out) {
  m4s_gpu_t *gpu = calloc(1, sizeof *gpu);
  if (gpu == NULL) {
    return m4s_fail_memory("a GPU");
  }
  gpu->tf32 = products == M4S_GPU_TF32;
  m4s_status_t status = init(gpu, i);
  if (status != M4S_OK) {
    m4s_gpu_close(gpu);
    return status;
  }
  *gpu_out = gpu;
  return M4S_OK;
}

// What a lost GPU says to it means nothing.
static void clear_streams(const m4s_nv_driver_t *driver, m4s_gpu_t *gpu) {
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    for (int k = 0; k < M4S_DEVICE_MARKS; k++) {
      if (gpu->marks[i][k] != NULL) {
        (void)driver->cuEventDestroy(gpu->marks[i][k]);
      }
    }
    if (gpu->reached[i] != NULL) {
      (void)driver->cuEventDestroy(gpu->reached[i]);
    }
    if (gpu->streams[i] != NULL) {
      (void)driver->cuStreamDestroy(gpu->streams[i]);
    }
  }
}

void m4s_gpu_close(m4s_gpu_t *gpu) {
  const m4s_nv_driver_t *driver = gpu == NULL ? NULL : m4s_nv_driver();
  if (driver != NULL) {
    m4s_nv_cells_destroy(gpu->cells);
    m4s_nv_products_destroy(gpu->products);
    clear_streams(driver, gpu);
    if (gpu->module != NULL) {
      (void)driver->cuModuleUnload(gpu->module);
    }
    if (gpu->context != NULL) {
      (void)driver->cuCtxSetCurrent(NULL);
      (void)driver->cuDevicePrimaryCtxRelease(gpu->device);
    }
  }
  free(gpu);
}

int64_t m4s_gpu_n_exceptions(const m4s_gpu_t *gpu) { return m4s_nv_n_exceptions(gpu->products); }

void m4s_gpu_versions(const m4s_gpu_t *gpu, char *text, size_t n_text) {
  char products[48];
  char cells[48];
  int driver = 0;
  (void)gpu;
  (void)m4s_nv_driver()->cuDriverGetVersion(&driver);
  m4s_nv_products_version(products, sizeof products);
  m4s_nv_cells_version(cells, sizeof cells);
  snprintf(text, n_text, "CUDA %d.%d, %s, %s", driver / 1000, driver % 1000 / 10, products, cells);
}

// --- the device ---

// Addresses of the device are pointers that the host does not follow.
static CUdeviceptr address(const void *memory) { return (CUdeviceptr)(uintptr_t)memory; }

static m4s_status_t gpu_allocate(void *state, size_t n_bytes, void **memory_out) {
  m4s_gpu_t *gpu = state;
  CUdeviceptr memory;
  M4S_NV_TRY(cuMemAlloc, &memory, n_bytes);
  m4s_status_t status = M4S_NV_CHECK(cuMemsetD8Async, memory, 0, n_bytes, gpu->streams[0]);
  if (status == M4S_OK) {
    status = M4S_NV_CHECK(cuStreamSynchronize, gpu->streams[0]);
  }
  if (status != M4S_OK) {
    (void)m4s_nv_driver()->cuMemFree(memory);
    return status;
  }
  *memory_out = (void *)(uintptr_t)memory;
  return M4S_OK;
}

static void gpu_release(void *state, void *memory) {
  (void)state;
  (void)m4s_nv_driver()->cuMemFree(address(memory));
}

static m4s_status_t gpu_allocate_host(void *state, size_t n_bytes, void **memory_out) {
  (void)state;
  return M4S_NV_CHECK(cuMemHostAlloc, memory_out, n_bytes, 0);
}

static void gpu_release_host(void *state, void *memory) {
  (void)state;
  (void)m4s_nv_driver()->cuMemFreeHost(memory);
}

static m4s_status_t gpu_free_bytes(void *state, size_t *n_bytes_out) {
  size_t n_all;
  (void)state;
  return M4S_NV_CHECK(cuMemGetInfo, n_bytes_out, &n_all);
}

static m4s_status_t gpu_upload(void *state, int stream, void *to, const void *from,
                               size_t n_bytes) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuMemcpyHtoDAsync, address(to), from, n_bytes, gpu->streams[stream]);
}

static m4s_status_t gpu_download(void *state, int stream, void *to, const void *from,
                                 size_t n_bytes) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuMemcpyDtoHAsync, to, address(from), n_bytes, gpu->streams[stream]);
}

static m4s_status_t gpu_copy(void *state, int stream, void *to, const void *from, size_t n_bytes) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuMemcpyDtoDAsync, address(to), address(from), n_bytes, gpu->streams[stream]);
}

static m4s_status_t gpu_launch(void *state, int stream, m4s_kernel_id_t kernel, const void *args,
                               int64_t n_items) {
  m4s_gpu_t *gpu = state;
  int64_t n_threads = m4s_kernel_takes_rows(kernel) ? n_items * M4S_KERNEL_LANES : n_items;
  int64_t n_blocks = (n_threads + THREADS - 1) / THREADS;
  void *parameters[] = {(void *)(uintptr_t)args, &n_items};
  if (n_items == 0) {
    return M4S_OK;
  }
  return M4S_NV_CHECK(cuLaunchKernel, gpu->kernels[kernel],
                      (unsigned)(n_blocks < MAX_BLOCKS ? n_blocks : MAX_BLOCKS), 1, 1, THREADS, 1,
                      1, 0, gpu->streams[stream], parameters, NULL);
}

static m4s_status_t gpu_multiply(void *state, int stream, const m4s_device_product_t *product,
                                 int32_t n_rows, const float *x, int32_t x_stride, float *y,
                                 int32_t y_stride) {
  m4s_gpu_t *gpu = state;
  return m4s_nv_multiply(gpu->products, gpu->streams[stream], product, n_rows, x, x_stride, y,
                         y_stride);
}

static m4s_status_t gpu_make_cell(void *state, const m4s_device_gru_t *gru,
                                  m4s_device_cell_t **cell_out) {
  m4s_gpu_t *gpu = state;
  if (gpu->cells == NULL) {
    M4S_TRY(m4s_nv_cells_create(gpu->tf32, &gpu->cells));
  }
  return m4s_nv_cell_make(gpu->cells, gru, cell_out);
}

static void gpu_release_cell(void *state, m4s_device_cell_t *cell) {
  (void)state;
  m4s_nv_cell_release(cell);
}

static m4s_status_t gpu_run_cell(void *state, int stream, m4s_device_cell_t *cell, int32_t n_rows,
                                 const float *x, const float *states, float *next) {
  m4s_gpu_t *gpu = state;
  return m4s_nv_cell_run(gpu->cells, gpu->streams[stream], stream, cell, n_rows, x, states, next);
}

// A graph that was recorded is instantiated; it goes by its address.
static m4s_status_t gpu_begin_graph(void *state, int stream) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuStreamBeginCapture, gpu->streams[stream],
                      CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
}

static m4s_status_t gpu_end_graph(void *state, int stream, m4s_device_graph_t **graph_out) {
  m4s_gpu_t *gpu = state;
  CUgraph recorded = NULL;
  CUgraphExec graph = NULL;
  M4S_NV_TRY(cuStreamEndCapture, gpu->streams[stream], &recorded);
  m4s_status_t status = M4S_NV_CHECK(cuGraphInstantiateWithFlags, &graph, recorded, 0);
  (void)m4s_nv_driver()->cuGraphDestroy(recorded);
  M4S_TRY(status);
  *graph_out = (m4s_device_graph_t *)graph;
  return M4S_OK;
}

static m4s_status_t gpu_replay(void *state, int stream, m4s_device_graph_t *graph) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuGraphLaunch, (CUgraphExec)graph, gpu->streams[stream]);
}

static void gpu_release_graph(void *state, m4s_device_graph_t *graph) {
  (void)state;
  (void)m4s_nv_driver()->cuGraphExecDestroy((CUgraphExec)graph);
}

static m4s_status_t gpu_follow(void *state, int stream, int other) {
  m4s_gpu_t *gpu = state;
  M4S_NV_TRY(cuEventRecord, gpu->reached[other], gpu->streams[other]);
  return M4S_NV_CHECK(cuStreamWaitEvent, gpu->streams[stream], gpu->reached[other], 0);
}

static m4s_status_t gpu_synchronise(void *state, int stream) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuStreamSynchronize, gpu->streams[stream]);
}

static m4s_status_t gpu_mark(void *state, int stream, int mark) {
  m4s_gpu_t *gpu = state;
  return M4S_NV_CHECK(cuEventRecord, gpu->marks[stream][mark], gpu->streams[stream]);
}

static m4s_status_t gpu_seconds_between(void *state, int stream, int first, int last,
                                        double *s_out) {
  m4s_gpu_t *gpu = state;
  float ms;
  M4S_NV_TRY(cuEventElapsedTime, &ms, gpu->marks[stream][first], gpu->marks[stream][last]);
  *s_out = (double)ms / 1e3;
  return M4S_OK;
}

static const m4s_device_ops_t ops = {
    .allocate = gpu_allocate,
    .release = gpu_release,
    .allocate_host = gpu_allocate_host,
    .release_host = gpu_release_host,
    .free_bytes = gpu_free_bytes,
    .upload = gpu_upload,
    .download = gpu_download,
    .copy = gpu_copy,
    .launch = gpu_launch,
    .multiply = gpu_multiply,
    .make_cell = gpu_make_cell,
    .release_cell = gpu_release_cell,
    .run_cell = gpu_run_cell,
    .begin_graph = gpu_begin_graph,
    .end_graph = gpu_end_graph,
    .replay = gpu_replay,
    .release_graph = gpu_release_graph,
    .follow = gpu_follow,
    .synchronise = gpu_synchronise,
    .mark = gpu_mark,
    .seconds_between = gpu_seconds_between,
};

m4s_device_t m4s_gpu_device(m4s_gpu_t *gpu) { return (m4s_device_t){.ops = &ops, .state = gpu}; }

// --- the peak ---

// Seconds of a product of square matrices in `memory`, the fastest of some.
static m4s_status_t time_square(m4s_gpu_t *gpu, float *memory, int32_t size, double *s_out) {
  enum { N_REPEATS = 5 };
  size_t n = (size_t)size * (size_t)size;
  double fastest_s = INFINITY;
  for (int i = 0; i <= N_REPEATS; i++) {
    double s;
    M4S_TRY(gpu_mark(gpu, 0, 0));
    M4S_TRY(m4s_nv_multiply_square(gpu->products, gpu->streams[0], size, memory, memory + n,
                                   memory + 2 * n));
    M4S_TRY(gpu_mark(gpu, 0, 1));
    M4S_TRY(gpu_synchronise(gpu, 0));
    M4S_TRY(gpu_seconds_between(gpu, 0, 0, 1, &s));
    fastest_s = i > 0 ? fmin(fastest_s, s) : fastest_s;  // the first one loads the kernel
  }
  *s_out = fastest_s;
  return M4S_OK;
}

// Numbers from -1 to 1, since products of zeros may take less time.
static m4s_status_t fill(m4s_gpu_t *gpu, float *memory, size_t n) {
  float *numbers = malloc(n * sizeof *numbers);
  if (numbers == NULL) {
    return m4s_fail_memory("matrices");
  }
  uint32_t random = 1;
  for (size_t i = 0; i < n; i++) {
    random = random * 1664525U + 1013904223U;
    numbers[i] = (float)(int32_t)random * 0x1p-31F;
  }
  m4s_status_t status = gpu_upload(gpu, 0, memory, numbers, n * sizeof *numbers);
  m4s_status_t ended = gpu_synchronise(gpu, 0);
  free(numbers);
  return status == M4S_OK ? ended : status;
}

m4s_status_t m4s_gpu_peak(m4s_gpu_t *gpu, double *flops_out, int *size_out) {
  static const int32_t sizes[] = {2048, 4096, 8192};
  enum { LARGEST = 8192 };
  void *memory;
  double best = 0;
  size_t n = (size_t)LARGEST * LARGEST;
  M4S_TRY(gpu_allocate(gpu, 3 * n * sizeof(float), &memory));
  m4s_status_t status = fill(gpu, memory, 2 * n);
  for (size_t i = 0; status == M4S_OK && i < sizeof sizes / sizeof *sizes; i++) {
    double s;
    status = time_square(gpu, memory, sizes[i], &s);
    double flops = status == M4S_OK ? 2 * pow(sizes[i], 3) / s : 0;
    if (flops > best) {
      best = flops;
      *size_out = sizes[i];
    }
  }
  gpu_release(gpu, memory);
  M4S_TRY(status);
  *flops_out = best;
  return M4S_OK;
}
