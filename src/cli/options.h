// Rows of the option tables that several commands have: of the object `type_`, whose members have
// these names.
#pragma once

#include <string.h>

#include "core/field.h"

// Stands for the network that is built in where a file of weights is asked for; "./built-in" is a
// file.
#define M4S_BUILT_IN_NAME "built-in"

// The path of a network as typed, NULL for the one that is built in, as of m4s_model_read().
static inline const char *m4s_typed_model(const char *text) {
  return text == NULL || strcmp(text, M4S_BUILT_IN_NAME) == 0 ? NULL : text;
}

#define M4S_OPTION_OUT(type_, unit_, help_) \
  { \
    .name = "out", .kind = M4S_FIELD_TEXT, .offset = offsetof(type_, out), .unit = unit_, \
    .help = help_ \
  }
#define M4S_OPTION_SIMULATORS(type_, help_) \
  { \
    .name = "simulators", .kind = M4S_FIELD_TEXT, .offset = offsetof(type_, simulators), \
    .unit = "A,B", .help = help_ \
  }
#define M4S_OPTION_MODEL(type_, help_) \
  { \
    .name = "model", .kind = M4S_FIELD_PATH, .offset = offsetof(type_, model), .unit = "FILE", \
    .help = help_ \
  }
#define M4S_OPTION_SET(type_, help_) \
  { \
    .name = "set", .kind = M4S_FIELD_LIST, .offset = offsetof(type_, set), .unit = "NAME=VALUE", \
    .help = help_ \
  }
#define M4S_OPTION_WHERE(type_, help_) \
  { \
    .name = "where", .kind = M4S_FIELD_LIST, .offset = offsetof(type_, where), \
    .unit = "CONDITION", .help = help_ \
  }
#define M4S_OPTION_QUICK(type_, help_) \
  { .name = "quick", .kind = M4S_FIELD_FLAG, .offset = offsetof(type_, quick), .help = help_ }
#define M4S_OPTION_FRESH(type_, help_) \
  { .name = "fresh", .kind = M4S_FIELD_FLAG, .offset = offsetof(type_, fresh), .help = help_ }
#define M4S_OPTION_TIME_LIMIT(type_, help_) \
  { \
    .name = "time_limit", .kind = M4S_FIELD_REAL, .offset = offsetof(type_, time_limit_s), \
    .unit = "S", .min = 0, .max = 1e9, .help = help_ \
  }
#define M4S_OPTION_SEED(type_, help_) \
  { \
    .name = "seed", .kind = M4S_FIELD_INT, .offset = offsetof(type_, seed), .fallback = "1", \
    .min = 0, .max = 4294967295.0, .help = help_ \
  }
#define M4S_OPTION_DEVICE(type_, fallback_, help_) \
  { \
    .name = "device", .kind = M4S_FIELD_TEXT, .offset = offsetof(type_, device), .unit = "WHERE", \
    .fallback = fallback_, .help = help_ \
  }
#define M4S_OPTION_GPU_PRODUCTS(type_, help_) \
  { \
    .name = "gpu_products", .kind = M4S_FIELD_CHOICE, .offset = offsetof(type_, gpu_products), \
    .fallback = "float32", .choices = m4s_gpu_products_names, .help = help_ \
  }
#define M4S_OPTION_GRAY_WORKLOAD(type_, help_) \
  { \
    .name = "workload", .kind = M4S_FIELD_TEXT, .offset = offsetof(type_, workload), \
    .unit = "FILE", .fallback = "sweeps/workloads/gray-failure.txt", .help = help_ \
  }

// Help of the same where it is the same.
#define M4S_HELP_SET "keep an axis at one of its values, or change another setting; repeatable"
#define M4S_HELP_WHERE "only points for which this holds, as \"where\" in specs; repeatable"
#define M4S_HELP_FRESH "remove the results that are in the folder and start over"
#define M4S_HELP_TIME_LIMIT \
  "seconds after which a point counts as failed; default: run.time_limit_s"
#define M4S_HELP_AS_RUN "as for m4sweep run"
