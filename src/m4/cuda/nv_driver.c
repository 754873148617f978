#include "m4/cuda/nv_driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/field.h"

static m4s_nv_driver_t functions;
static bool works;
static char problem[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *open_library(const char *library, char *why, size_t n_why) {
  char path[512];
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    const char *reason = dlerror();
    snprintf(why, n_why, "%s", reason == NULL ? library : reason);
    snprintf(path, sizeof path, "%s/%s", M4SWEEP_CUDA_LIBRARIES, library);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  return handle;
}

int m4s_nv_load(const char *library, const m4s_nv_symbol_t *symbols, size_t n, char *why,
                size_t n_why) {
  void *handle = open_library(library, why, n_why);
  for (size_t i = 0; handle != NULL && i < n; i++) {
    void *address = dlsym(handle, symbols[i].name);
    if (address == NULL) {
      snprintf(why, n_why, "%s is too old: it has no %s", library, symbols[i].name);
      return 0;
    }
    // An object pointer cannot be cast to a function's in C.
    memcpy(symbols[i].place, &address, sizeof address);
  }
  return handle != NULL;
}

static void load(void) {
  static const m4s_nv_symbol_t symbols[] = {M4S_NV_DRIVER_FUNCTIONS(M4S_NV_SYMBOL_OF)};
  char why[sizeof problem - 32];
  if (!m4s_nv_load("libcuda.so.1", symbols, M4S_COUNT(symbols), why, sizeof why)) {
    snprintf(problem, sizeof problem, "no NVIDIA driver: %s", why);
    return;
  }
  CUresult result = functions.cuInit(0);
  if (result != CUDA_SUCCESS) {
    const char *name = NULL;
    functions.cuGetErrorName(result, &name);
    snprintf(problem, sizeof problem, "the NVIDIA driver does not start: %s",
             name == NULL ? "unknown error" : name);
    return;
  }
  works = true;
}

const m4s_nv_driver_t *m4s_nv_driver(void) {
  pthread_once(&once, load);
  return works ? &functions : NULL;
}

const char *m4s_nv_driver_problem(void) { return problem; }

m4s_status_t m4s_nv_check(CUresult result, const char *call) {
  if (result == CUDA_SUCCESS) {
    return M4S_OK;
  }
  const char *name = NULL;
  const char *text = NULL;
  functions.cuGetErrorName(result, &name);
  functions.cuGetErrorString(result, &text);
  return m4s_fail(result == CUDA_ERROR_OUT_OF_MEMORY ? M4S_ERR_MEMORY : M4S_ERR_DEVICE,
                  "the GPU: %s: %s (%s)", call, text == NULL ? "unknown error" : text,
                  name == NULL ? "?" : name);
}
