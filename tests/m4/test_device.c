// An engine on a device, a device on the host: lanes, replayed graphs, too little memory, a device
// that is lost or wrong. test_engine.c has what is true of every engine.
#include "support.h"

#include "back_end.h"
#include "forward.h"
#include "m4/cuda/forward.h"
#include "tiny_model.h"

enum { MAX_STEPS = 24, N_KINDS = 2 };

// Published and with fluid inputs.
static const tiny_sizes_t sizes[N_KINDS] = {
    {.hidden = 18, .gnn_hidden = 25, .n_gnn_layers = 3, .n_params = 13},
    {.hidden = 9, .gnn_hidden = 14, .n_gnn_layers = 2, .n_params = TINY_FLUID},
};
static const float params[16] = {30, 18, 1, 0, 0, 0, 30};

typedef struct {
  m4s_model_t *model;
  host_device_t host;
  m4s_device_t device;
  m4s_engine_t *engine;
  uint64_t random;
} bed_t;

// Kinds with engines of their own, which take the place of the former.
static void open_bed(bed_t *bed, int kind) {
  *bed = (bed_t){.model = tiny_model(sizes[kind], 5), .host = host_device(), .random = 77};
  bed->device = host_device_of(&bed->host);
  ASSERT_OK(m4s_engine_create_on(bed->model, &bed->device, M4S_GPU_CELLS_CUBLAS, &bed->engine));
}

static void close_bed(bed_t *bed) {
  m4s_engine_destroy(bed->engine);
  host_device_clear(&bed->host);
  m4s_model_destroy(bed->model);
}

static void make_steps(bed_t *bed, size_t n, int32_t max_rows, forward_t steps_out[]) {
  static const float dts_us[] = {2.5F, 0, 40};
  for (size_t i = 0; i < n; i++) {
    int32_t n_flows = 1 + (int32_t)support_random_below(&bed->random, max_rows);
    int32_t n_links = 1 + (int32_t)support_random_below(&bed->random, max_rows);
    steps_out[i] =
        forward_random(bed->model, params, n_flows, n_links, dts_us[i % 3], &bed->random);
  }
}

static void clone_all(const forward_t steps[], size_t n, forward_t clones_out[]) {
  for (size_t i = 0; i < n; i++) {
    clones_out[i] = forward_clone(&steps[i]);
  }
}

static void clear_all(forward_t steps[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    forward_clear(&steps[i]);
  }
}

static void enter_all(bed_t *bed, forward_t steps[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    forward_enter(bed->engine, &steps[i]);
  }
}

static void leave_all(bed_t *bed, forward_t steps[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    forward_read_states(bed->engine, &steps[i]);
    forward_leave(bed->engine, &steps[i]);
  }
}

static void add_all(m4s_inference_batch_t *batch, const forward_t steps[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    ASSERT_OK(m4s_inference_batch_add(batch, &steps[i].step));
  }
}

static m4s_status_t evaluate_all(bed_t *bed, const forward_t steps[], size_t n) {
  m4s_inference_batch_t batch = {.engine = bed->engine};
  add_all(&batch, steps, n);
  m4s_status_t status = m4s_engine_evaluate(bed->engine, &batch);
  m4s_inference_batch_clear(&batch);
  return status;
}

// Steps as the reference has them.
static void assert_as_reference(const bed_t *bed, const forward_t before[], const forward_t got[],
                                size_t n) {
  for (size_t i = 0; i < n; i++) {
    forward_t want = forward_clone(&before[i]);
    forward_run_reference(bed->model, &want);
    ASSERT_WITHIN(
        forward_error(got[i].flow_states, want.flow_states, forward_n_flow_numbers(&want)), 1e-5,
        "states of flows");
    ASSERT_WITHIN(
        forward_error(got[i].link_states, want.link_states, forward_n_link_numbers(&want)), 1e-5,
        "states of links");
    ASSERT_WITHIN(forward_error(got[i].step.predictions_out, want.step.predictions_out,
                                (size_t)want.step.n_flows),
                  1e-5, "predictions");
    forward_clear(&want);
  }
}

static void assert_equal_steps(const forward_t got[], const forward_t want[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    assert_true(forward_equal(&got[i], &want[i]));
  }
}

// --- lanes ---

// Two groups of steps under way at a time, in any order of ends, round after round.
static void lanes_should_not_disturb_each_other(void **state) {
  (void)state;
  enum { N = 6, N_ROUNDS = 5 };
  for (int kind = 0; kind < N_KINDS; kind++) {
    bed_t bed;
    open_bed(&bed, kind);
    assert_int_equal(m4s_engine_n_lanes(bed.engine), 2);
    for (int round = 0; round < N_ROUNDS; round++) {
      forward_t before[2 * N], got[2 * N];
      m4s_inference_batch_t batches[2] = {{.engine = bed.engine}, {.engine = bed.engine}};
      make_steps(&bed, 2 * N, 9, before);
      clone_all(before, 2 * N, got);
      enter_all(&bed, got, 2 * N);
      for (int lane = 0; lane < 2; lane++) {
        add_all(&batches[lane], got + lane * N, N);
        ASSERT_OK(m4s_engine_begin(bed.engine, lane, &batches[lane]));
        assert_int_equal(batches[lane].n_steps, 0);
      }
      ASSERT_OK(m4s_engine_end(bed.engine, round % 2));
      ASSERT_OK(m4s_engine_end(bed.engine, 1 - round % 2));
      leave_all(&bed, got, 2 * N);
      assert_as_reference(&bed, before, got, 2 * N);
      m4s_inference_batch_clear(&batches[0]);
      m4s_inference_batch_clear(&batches[1]);
      clear_all(before, 2 * N);
      clear_all(got, 2 * N);
    }
    close_bed(&bed);
  }
}

// A row that begins anew goes up with the next batch, whichever lane that is on.
static void resets_should_reach_either_lane(void **state) {
  (void)state;
  bed_t bed;
  open_bed(&bed, 0);
  forward_t first, second;
  make_steps(&bed, 1, 6, &first);
  make_steps(&bed, 1, 6, &second);
  enter_all(&bed, &first, 1);
  enter_all(&bed, &second, 1);
  // All rows of the second step begin anew, some of them twice; the first step's batch takes it up.
  for (int32_t i = 0; i < second.step.n_flows; i++) {
    m4s_engine_reset_flow(bed.engine, second.step.flow_rows[i], 1, 1);
    m4s_engine_reset_flow(bed.engine, second.step.flow_rows[i], 7000, 3);
  }
  for (int32_t i = 0; i < second.step.n_links; i++) {
    m4s_engine_reset_link(bed.engine, second.step.link_rows[i]);
  }
  forward_t want = forward_clone(&second);
  memset(want.flow_states, 0, forward_n_flow_numbers(&want) * sizeof(float));
  memset(want.link_states, 0, forward_n_link_numbers(&want) * sizeof(float));
  for (int32_t i = 0; i < want.step.n_flows; i++) {
    float *flow = want.flow_states + (size_t)i * want.hidden;
    flow[0] = 1;
    flow[2] = 3;
    flow[3] = 3;
  }
  for (int32_t i = 0; i < want.step.n_links; i++) {
    want.link_states[(size_t)i * want.hidden + 1] = 1;
    want.link_states[(size_t)i * want.hidden + 2] = 1;
  }
  m4s_inference_batch_t batches[2] = {{.engine = bed.engine}, {.engine = bed.engine}};
  add_all(&batches[0], &first, 1);
  add_all(&batches[1], &second, 1);
  ASSERT_OK(m4s_engine_begin(bed.engine, 0, &batches[0]));
  ASSERT_OK(m4s_engine_begin(bed.engine, 1, &batches[1]));
  ASSERT_OK(m4s_engine_end(bed.engine, 1));
  ASSERT_OK(m4s_engine_end(bed.engine, 0));
  leave_all(&bed, &second, 1);
  assert_as_reference(&bed, &want, &second, 1);
  m4s_inference_batch_clear(&batches[0]);
  m4s_inference_batch_clear(&batches[1]);
  forward_clear(&want);
  forward_clear(&first);
  forward_clear(&second);
  close_bed(&bed);
}

// More rows are taken while a lane is under way: its graphs are recorded anew.
static void rows_should_grow_under_way(void **state) {
  (void)state;
  bed_t bed;
  open_bed(&bed, 0);
  forward_t before, got;
  make_steps(&bed, 1, 9, &before);
  for (int round = 0; round < 4; round++) {
    got = forward_clone(&before);
    enter_all(&bed, &got, 1);
    m4s_inference_batch_t batch = {.engine = bed.engine};
    add_all(&batch, &got, 1);
    ASSERT_OK(m4s_engine_begin(bed.engine, 0, &batch));
    for (int32_t i = 0; i < 400 << round; i++) {
      int32_t row;
      ASSERT_OK(m4s_engine_take_flow_row(bed.engine, &row));
      ASSERT_OK(m4s_engine_take_link_row(bed.engine, &row));
    }
    ASSERT_OK(m4s_engine_end(bed.engine, 0));
    leave_all(&bed, &got, 1);
    assert_as_reference(&bed, &before, &got, 1);
    m4s_inference_batch_clear(&batch);
    forward_clear(&got);
  }
  forward_clear(&before);
  close_bed(&bed);
}

// --- graphs ---

// Runs the same steps again and again; what they come to is in `got`.
static void run_rounds(bed_t *bed, int n_rounds, forward_t got[], size_t n) {
  enter_all(bed, got, n);
  for (int round = 0; round < n_rounds; round++) {
    ASSERT_OK(evaluate_all(bed, got, n));
  }
  leave_all(bed, got, n);
}

static void sizes_should_be_recorded_once(void **state) {
  (void)state;
  enum { N = 4, N_ROUNDS = 6 };
  bed_t bed;
  forward_t steps[N], replayed[N], launched[N];
  open_bed(&bed, 0);
  make_steps(&bed, N, 20, steps);
  clone_all(steps, N, replayed);
  clone_all(steps, N, launched);
  run_rounds(&bed, N_ROUNDS, replayed, N);
  assert_int_equal(m4s_gpu_forward_n_graphs(m4s_engine_gpu(bed.engine)), 1);
  assert_int_equal(bed.host.n_replays, N_ROUNDS - 1);
  close_bed(&bed);
  open_bed(&bed, 0);
  bed.host.refuses_graphs = true;
  run_rounds(&bed, N_ROUNDS, launched, N);
  assert_int_equal(m4s_gpu_forward_n_graphs(m4s_engine_gpu(bed.engine)), 0);
  assert_int_equal(bed.host.n_replays, 0);
  assert_equal_steps(replayed, launched, N);
  close_bed(&bed);
  clear_all(steps, N);
  clear_all(replayed, N);
  clear_all(launched, N);
}

// Batches of other sizes of the same class replay its graph, with and without time.
static void graphs_should_do_for_sizes_nearby(void **state) {
  (void)state;
  enum { N = 12 };
  bed_t bed;
  open_bed(&bed, 0);
  for (int i = 0; i < N; i++) {
    forward_t before =
        forward_random(bed.model, params, 33 + i % 4, 17 + i % 4, i % 2 == 0 ? 0 : 3, &bed.random);
    forward_t got = forward_clone(&before);
    run_rounds(&bed, 1, &got, 1);
    assert_as_reference(&bed, &before, &got, 1);
    forward_clear(&before);
    forward_clear(&got);
  }
  assert_int_equal(m4s_gpu_forward_n_graphs(m4s_engine_gpu(bed.engine)), 2);
  assert_int_equal(bed.host.n_replays, N - 2);
  close_bed(&bed);
}

// --- memory ---

static void parts_should_not_matter(void **state) {
  (void)state;
  for (int kind = 0; kind < N_KINDS; kind++) {
    bed_t bed;
    forward_t steps[MAX_STEPS], whole[MAX_STEPS];
    open_bed(&bed, kind);
    make_steps(&bed, MAX_STEPS, 9, steps);
    clone_all(steps, MAX_STEPS, whole);
    run_rounds(&bed, 3, whole, MAX_STEPS);
    for (int32_t limit = 1; limit < 120; limit += 17) {
      forward_t parts[MAX_STEPS];
      clone_all(steps, MAX_STEPS, parts);
      m4s_gpu_forward_limit_rows(m4s_engine_gpu(bed.engine), limit);
      run_rounds(&bed, 3, parts, MAX_STEPS);
      assert_equal_steps(parts, whole, MAX_STEPS);
      clear_all(parts, MAX_STEPS);
    }
    clear_all(steps, MAX_STEPS);
    clear_all(whole, MAX_STEPS);
    close_bed(&bed);
  }
}

// Batches become smaller until there is room for them, and stay so.
static void too_little_memory_should_make_smaller_batches(void **state) {
  (void)state;
  bed_t bed;
  forward_t steps[MAX_STEPS], got[MAX_STEPS];
  open_bed(&bed, 0);
  make_steps(&bed, MAX_STEPS, 9, steps);
  clone_all(steps, MAX_STEPS, got);
  enter_all(&bed, got, MAX_STEPS);
  bed.host.bytes_left = 120000;
  ASSERT_OK(evaluate_all(&bed, got, MAX_STEPS));
  int32_t max_rows = m4s_gpu_forward_max_rows(m4s_engine_gpu(bed.engine));
  assert_in_range(max_rows, 1, 150);
  assert_true(m4s_engine_full_rows(bed.engine) == max_rows);
  leave_all(&bed, got, MAX_STEPS);
  assert_as_reference(&bed, steps, got, MAX_STEPS);
  clear_all(steps, MAX_STEPS);
  clear_all(got, MAX_STEPS);
  close_bed(&bed);
}

static void a_step_without_room_should_fail_alone(void **state) {
  (void)state;
  bed_t bed;
  open_bed(&bed, 0);
  forward_t large = forward_random(bed.model, params, 300, 200, 3, &bed.random);
  forward_t small = forward_random(bed.model, params, 9, 5, 3, &bed.random);
  forward_t got = forward_clone(&small);
  enter_all(&bed, &large, 1);
  enter_all(&bed, &got, 1);
  bed.host.bytes_left = 60000;
  assert_int_equal(evaluate_all(&bed, &large, 1), M4S_ERR_MEMORY);
  ASSERT_OK(evaluate_all(&bed, &got, 1));
  leave_all(&bed, &got, 1);
  assert_as_reference(&bed, &small, &got, 1);
  forward_clear(&large);
  forward_clear(&small);
  forward_clear(&got);
  close_bed(&bed);
}

// What lanes keep for batches to come is given up for states.
static void states_should_come_before_batches(void **state) {
  (void)state;
  bed_t bed;
  open_bed(&bed, 0);
  forward_t before = forward_random(bed.model, params, 200, 100, 3, &bed.random);
  forward_t got = forward_clone(&before);
  enter_all(&bed, &got, 1);
  ASSERT_OK(evaluate_all(&bed, &got, 1));
  int32_t max_rows = m4s_gpu_forward_max_rows(m4s_engine_gpu(bed.engine));
  bed.host.bytes_left = 1000;
  for (int i = 0; i < 200; i++) {
    int32_t row;
    ASSERT_OK(m4s_engine_take_flow_row(bed.engine, &row));
  }
  assert_true(m4s_gpu_forward_max_rows(m4s_engine_gpu(bed.engine)) < max_rows);
  leave_all(&bed, &got, 1);
  assert_as_reference(&bed, &before, &got, 1);
  int32_t row = 0;
  m4s_status_t status = M4S_OK;
  for (int i = 0; status == M4S_OK && i < 1000000; i++) {
    status = m4s_engine_take_flow_row(bed.engine, &row);
  }
  assert_int_equal(status, M4S_ERR_MEMORY);
  forward_clear(&before);
  forward_clear(&got);
  close_bed(&bed);
}

// --- a device that does not work ---

// Wherever it is lost: an error, from then on always, and everything can be cleared.
static void a_lost_device_should_be_an_error(void **state) {
  (void)state;
  enum { N = 3, N_PLACES = 90 };
  for (int place = 0; place < N_PLACES; place += 7) {
    bed_t bed;
    forward_t steps[N];
    open_bed(&bed, 0);
    make_steps(&bed, N, 9, steps);
    enter_all(&bed, steps, N);
    bed.host.launches_left = place;
    m4s_status_t status = M4S_OK;
    for (int round = 0; status == M4S_OK && round < 100; round++) {
      status = evaluate_all(&bed, steps, N);
    }
    assert_int_equal(status, M4S_ERR_DEVICE);
    assert_string_equal(m4s_last_error(), "the GPU is lost: planted by a test");
    assert_int_equal(evaluate_all(&bed, steps, N), M4S_ERR_DEVICE);
    clear_all(steps, N);
    close_bed(&bed);
  }
}

static void calibration_should_pass(void **state) {
  (void)state;
  for (int kind = 0; kind < N_KINDS; kind++) {
    bed_t bed;
    open_bed(&bed, kind);
    m4s_gpu_forward_limit_rows(m4s_engine_gpu(bed.engine), 1024);
    ASSERT_OK(m4s_engine_calibrate(bed.engine, 1e-4));
    assert_in_range(m4s_engine_full_rows(bed.engine), 512, 1024);
    assert_int_equal(m4s_engine_counts(bed.engine).steps, 0);
    close_bed(&bed);
  }
}

static void calibration_should_find_a_wrong_device(void **state) {
  (void)state;
  bed_t bed;
  open_bed(&bed, 0);
  bed.host.is_wrong = true;
  assert_int_equal(m4s_engine_calibrate(bed.engine, 1e-2), M4S_ERR_DEVICE);
  assert_non_null(strstr(m4s_last_error(), "the GPU computes something else than the CPU"));
  close_bed(&bed);
}

static void timing_should_add_up(void **state) {
  (void)state;
  enum { N = 4 };
  bed_t bed;
  forward_t steps[N];
  open_bed(&bed, 0);
  make_steps(&bed, N, 9, steps);
  enter_all(&bed, steps, N);
  m4s_gpu_forward_time(m4s_engine_gpu(bed.engine), true);
  ASSERT_OK(evaluate_all(&bed, steps, N));
  ASSERT_OK(evaluate_all(&bed, steps, N));
  m4s_gpu_times_t times = m4s_gpu_forward_times(m4s_engine_gpu(bed.engine));
  assert_int_equal(times.n_parts, 2);
  // A second from each mark to the next, on this device.
  assert_true(times.up_s == 2 && times.compute_s == 2 && times.down_s == 2);
  assert_true(times.launch_s > 0);
  clear_all(steps, N);
  close_bed(&bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lanes_should_not_disturb_each_other),
      cmocka_unit_test(resets_should_reach_either_lane),
      cmocka_unit_test(rows_should_grow_under_way),
      cmocka_unit_test(sizes_should_be_recorded_once),
      cmocka_unit_test(graphs_should_do_for_sizes_nearby),
      cmocka_unit_test(parts_should_not_matter),
      cmocka_unit_test(too_little_memory_should_make_smaller_batches),
      cmocka_unit_test(a_step_without_room_should_fail_alone),
      cmocka_unit_test(states_should_come_before_batches),
      cmocka_unit_test(a_lost_device_should_be_an_error),
      cmocka_unit_test(calibration_should_pass),
      cmocka_unit_test(calibration_should_find_a_wrong_device),
      cmocka_unit_test(timing_should_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
