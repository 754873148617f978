// CUDA's driver and NVIDIA's libraries, loaded at run time: for the other files of this folder that
// begin with nv_.
#pragma once

#include <cuda.h>
#include <stddef.h>

#include "core/status.h"

// The functions of the driver that are used, under the names that cuda.h gives them.
#define M4S_NV_DRIVER_FUNCTIONS(X) \
  X(cuInit) \
  X(cuDriverGetVersion) \
  X(cuDeviceGetCount) \
  X(cuDeviceGet) \
  X(cuDeviceGetName) \
  X(cuDeviceGetUuid) \
  X(cuDeviceGetPCIBusId) \
  X(cuDeviceGetAttribute) \
  X(cuDeviceTotalMem) \
  X(cuDevicePrimaryCtxRetain) \
  X(cuDevicePrimaryCtxRelease) \
  X(cuCtxSetCurrent) \
  X(cuMemGetInfo) \
  X(cuMemAlloc) \
  X(cuMemFree) \
  X(cuMemsetD8Async) \
  X(cuMemHostAlloc) \
  X(cuMemFreeHost) \
  X(cuMemcpyHtoDAsync) \
  X(cuMemcpyDtoHAsync) \
  X(cuMemcpyDtoDAsync) \
  X(cuModuleLoadData) \
  X(cuModuleGetFunction) \
  X(cuModuleUnload) \
  X(cuLaunchKernel) \
  X(cuStreamCreate) \
  X(cuStreamDestroy) \
  X(cuStreamSynchronize) \
  X(cuStreamWaitEvent) \
  X(cuStreamBeginCapture) \
  X(cuStreamEndCapture) \
  X(cuGraphInstantiateWithFlags) \
  X(cuGraphDestroy) \
  X(cuGraphExecDestroy) \
  X(cuGraphLaunch) \
  X(cuEventCreate) \
  X(cuEventDestroy) \
  X(cuEventRecord) \
  X(cuEventElapsedTime) \
  X(cuGetErrorName) \
  X(cuGetErrorString)

#define M4S_NV_TEXT(x) #x
#define M4S_NV_SYMBOL(x) M4S_NV_TEXT(x)  // with the macros of the headers, such as cuMemAlloc_v2
#define M4S_NV_MEMBER(function) __typeof__(&function) function;

typedef struct {
  M4S_NV_DRIVER_FUNCTIONS(M4S_NV_MEMBER)
} m4s_nv_driver_t;

// The driver, initialised; NULL: there is none that works, and m4s_nv_driver_problem() says why.
// From any thread; it stays until the process ends.
const m4s_nv_driver_t *m4s_nv_driver(void);
const char *m4s_nv_driver_problem(void);

// Fails unless `result` is a success: M4S_ERR_MEMORY or M4S_ERR_DEVICE with the call's name.
m4s_status_t m4s_nv_check(CUresult result, const char *call);

// One call of the driver, checked.
#define M4S_NV_CHECK(function, ...) m4s_nv_check(m4s_nv_driver()->function(__VA_ARGS__), #function)
#define M4S_NV_TRY(function, ...) M4S_TRY(M4S_NV_CHECK(function, __VA_ARGS__))

// A function of a library: its name, and where its address goes.
typedef struct {
  const char *name;
  void *place;
} m4s_nv_symbol_t;

#define M4S_NV_SYMBOL_OF(function) {.name = M4S_NV_SYMBOL(function), .place = &functions.function},

// Loads a library, where the system finds it or where it lay when the program was built, and its
// functions, [n]. False: problem [n_problem] says why.
int m4s_nv_load(const char *library, const m4s_nv_symbol_t *symbols, size_t n, char *problem,
                size_t n_problem);
