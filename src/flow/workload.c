#include "flow/workload.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/scan.h"
#include "core/text.h"

enum {
  MAX_FILE_BYTES = 256 << 20,
  MAX_LAYERS = 1 << 20,
  MAX_GPUS = 1 << 18,
  N_COLUMNS = 12,
};
#define MAX_TIME_NS INT64_C(1000000000000000)  // 11 days
#define MAX_SIZE_BYTES (INT64_C(1) << 45)  // with 65,536 header bytes for each, 2^61 on the wire

const char *const m4s_collective_names[] = {"NONE", "ALLREDUCE", "ALLGATHER", "REDUCESCATTER",
                                            "ALLTOALL"};
const char *const m4s_group_names[] = {"TP", "DP", "EP", "DP_EP"};
const char *const m4s_pass_names[] = {"forward", "input_gradient", "weight_gradient"};

static const char policy[] = "HYBRID_TRANSFORMER_FWD_IN_BCKWD";

// Policies of the format whose layer loops differ.
static const char *const other_policies[] = {"DATA",
                                             "MODEL",
                                             "HYBRID_TRANSFORMER",
                                             "HYBRID_DATA_MODEL",
                                             "HYBRID_MODEL_DATA",
                                             "HYBRID_DLRM",
                                             "HYBRID_DLRM_ENHANCED",
                                             "HYBRID_CUSTOMIZED",
                                             "DISTRIBUTED_INFERENCE",
                                             "MICRO",
                                             "TRANSFORMER",
                                             "TRANSFORMER_FWD_IN_BCKWD",
                                             "DLRM",
                                             "VGG"};

// Every spelling of a collective: kind and suffix. The group of a bare kind depends on the column.
typedef struct {
  const char *text;
  m4s_collective_kind_t kind;
  bool bare;
  m4s_group_kind_t group;
} keyword_t;

static const keyword_t keywords[] = {
    {"NONE", M4S_COLLECTIVE_NONE, true, M4S_GROUP_TP},
    {"ALLREDUCE", M4S_COLLECTIVE_ALLREDUCE, true, M4S_GROUP_TP},
    {"ALLREDUCE_EP", M4S_COLLECTIVE_ALLREDUCE, false, M4S_GROUP_EP},
    {"ALLREDUCE_DP_EP", M4S_COLLECTIVE_ALLREDUCE, false, M4S_GROUP_DP_EP},
    {"ALLGATHER", M4S_COLLECTIVE_ALLGATHER, true, M4S_GROUP_TP},
    {"ALLGATHER_EP", M4S_COLLECTIVE_ALLGATHER, false, M4S_GROUP_EP},
    {"ALLGATHER_DP_EP", M4S_COLLECTIVE_ALLGATHER, false, M4S_GROUP_DP_EP},
    {"REDUCESCATTER", M4S_COLLECTIVE_REDUCESCATTER, true, M4S_GROUP_TP},
    {"REDUCESCATTER_EP", M4S_COLLECTIVE_REDUCESCATTER, false, M4S_GROUP_EP},
    {"REDUCESCATTER_DP_EP", M4S_COLLECTIVE_REDUCESCATTER, false, M4S_GROUP_DP_EP},
    {"ALLTOALL", M4S_COLLECTIVE_ALLTOALL, true, M4S_GROUP_TP},
    {"ALLTOALL_EP", M4S_COLLECTIVE_ALLTOALL, false, M4S_GROUP_EP},
    {"ALLTOALL_DP_EP", M4S_COLLECTIVE_ALLTOALL, false, M4S_GROUP_DP_EP},
};
enum { N_KEYWORDS = sizeof keywords / sizeof *keywords };

static m4s_status_t parse_policy(const m4s_scanner_t *scanner) {
  const char *word = scanner->words[0].text;
  if (strcmp(word, policy) == 0) {
    return M4S_OK;
  }
  for (size_t i = 0; i < sizeof other_policies / sizeof *other_policies; i++) {
    if (strcmp(word, other_policies[i]) == 0) {
      return m4s_scanner_fail(scanner, 0, "parallelism policy", "is not simulated yet; %s is",
                              policy);
    }
  }
  return m4s_scanner_fail(scanner, 0, "parallelism policy", "is unknown (nearest valid: %s)",
                          policy);
}

// A key of line 1 and where its value goes.
typedef struct {
  const char *key;
  int64_t min, max;
  int64_t *value;
} head_key_t;

// "checkpoints: n layer…": lists of layers to recompute; only empty ones are simulated.
static m4s_status_t parse_checkpoints(const m4s_scanner_t *scanner, int i) {
  int64_t n;
  M4S_TRY(m4s_scanner_int(scanner, i, "number of checkpointed layers", 0, MAX_LAYERS, &n));
  if (n > 0) {
    return m4s_scanner_fail(scanner, i, "number of checkpointed layers",
                            "asks for activation checkpointing, which is not simulated yet");
  }
  return M4S_OK;
}

static m4s_status_t parse_head(m4s_scanner_t *scanner, m4s_workload_t *workload) {
  M4S_TRY(m4s_scanner_next(scanner, policy));
  M4S_TRY(parse_policy(scanner));
  int64_t pp_comm = 0;
  int pp_word = 0;
  int pp_comm_word = 0;
  int64_t checkpoints = 0;  // never stored: see parse_checkpoints
  const head_key_t keys[] = {
      {"model_parallel_NPU_group:", 1, MAX_GPUS, &workload->tp},
      {"ep:", 1, MAX_GPUS, &workload->ep},
      {"pp:", 1, MAX_GPUS, &workload->pp},
      {"vpp:", 1, MAX_LAYERS, &workload->vpp},
      {"ga:", 1, MAX_LAYERS, &workload->ga},
      {"all_gpus:", 1, MAX_GPUS, &workload->all_gpus},
      {"pp_comm:", 0, MAX_SIZE_BYTES, &pp_comm},
      {"checkpoints:", 0, 0, &checkpoints},
      {"checkpoint_initiates:", 0, 0, &checkpoints},
  };
  enum { N_KEYS = sizeof keys / sizeof *keys };
  const char *names[N_KEYS];
  bool seen[N_KEYS] = {false};
  for (int k = 0; k < N_KEYS; k++) {
    names[k] = keys[k].key;
  }
  for (int i = 1; i < scanner->n_words; i += 2) {
    const char *word = scanner->words[i].text;
    int k = 0;
    while (k < N_KEYS && strcmp(word, keys[k].key) != 0) {
      k++;
    }
    if (k == N_KEYS) {
      return m4s_scanner_fail(scanner, i, "key", "is unknown%s",
                              m4s_did_you_mean(word, names, N_KEYS));
    }
    if (seen[k]) {
      return m4s_scanner_fail(scanner, i, "key", "stands twice");
    }
    seen[k] = true;
    if (i + 1 == scanner->n_words) {
      return m4s_scanner_fail(scanner, i, "key", "has no value");
    }
    if (keys[k].value == &checkpoints) {
      M4S_TRY(parse_checkpoints(scanner, i + 1));
      continue;
    }
    M4S_TRY(m4s_scanner_int(scanner, i + 1, keys[k].key, keys[k].min, keys[k].max, keys[k].value));
    pp_word = keys[k].value == &workload->pp ? i + 1 : pp_word;
    pp_comm_word = keys[k].value == &pp_comm ? i + 1 : pp_comm_word;
  }
  if (!seen[0] || !seen[5]) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s is missing", scanner->path, scanner->line,
                    seen[0] ? "all_gpus:" : "model_parallel_NPU_group:");
  }
  if (pp_comm > 0 && workload->pp > 1) {
    return m4s_scanner_fail(scanner, pp_comm_word, "pp_comm",
                            "asks for pipeline transfers, which are not simulated yet");
  }
  if (workload->pp > 1 && pp_comm_word == 0) {
    return m4s_scanner_fail(
        scanner, pp_word, "pp",
        "asks for a pipeline, whose transfers and bubbles are not simulated yet; with "
        "pp_comm: 0 the stages run side by side without them");
  }
  return M4S_OK;
}

static m4s_status_t check_groups(const m4s_scanner_t *scanner, const m4s_workload_t *workload) {
  int64_t per_stage = workload->tp * workload->pp;
  if (workload->all_gpus % per_stage != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s:%d: all_gpus: %lld is no multiple of model_parallel_NPU_group %lld "
                    "times pp %lld",
                    scanner->path, scanner->line, (long long)workload->all_gpus,
                    (long long)workload->tp, (long long)workload->pp);
  }
  int64_t dp = workload->all_gpus / per_stage;
  if (dp % workload->ep != 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: ep: %lld does not divide the %lld data-parallel ranks",
                    scanner->path, scanner->line, (long long)workload->ep, (long long)dp);
  }
  return M4S_OK;
}

static m4s_status_t parse_collective(const m4s_scanner_t *scanner, int i,
                                     m4s_group_kind_t bare_group,
                                     m4s_collective_t *collective_out) {
  const char *word = scanner->words[i].text;
  const char *names[N_KEYWORDS];
  for (int k = 0; k < N_KEYWORDS; k++) {
    names[k] = keywords[k].text;
    if (strcmp(word, keywords[k].text) == 0) {
      collective_out->kind = keywords[k].kind;
      collective_out->group = keywords[k].bare ? bare_group : keywords[k].group;
      return m4s_scanner_int(scanner, i + 1, "collective's bytes", 0, MAX_SIZE_BYTES,
                             &collective_out->size_bytes);
    }
  }
  if (strncmp(word, "ALLREDUCEALLTOALL", 17) == 0) {
    return m4s_scanner_fail(scanner, i, "collective", "is not simulated yet");
  }
  return m4s_scanner_fail(scanner, i, "collective", "is unknown%s",
                          m4s_did_you_mean(word, names, N_KEYWORDS));
}

static m4s_status_t parse_layer(m4s_scanner_t *scanner, m4s_layer_t *layer) {
  static const char wanted[] =
      "a layer: name dependency, then compute collective bytes for forward, input gradient and "
      "weight "
      "gradient, then update_time";
  static const m4s_group_kind_t bare_groups[] = {M4S_GROUP_TP, M4S_GROUP_TP, M4S_GROUP_DP};
  M4S_TRY(m4s_scanner_next(scanner, wanted));
  M4S_TRY(m4s_scanner_expect_words(scanner, N_COLUMNS, N_COLUMNS, wanted));
  layer->name = strdup(scanner->words[0].text);
  if (layer->name == NULL) {
    return m4s_fail_memory("a workload");
  }
  if (strchr(layer->name, ',') != NULL) {
    return m4s_scanner_fail(scanner, 0, "layer name",
                            "has a comma, which EndToEnd.csv cannot hold");
  }
  M4S_TRY(m4s_scanner_int(scanner, 1, "dependency", -1, MAX_LAYERS, &layer->dependency));
  for (int pass = 0; pass < M4S_N_PASSES; pass++) {
    int column = 2 + 3 * pass;
    M4S_TRY(
        m4s_scanner_int(scanner, column, "compute time", 0, MAX_TIME_NS, &layer->compute_ns[pass]));
    M4S_TRY(parse_collective(scanner, column + 1, bare_groups[pass], &layer->collectives[pass]));
  }
  return m4s_scanner_int(scanner, N_COLUMNS - 1, "update time", 0, MAX_TIME_NS, &layer->update_ns);
}

// All the times together, so that sums of them cannot overflow.
static m4s_status_t check_times(const m4s_scanner_t *scanner, const m4s_workload_t *workload) {
  const double most_ns = 1e18;
  double sum_ns = 0;
  for (int32_t i = 0; i < workload->n_layers; i++) {
    const m4s_layer_t *layer = &workload->layers[i];
    sum_ns += (double)layer->update_ns * M4S_N_PASSES;
    for (int pass = 0; pass < M4S_N_PASSES; pass++) {
      sum_ns += (double)layer->compute_ns[pass];
    }
  }
  if (sum_ns > most_ns) {
    return m4s_fail(M4S_ERR_INPUT, "%s: the times of all layers add up to %g ns, more than %g",
                    scanner->path, sum_ns, most_ns);
  }
  return M4S_OK;
}

static m4s_status_t parse(m4s_scanner_t *scanner, m4s_workload_t *workload) {
  int64_t n_layers;
  M4S_TRY(parse_head(scanner, workload));
  M4S_TRY(check_groups(scanner, workload));
  M4S_TRY(m4s_scanner_next(scanner, "the number of layers"));
  M4S_TRY(m4s_scanner_expect_words(scanner, 1, 1, "the number of layers"));
  M4S_TRY(m4s_scanner_int(scanner, 0, "number of layers", 1, MAX_LAYERS, &n_layers));
  int32_t capacity = 0;
  while (workload->n_layers < n_layers) {
    if (workload->n_layers == capacity) {
      capacity = capacity == 0 ? 64 : 2 * capacity;
      m4s_layer_t *layers = realloc(workload->layers, (size_t)capacity * sizeof *layers);
      if (layers == NULL) {
        return m4s_fail_memory("a workload");
      }
      workload->layers = layers;
    }
    m4s_layer_t *layer = &workload->layers[workload->n_layers++];
    *layer = (m4s_layer_t){0};
    M4S_TRY(parse_layer(scanner, layer));
  }
  M4S_TRY(m4s_scanner_expect_end(scanner));
  return check_times(scanner, workload);
}

m4s_status_t m4s_workload_parse(const char *text, const char *path, m4s_workload_t **workload_out) {
  m4s_scanner_t scanner;
  m4s_workload_t *workload = calloc(1, sizeof *workload);
  if (workload == NULL) {
    return m4s_fail_memory("a workload");
  }
  *workload = (m4s_workload_t){.tp = 1, .ep = 1, .pp = 1, .vpp = 1, .ga = 1};
  m4s_status_t status = m4s_scanner_init(&scanner, text, path);
  if (status == M4S_OK) {
    status = parse(&scanner, workload);
    m4s_scanner_clear(&scanner);
  }
  if (status != M4S_OK) {
    m4s_workload_destroy(workload);
    return status;
  }
  *workload_out = workload;
  return M4S_OK;
}

m4s_status_t m4s_workload_read(const char *path, m4s_workload_t **workload_out) {
  char *text;
  M4S_TRY(m4s_file_read_text(path, MAX_FILE_BYTES, &text));
  m4s_status_t status = m4s_workload_parse(text, path, workload_out);
  free(text);
  return status;
}

void m4s_workload_destroy(m4s_workload_t *workload) {
  if (workload == NULL) {
    return;
  }
  for (int32_t i = 0; i < workload->n_layers; i++) {
    free(workload->layers[i].name);
  }
  free(workload->layers);
  free(workload);
}
