// Workload files: every column and keyword, every refusal with its place.
#include "support.h"

#include "flow/workload.h"

#define POLICY "HYBRID_TRANSFORMER_FWD_IN_BCKWD"

static m4s_workload_t *parse(const char *text) {
  m4s_workload_t *workload = NULL;
  ASSERT_OK(m4s_workload_parse(text, "w.txt", &workload));
  return workload;
}

static void assert_refused(const char *text, const char *message) {
  m4s_workload_t *workload = NULL;
  ASSERT_REFUSES(m4s_workload_parse(text, "w.txt", &workload), message);
  assert_null(workload);
}

static void workload_should_keep_every_column(void **state) {
  (void)state;
  m4s_workload_t *workload =
      parse(POLICY
            " model_parallel_NPU_group: 4 ep: 2 pp: 3 vpp: 5 ga: 6 all_gpus: 48 checkpoints: 0 "
            "checkpoint_initiates: 0 pp_comm: 0\n"
            "2\n"
            "first -1 11 ALLREDUCE 12 13 ALLGATHER_EP 14 15 REDUCESCATTER 16 17\n"
            "second\t7 21 NONE 0 23 ALLTOALL_DP_EP 24 25 NONE 26 27\r\n");
  assert_int_equal(workload->tp, 4);
  assert_int_equal(workload->ep, 2);
  assert_int_equal(workload->pp, 3);
  assert_int_equal(workload->vpp, 5);
  assert_int_equal(workload->ga, 6);
  assert_int_equal(workload->all_gpus, 48);
  assert_int_equal(workload->n_layers, 2);
  const m4s_layer_t *first = &workload->layers[0];
  assert_string_equal(first->name, "first");
  assert_int_equal(first->dependency, -1);
  static const m4s_collective_t collectives[] = {{M4S_COLLECTIVE_ALLREDUCE, M4S_GROUP_TP, 12},
                                                 {M4S_COLLECTIVE_ALLGATHER, M4S_GROUP_EP, 14},
                                                 {M4S_COLLECTIVE_REDUCESCATTER, M4S_GROUP_DP, 16}};
  for (int pass = 0; pass < M4S_N_PASSES; pass++) {
    assert_int_equal(first->compute_ns[pass], 11 + 2 * pass);
    assert_int_equal(first->collectives[pass].kind, collectives[pass].kind);
    assert_int_equal(first->collectives[pass].group, collectives[pass].group);
    assert_int_equal(first->collectives[pass].size_bytes, collectives[pass].size_bytes);
  }
  assert_int_equal(first->update_ns, 17);
  const m4s_layer_t *second = &workload->layers[1];
  assert_string_equal(second->name, "second");
  assert_int_equal(second->dependency, 7);
  assert_int_equal(second->collectives[0].kind, M4S_COLLECTIVE_NONE);
  assert_int_equal(second->collectives[1].kind, M4S_COLLECTIVE_ALLTOALL);
  assert_int_equal(second->collectives[1].group, M4S_GROUP_DP_EP);
  assert_int_equal(second->compute_ns[M4S_PASS_WEIGHT_GRADIENT], 25);
  assert_int_equal(second->update_ns, 27);
  m4s_workload_destroy(workload);
}

static void workload_should_default_to_groups_of_one(void **state) {
  (void)state;
  m4s_workload_t *workload =
      parse(POLICY " all_gpus: 8 model_parallel_NPU_group: 8\n1\na 0 0 NONE 0 0 NONE 0 0 NONE 0 0");
  assert_int_equal(workload->tp, 8);
  assert_int_equal(workload->ep, 1);
  assert_int_equal(workload->pp, 1);
  assert_int_equal(workload->vpp, 1);
  assert_int_equal(workload->ga, 1);
  m4s_workload_destroy(workload);
}

// Every kind with every suffix in every column; a bare kind is TP in the first two and DP in the
// third.
static void keywords_should_name_kind_and_group(void **state) {
  (void)state;
  static const char *const kinds[] = {"ALLREDUCE", "ALLGATHER", "REDUCESCATTER", "ALLTOALL"};
  static const char *const suffixes[] = {"", "_EP", "_DP_EP"};
  static const m4s_group_kind_t groups[] = {M4S_GROUP_TP, M4S_GROUP_EP, M4S_GROUP_DP_EP};
  for (int kind = 0; kind < 4; kind++) {
    for (int suffix = 0; suffix < 3; suffix++) {
      for (int pass = 0; pass < M4S_N_PASSES; pass++) {
        char word[64];
        char text[512];
        const char *words[] = {"NONE", "NONE", "NONE"};
        snprintf(word, sizeof word, "%s%s", kinds[kind], suffixes[suffix]);
        words[pass] = word;
        snprintf(text, sizeof text,
                 POLICY " model_parallel_NPU_group: 1 all_gpus: 1\n1\na 0 1 %s 2 3 %s 4 5 %s 6 7\n",
                 words[0], words[1], words[2]);
        m4s_workload_t *workload = parse(text);
        const m4s_collective_t *collective = &workload->layers[0].collectives[pass];
        assert_int_equal(collective->kind, M4S_COLLECTIVE_ALLREDUCE + kind);
        bool dp = suffix == 0 && pass == M4S_PASS_WEIGHT_GRADIENT;
        assert_int_equal(collective->group, dp ? M4S_GROUP_DP : groups[suffix]);
        assert_int_equal(collective->size_bytes, 2 * pass + 2);
        assert_string_equal(m4s_collective_names[collective->kind], kinds[kind]);
        m4s_workload_destroy(workload);
      }
    }
  }
}

static void head_should_be_checked(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "w.txt:1: ends where " POLICY " should stand"},
      {"HYBRID_TRANSFORMER_FWD_IN_BACKWARD all_gpus: 1\n",
       "w.txt:1:1: parallelism policy \"HYBRID_TRANSFORMER_FWD_IN_BACKWARD\" is unknown (nearest "
       "valid: " POLICY ")"},
      {POLICY " tp: 4\n", "w.txt:1:33: key \"tp:\" is unknown (did you mean ep:?)"},
      {POLICY " all_gpu: 4\n", "w.txt:1:33: key \"all_gpu:\" is unknown (did you mean all_gpus:?)"},
      {POLICY " ep: 1 ep: 2\n", "w.txt:1:39: key \"ep:\" stands twice"},
      {POLICY " ep: 1 pp:\n", "w.txt:1:39: key \"pp:\" has no value"},
      {POLICY " ep: 0\n", "w.txt:1:37: ep: \"0\" is outside 1 to 262144 (nearest valid: 1)"},
      {POLICY " ep: 1.5\n", "w.txt:1:37: ep: \"1.5\" is not a whole number"},
      {POLICY " ep: nan\n", "w.txt:1:37: ep: \"nan\" is not a whole number"},
      {POLICY " all_gpus: 300000\n",
       "w.txt:1:43: all_gpus: \"300000\" is outside 1 to 262144 (nearest valid: 262144)"},
      {POLICY " all_gpus: 8\n", "w.txt:1: model_parallel_NPU_group: is missing"},
      {POLICY " model_parallel_NPU_group: 8\n", "w.txt:1: all_gpus: is missing"},
      {POLICY " model_parallel_NPU_group: 3 all_gpus: 8\n",
       "w.txt:1: all_gpus: 8 is no multiple of model_parallel_NPU_group 3 times pp 1"},
      {POLICY " model_parallel_NPU_group: 4 pp: 4 pp_comm: 0 all_gpus: 8\n",
       "w.txt:1: all_gpus: 8 is no multiple of model_parallel_NPU_group 4 times pp 4"},
      {POLICY " model_parallel_NPU_group: 2 ep: 3 all_gpus: 8\n",
       "w.txt:1: ep: 3 does not divide the 4 data-parallel ranks"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_refused(cases[i].text, cases[i].message);
  }
}

static void what_is_not_simulated_should_be_said(void **state) {
  (void)state;
  static const char *const policies[] = {"DATA",
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
  for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
    char text[128];
    char message[256];
    snprintf(text, sizeof text, "%s all_gpus: 1\n", policies[i]);
    snprintf(message, sizeof message,
             "w.txt:1:1: parallelism policy \"%s\" is not simulated yet; " POLICY " is",
             policies[i]);
    assert_refused(text, message);
  }
#define HEAD POLICY " model_parallel_NPU_group: 2 all_gpus: 8 "
  assert_refused(HEAD "checkpoints: 2 0 1\n",
                 "w.txt:1:86: number of checkpointed layers \"2\" asks for activation "
                 "checkpointing, which is not simulated yet");
  assert_refused(HEAD "checkpoints: 0 checkpoint_initiates: 1 0\n",
                 "w.txt:1:110: number of checkpointed layers \"1\" asks for activation "
                 "checkpointing, which is not simulated yet");
  assert_refused(
      HEAD "pp: 2\n",
      "w.txt:1:77: pp \"2\" asks for a pipeline, whose transfers and bubbles are not simulated "
      "yet; with pp_comm: 0 the stages run side by side without them");
  assert_refused(HEAD "pp: 2 pp_comm: 4096\n",
                 "w.txt:1:88: pp_comm \"4096\" asks for pipeline transfers, which are not "
                 "simulated yet");
  assert_refused(HEAD "\n1\na 0 0 ALLREDUCEALLTOALL 1 0 NONE 0 0 NONE 0 0\n",
                 "w.txt:3:7: collective \"ALLREDUCEALLTOALL\" is not simulated yet");
  m4s_workload_t *workload =
      parse(HEAD "pp_comm: 4096\n1\na 0 0 NONE 0 0 NONE 0 0 NONE 0 0\n");  // no stages
  m4s_workload_destroy(workload);
}

// A workload whose only layer is this.
static void assert_layer_refused(const char *layer, const char *message) {
  char text[512];
  snprintf(text, sizeof text, HEAD "\n1\n%s\n", layer);
  assert_refused(text, message);
}

static void layers_should_be_checked(void **state) {
  (void)state;
#define WANTED \
  "a layer: name dependency, then compute collective bytes for forward, input gradient and " \
  "weight gradient, then update_time"
  static const struct {
    const char *layer, *message;
  } cases[] = {
      {"", "w.txt:4: ends where " WANTED " should stand"},
      {"a 0 0 NONE 0 0 NONE 0 0 NONE 0", "w.txt:3: 11 words, needed: " WANTED},
      {"a 0 0 NONE 0 0 NONE 0 0 NONE 0 0 0", "w.txt:3: 13 words, needed: " WANTED},
      {"a,b 0 0 NONE 0 0 NONE 0 0 NONE 0 0",
       "w.txt:3:1: layer name \"a,b\" has a comma, which EndToEnd.csv cannot hold"},
      {"a x 0 NONE 0 0 NONE 0 0 NONE 0 0", "w.txt:3:3: dependency \"x\" is not a whole number"},
      {"a -2 0 NONE 0 0 NONE 0 0 NONE 0 0",
       "w.txt:3:3: dependency \"-2\" is outside -1 to 1048576 (nearest valid: -1)"},
      {"a 0 -1 NONE 0 0 NONE 0 0 NONE 0 0",
       "w.txt:3:5: compute time \"-1\" is outside 0 to 1000000000000000 (nearest valid: 0)"},
      {"a 0 1.5 NONE 0 0 NONE 0 0 NONE 0 0",
       "w.txt:3:5: compute time \"1.5\" is not a whole number"},
      {"a 0 0 ALREDUCE 0 0 NONE 0 0 NONE 0 0",
       "w.txt:3:7: collective \"ALREDUCE\" is unknown (did you mean ALLREDUCE?)"},
      {"a 0 0 none 0 0 NONE 0 0 NONE 0 0",
       "w.txt:3:7: collective \"none\" is unknown (did you mean NONE?)"},
      {"a 0 0 BROADCAST 0 0 NONE 0 0 NONE 0 0", "w.txt:3:7: collective \"BROADCAST\" is unknown"},
      {"a 0 0 NONE 0 0 ALLGATHER_TP 0 0 NONE 0 0",
       "w.txt:3:16: collective \"ALLGATHER_TP\" is unknown (did you mean ALLGATHER_EP?)"},
      {"a 0 0 ALLREDUCE -5 0 NONE 0 0 NONE 0 0",
       "w.txt:3:17: collective's bytes \"-5\" is outside 0 to 35184372088832 (nearest valid: 0)"},
      {"a 0 0 ALLREDUCE 9223372036854775808 0 NONE 0 0 NONE 0 0",
       "w.txt:3:17: collective's bytes \"9223372036854775808\" is not a whole number"},
      {"a 0 0 NONE 0 0 NONE 0 1e9 NONE 0 0",
       "w.txt:3:23: compute time \"1e9\" is not a whole number"},
      {"a 0 0 NONE 0 0 NONE 0 0 NONE 0 -1",
       "w.txt:3:32: update time \"-1\" is outside 0 to 1000000000000000 (nearest valid: 0)"},
      {"a 0 0 NONE 0 0 NONE 0 0 NONE 0 0\nb",
       "w.txt:4:1: line \"b\" stands after the last line of those counted above"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_layer_refused(cases[i].layer, cases[i].message);
  }
}

static void number_of_layers_should_be_checked(void **state) {
  (void)state;
  static const struct {
    const char *line, *message;
  } cases[] = {
      {"", "w.txt:3: ends where the number of layers should stand"},
      {"0", "w.txt:2:1: number of layers \"0\" is outside 1 to 1048576 (nearest valid: 1)"},
      {"-1", "w.txt:2:1: number of layers \"-1\" is outside 1 to 1048576 (nearest valid: 1)"},
      {"two", "w.txt:2:1: number of layers \"two\" is not a whole number"},
      {"1 2", "w.txt:2: 2 words, needed: the number of layers"},
      {"1048576", "w.txt:3: ends where " WANTED " should stand"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256];
    snprintf(text, sizeof text, HEAD "\n%s\n", cases[i].line);
    assert_refused(text, cases[i].message);
  }
}

// However the sweep's workload is cut, it is refused: only the last newline may miss.
static void truncated_files_should_be_refused(void **state) {
  (void)state;
  char *text;
  ASSERT_OK(
      m4s_file_read_text(M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt", 4096, &text));
  m4s_workload_t *workload = parse(text);
  assert_int_equal(workload->n_layers, 2);
  m4s_workload_destroy(workload);
  for (size_t n = strlen(text) - 2; n > 0; n--) {
    text[n] = '\0';
    workload = NULL;
    assert_int_equal(m4s_workload_parse(text, "w.txt", &workload), M4S_ERR_INPUT);
    assert_int_equal(strncmp(m4s_last_error(), "w.txt:", 6), 0);
    assert_null(workload);
  }
  free(text);
}

static void reading_should_refuse_folders_and_missing_files(void **state) {
  (void)state;
  m4s_workload_t *workload = NULL;
  char message[256];
  snprintf(message, sizeof message, "%s: is a folder, a file is needed", support_folder);
  ASSERT_REFUSES(m4s_workload_read(support_folder, &workload), message);
  assert_int_equal(m4s_workload_read(support_path("missing"), &workload), M4S_ERR_INPUT);
  assert_null(workload);
  m4s_workload_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(workload_should_keep_every_column),
      cmocka_unit_test(workload_should_default_to_groups_of_one),
      cmocka_unit_test(keywords_should_name_kind_and_group),
      cmocka_unit_test(head_should_be_checked),
      cmocka_unit_test(what_is_not_simulated_should_be_said),
      cmocka_unit_test(layers_should_be_checked),
      cmocka_unit_test(number_of_layers_should_be_checked),
      cmocka_unit_test(truncated_files_should_be_refused),
      cmocka_unit_test(reading_should_refuse_folders_and_missing_files),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
