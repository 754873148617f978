// EndToEnd.csv, the result table of SimAI runs: rank 0's times per layer, a sum, and two lines on
// top that tell where the total time went. Column names and number forms are those of the public
// artefact, "-nan" for the bandwidth of passes without a collective included.
#include <inttypes.h>
#include <math.h>

#include "core/file.h"
#include "core/text.h"
#include "core/units.h"
#include "flow/collective.h"
#include "flow/collective_source.h"

typedef struct {
  int64_t compute_ns[M4S_N_PASSES], exposed_ns[M4S_N_PASSES], total_ns[M4S_N_PASSES];
} sums_t;

// Exposed time by kind of group.
typedef struct {
  int64_t by_group_ns[M4S_N_GROUP_KINDS];
} exposed_t;

// Bytes over time in GiB/s, and the same scaled by what a ring moves over each link; both are
// floats in the artefact, which shows in the last digit.
static m4s_status_t add_bandwidths(m4s_text_t *file, const m4s_workload_t *workload,
                                   const m4s_layer_t *layer, m4s_pass_t pass, int64_t total_ns) {
  m4s_collective_t collective = m4s_collective_of_pass(layer, pass);
  int64_t size_bytes = collective.kind == M4S_COLLECTIVE_NONE ? 0 : collective.size_bytes;
  if (size_bytes == 0 || total_ns == 0) {
    return m4s_text_add(file, ",-nan,0.000000");
  }
  double n = (double)m4s_group_size(workload, collective.group);
  double passes = collective.kind == M4S_COLLECTIVE_ALLREDUCE ? 2 : 1;
  float algbw = (float)((double)size_bytes / ((double)total_ns / 1e9) / 1073741824.0);
  float busbw = (float)((double)algbw * passes * (n - 1) / n);
  return m4s_text_add(file, ",%.6f,%.6f", (double)algbw, (double)busbw);
}

static m4s_status_t add_layer(m4s_text_t *file, const char *run_name,
                              const m4s_workload_t *workload, int32_t i,
                              const m4s_collective_result_t *result) {
  const m4s_layer_t *layer = &workload->layers[i];
  const m4s_layer_times_t *times = &result->layers[i];
  // The file's order of passes: forward, weight gradient, input gradient.
  static const m4s_pass_t order[] = {M4S_PASS_FORWARD, M4S_PASS_WEIGHT_GRADIENT,
                                     M4S_PASS_INPUT_GRADIENT};
  M4S_TRY(m4s_text_add(file, "%s,%s", layer->name, run_name));
  for (int k = 0; k < M4S_N_PASSES; k++) {
    M4S_TRY(m4s_text_add(file, ",%.6f", m4s_ns_to_us(layer->compute_ns[order[k]])));
  }
  for (int k = 0; k < M4S_N_PASSES; k++) {
    M4S_TRY(m4s_text_add(file, ",%.6f", m4s_ns_to_us(times->exposed_ns[order[k]])));
  }
  for (int k = 0; k < M4S_N_PASSES; k++) {
    M4S_TRY(m4s_text_add(file, ",%.6f", m4s_ns_to_us(times->total_ns[order[k]])));
    M4S_TRY(add_bandwidths(file, workload, layer, order[k], times->total_ns[order[k]]));
  }
  return m4s_text_add(file, ",%.6f\n", m4s_ns_to_us(result->total_ns));
}

// Without the last column, as the artefact writes it.
static m4s_status_t add_sums(m4s_text_t *file, const char *run_name, const sums_t *sums) {
  M4S_TRY(m4s_text_add(file, "SUM,%s", run_name));
  const int64_t *columns[] = {sums->compute_ns, sums->exposed_ns};
  static const m4s_pass_t order[] = {M4S_PASS_FORWARD, M4S_PASS_WEIGHT_GRADIENT,
                                     M4S_PASS_INPUT_GRADIENT};
  for (int c = 0; c < 2; c++) {
    for (int k = 0; k < M4S_N_PASSES; k++) {
      M4S_TRY(m4s_text_add(file, ",%.6f", m4s_ns_to_us(columns[c][order[k]])));
    }
  }
  for (int k = 0; k < M4S_N_PASSES; k++) {
    M4S_TRY(m4s_text_add(file, ",%.6f,NONE,NONE", m4s_ns_to_us(sums->total_ns[order[k]])));
  }
  return m4s_text_add(file, "\n");
}

static m4s_status_t add_share(m4s_text_t *file, int64_t part_ns, int64_t total_ns) {
  double percent = total_ns > 0 ? 100.0 * (double)part_ns / (double)total_ns : 0;
  return m4s_text_add(file, ", %" PRId64 " (%.2f%%)", part_ns / M4S_NS_PER_US, percent);
}

static m4s_status_t add_head(m4s_text_t *file, const char *run_name, const exposed_t *exposed,
                             const m4s_collective_result_t *result) {
  const int64_t total_ns = result->total_ns;
  M4S_TRY(
      m4s_text_add(file,
                   "File name, Expose DP comm, Expose DP_EP comm, Expose TP comm, Expose_EP_comm, "
                   "Expose_PP_comm, bubble time, total comp, total exposed comm, Total time\n%s",
                   run_name));
  M4S_TRY(add_share(file, exposed->by_group_ns[M4S_GROUP_DP], total_ns));
  M4S_TRY(add_share(file, exposed->by_group_ns[M4S_GROUP_DP_EP], total_ns));
  M4S_TRY(add_share(file, exposed->by_group_ns[M4S_GROUP_TP], total_ns));
  M4S_TRY(add_share(file, exposed->by_group_ns[M4S_GROUP_EP], total_ns));
  M4S_TRY(add_share(file, 0, total_ns));  // pipeline transfers
  M4S_TRY(add_share(file, 0, total_ns));  // pipeline bubbles
  M4S_TRY(add_share(file, result->compute_ns, total_ns));
  M4S_TRY(add_share(file, total_ns - result->compute_ns, total_ns));
  return m4s_text_add(
      file,
      ", %" PRId64
      "\nlayer_name,%s,fwd compute,wg compute,ig compute,fwd exposed comm,wg exposed comm,"
      "ig exposed comm,fwd total comm,algbw,busbw,wg total comm,algbw,busbw,ig total "
      "comm,algbw,busbw,"
      "workload finished at\n",
      total_ns / M4S_NS_PER_US, run_name);
}

static m4s_status_t add_all(m4s_text_t *file, const char *run_name, const m4s_workload_t *workload,
                            const m4s_collective_result_t *result) {
  sums_t sums = {0};
  exposed_t exposed = {0};
  for (int32_t i = 0; i < workload->n_layers; i++) {
    for (int pass = 0; pass < M4S_N_PASSES; pass++) {
      sums.compute_ns[pass] += workload->layers[i].compute_ns[pass];
      sums.exposed_ns[pass] += result->layers[i].exposed_ns[pass];
      sums.total_ns[pass] += result->layers[i].total_ns[pass];
      exposed.by_group_ns[workload->layers[i].collectives[pass].group] +=
          result->layers[i].exposed_ns[pass];
    }
  }
  M4S_TRY(add_head(file, run_name, &exposed, result));
  for (int32_t i = 0; i < workload->n_layers; i++) {
    M4S_TRY(add_layer(file, run_name, workload, i, result));
  }
  M4S_TRY(add_sums(file, run_name, &sums));
  return m4s_text_add(file, "total exposed comm,%.6f,total comp,%.6f,total time,%.6f\n",
                      m4s_ns_to_us(result->total_ns - result->compute_ns),
                      m4s_ns_to_us(result->compute_ns), m4s_ns_to_us(result->total_ns));
}

m4s_status_t m4s_end_to_end_write(const char *path, const char *run_name,
                                  const m4s_workload_t *workload,
                                  const m4s_collective_result_t *result) {
  m4s_text_t file = {0};
  m4s_status_t status = add_all(&file, run_name, workload, result);
  if (status == M4S_OK) {
    status = m4s_file_write(path, file.bytes, file.length);
  }
  m4s_text_clear(&file);
  return status;
}
