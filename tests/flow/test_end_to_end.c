// EndToEnd.csv: the published sample to the byte, and all groups and passes of a made-up result.
#include "support.h"

#include "flow/collective_source.h"
#include "flow/end_to_end.h"
#include "sweep/point.h"

#define COLUMNS(name) \
  "layer_name," name \
  ",fwd compute,wg compute,ig compute,fwd exposed comm,wg exposed comm,ig exposed comm,fwd total " \
  "comm,algbw,busbw,wg total comm,algbw,busbw,ig total comm,algbw,busbw,workload finished at\n"

static const char published[] =
    "File name, Expose DP comm, Expose DP_EP comm, Expose TP comm, Expose_EP_comm, "
    "Expose_PP_comm, bubble time, total comp, total exposed comm, Total time\n"
    "test1, 0 (0.00%), 0 (0.00%), 20628 (94.89%), 0 (0.00%), 0 (0.00%), 0 (0.00%), 1112 (5.11%), "
    "20628 (94.89%), 21740\n" COLUMNS("test1")
    "embedding_layer,test1,556.000000,0.001000,0.001000,1315.394000,0.000000,0.000000,1315.394000,"
    "11.878571,22.272320,0.000000,-nan,0.000000,0.000000,-nan,0.000000,21740.232000\n"
    "embedding_layer,test1,556.000000,0.001000,0.001000,19312.828000,0.000000,0.000000,"
    "19312.828000,12.944764,24.271433,0.000000,-nan,0.000000,0.000000,-nan,0.000000,"
    "21740.232000\n"
    "SUM,test1,1112.000000,0.002000,0.002000,20628.222000,0.000000,0.000000,20628.222000,NONE,"
    "NONE,0.000000,NONE,NONE,0.000000,NONE,NONE\n"
    "total exposed comm,20628.228000,total comp,1112.004000,total time,21740.232000\n";

// Replaces each "flowsim", the name under which a point runs, by "test1".
static char *renamed(const char *text) {
  char *result = calloc(strlen(text) + 1, 1);
  char *to = result;
  while (*text != '\0') {
    if (strncmp(text, "flowsim", 7) == 0) {
      memcpy(to, "test1", 5);
      to += 5;
      text += 7;
    } else {
      *to++ = *text++;
    }
  }
  return result;
}

// 10 GPUs at a tenth, header 48, in published mode.
static void table_should_equal_the_published_sample(void **state) {
  (void)state;
  json_t *settings =
      json_pack("{s:{s:i, s:i}, s:{s:s}, s:{s:i, s:i}, s:{s:s}, s:{s:b}}", "topology",
                "degraded_gpus", 10, "reduction", 10, "traffic", "workload",
                "sweeps/workloads/gray-failure.txt", "system", "send_latency_ns", 3000,
                "min_flow_bytes", 4096, "flowsim", "mode", "published", "output", "flows", 0);
  m4s_point_t point = {0};
  json_t *metrics = NULL;
  ASSERT_OK(m4s_point_set(&point, settings, M4SWEEP_SOURCE_DIR, "test"));
  ASSERT_OK(m4s_point_run(&point, "flowsim", support_folder, NULL, &metrics));
  char *written = support_read("EndToEnd.csv", NULL);
  char *text = renamed(written);
  assert_string_equal(text, published);
  m4s_end_to_end_t times;
  ASSERT_OK(m4s_end_to_end_read(support_path("EndToEnd.csv"), &times));
  assert_true(times.total_us == 21740.232 && times.exposed_comm_us == 20628.228);
  assert_true(times.n_layers == 2 && times.comm_us[1] == 19312.828);
  m4s_end_to_end_clear(&times);
  free(text);
  free(written);
  json_decref(metrics);
  json_decref(settings);
  m4s_point_clear(&point);
}

// One layer per kind of group; times chosen so that every column differs. 64 GPUs: TP 4, DP 16, EP
// 2, DP among experts 8.
static void table_should_hold_every_group_and_pass(void **state) {
  (void)state;
  m4s_workload_t *workload = NULL;
  ASSERT_OK(m4s_workload_parse(
      "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 4 ep: 2 all_gpus: 64\n2\n"
      "a -1 1000 ALLGATHER 1073741824 2000 ALLTOALL_EP 1073741824 3000 ALLREDUCE 1073741824 0\n"
      "b -1 4000 NONE 5 5000 NONE 5 6000 REDUCESCATTER_DP_EP 1073741824 0\n",
      "w", &workload));
  const m4s_layer_times_t times[2] = {
      {.exposed_ns = {1100, 2200, 3300},
       .total_ns = {INT64_C(1000000000), INT64_C(2000000000), INT64_C(4000000000)}},
      {.exposed_ns = {0, 0, 4400}, .total_ns = {0, 0, INT64_C(500000000)}}};
  const m4s_collective_result_t result = {
      .total_ns = 40000, .makespan_ns = 50000, .compute_ns = 21000, .layers = times};
  ASSERT_OK(m4s_end_to_end_write(support_path("all.csv"), "run", workload, &result));
  char *text = support_read("all.csv", NULL);
  // busbw: ALLGATHER 3/4, ALLREDUCE 2 * 15/16, ALLTOALL 1/2, REDUCESCATTER 7/8 of algbw.
  assert_string_equal(
      text,
      "File name, Expose DP comm, Expose DP_EP comm, Expose TP comm, Expose_EP_comm, "
      "Expose_PP_comm, bubble time, total comp, total exposed comm, Total time\n"
      "run, 3 (8.25%), 4 (11.00%), 1 (2.75%), 2 (5.50%), 0 (0.00%), 0 (0.00%), 21 (52.50%), 19 "
      "(47.50%), 40\n" COLUMNS("run")
      "a,run,1.000000,3.000000,2.000000,1.100000,3.300000,2.200000,1000000.000000,1.000000,"
      "0.750000,4000000.000000,0.250000,0.468750,2000000.000000,0.500000,0.250000,40.000000\n"
      "b,run,4.000000,6.000000,5.000000,0.000000,4.400000,0.000000,0.000000,-nan,0.000000,"
      "500000.000000,2.000000,1.750000,0.000000,-nan,0.000000,40.000000\n"
      "SUM,run,5.000000,9.000000,7.000000,1.100000,7.700000,2.200000,1000000.000000,NONE,NONE,"
      "4500000.000000,NONE,NONE,2000000.000000,NONE,NONE\n"
      "total exposed comm,19.000000,total comp,21.000000,total time,40.000000\n");
  free(text);
  assert_int_equal(m4s_end_to_end_write(support_path("none/x.csv"), "run", workload, &result),
                   M4S_ERR_IO);
  m4s_workload_destroy(workload);
}

// A forward collective of 100 bytes runs as one of 4096.
static void bandwidths_should_be_of_the_bytes_that_ran(void **state) {
  (void)state;
  m4s_workload_t *workload = NULL;
  ASSERT_OK(m4s_workload_parse(
      "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 all_gpus: 2\n1\n"
      "a -1 0 ALLREDUCE 100 0 NONE 0 0 NONE 0 0\n",
      "w", &workload));
  const m4s_layer_times_t times[1] = {{.exposed_ns = {4096}, .total_ns = {4096}}};
  const m4s_collective_result_t result = {.total_ns = 4096, .makespan_ns = 4096, .layers = times};
  ASSERT_OK(m4s_end_to_end_write(support_path("raised.csv"), "run", workload, &result));
  char *text = support_read("raised.csv", NULL);
  // 1 byte a ns: 1e9 / 2^30 GiB/s.
  assert_non_null(strstr(text, ",4.096000,0.931323,0.931323,"));
  free(text);
  m4s_workload_destroy(workload);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_should_equal_the_published_sample),
      cmocka_unit_test(table_should_hold_every_group_and_pass),
      cmocka_unit_test(bandwidths_should_be_of_the_bytes_that_ran),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
