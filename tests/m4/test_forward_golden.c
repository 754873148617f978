// The forward pass against four consecutive steps with the published weights, computed in float64.
#include "support.h"

#include "back_end.h"
#include "forward.h"

static const double state_tolerance = 2e-5;  // of a tensor's largest magnitude: float32 sums
static const double slowdown_tolerance = 1e-5;  // of each slowdown

enum { N_STEPS = 4 };

typedef struct {
  m4s_model_t *model;
  m4s_safetensors_t *file;
  forward_t start;  // arrival: the states before the first step
} golden_t;

static const m4s_tensor_t *golden_tensor(const golden_t *golden, const char *name, int step) {
  char numbered[64];
  snprintf(numbered, sizeof numbered, step < 0 ? "%s" : "%s_%d", name, step);
  const m4s_tensor_t *tensor = m4s_safetensors_find(golden->file, numbered);
  if (tensor == NULL) {
    fail_msg("%s is missing", numbered);
  }
  return tensor;
}

static const float *golden_floats(const golden_t *golden, const char *name, int step,
                                  int64_t n_elements) {
  const m4s_tensor_t *tensor = golden_tensor(golden, name, step);
  assert_int_equal(tensor->dtype, M4S_DTYPE_F32);
  assert_int_equal(tensor->n_elements, n_elements);
  return tensor->data;
}

// Edges come as pairs, sorted by flow.
static void golden_read_graph(const golden_t *golden, m4s_step_t *step) {
  const m4s_tensor_t *flows = golden_tensor(golden, "edge_flow", -1);
  const m4s_tensor_t *links = golden_tensor(golden, "edge_link", -1);
  assert_int_equal(flows->n_elements, links->n_elements);
  int32_t *begin = calloc((size_t)step->n_flows + 1, sizeof *begin);
  int32_t *edges = calloc((size_t)links->n_elements, sizeof *edges);
  assert_non_null(begin);
  assert_non_null(edges);
  for (int64_t i = 0; i < flows->n_elements; i++) {
    int64_t flow = ((const int64_t *)flows->data)[i];
    int64_t link = ((const int64_t *)links->data)[i];
    assert_in_range(flow, 0, step->n_flows - 1);
    assert_in_range(link, 0, step->n_links - 1);
    assert_true(i == 0 || flow >= ((const int64_t *)flows->data)[i - 1]);
    begin[flow + 1] = (int32_t)i + 1;
    edges[i] = (int32_t)link;
  }
  step->edge_begin = begin;
  step->edges = edges;
}

static golden_t golden_read(void) {
  golden_t golden = {0};
  ASSERT_OK(m4s_model_read(support_reference("m4-published.safetensors"), &golden.model));
  ASSERT_OK(m4s_safetensors_read(support_reference("m4-forward-golden.safetensors"), &golden.file));
  const m4s_model_t *model = golden.model;
  m4s_step_t step = {.params = golden_floats(&golden, "network_params", -1, model->n_params)};
  step.n_flows = (int32_t)golden_tensor(&golden, "flow_state", 0)->shape[0];
  step.n_links = (int32_t)golden_tensor(&golden, "link_state", 0)->shape[0];
  assert_int_equal(step.n_flows, 40);
  assert_int_equal(step.n_links, 24);
  golden_read_graph(&golden, &step);
  step.flow_rows = calloc((size_t)step.n_flows, sizeof(int32_t));
  step.link_rows = calloc((size_t)step.n_links, sizeof(int32_t));
  step.predictions_out = calloc((size_t)step.n_flows, sizeof(float));
  golden.start = (forward_t){.step = step, .hidden = (size_t)model->hidden};
  size_t n_flow_numbers = forward_n_flow_numbers(&golden.start);
  size_t n_link_numbers = forward_n_link_numbers(&golden.start);
  golden.start.flow_states =
      forward_copy(golden_floats(&golden, "flow_state", 0, (int64_t)n_flow_numbers),
                   n_flow_numbers * sizeof(float));
  golden.start.link_states =
      forward_copy(golden_floats(&golden, "link_state", 0, (int64_t)n_link_numbers),
                   n_link_numbers * sizeof(float));
  return golden;
}

static void golden_clear(golden_t *golden) {
  forward_clear(&golden->start);
  m4s_safetensors_destroy(golden->file);
  m4s_model_destroy(golden->model);
}

// The states and slowdowns after step `k`, from 1.
static void golden_check(const golden_t *golden, const forward_t *forward, int k) {
  size_t n_flows = (size_t)forward->step.n_flows;
  size_t n_flow_numbers = forward_n_flow_numbers(forward);
  size_t n_link_numbers = forward_n_link_numbers(forward);
  const float *flows = golden_floats(golden, "flow_state", k, (int64_t)n_flow_numbers);
  const float *links = golden_floats(golden, "link_state", k, (int64_t)n_link_numbers);
  const float *slowdowns = golden_floats(golden, "slowdown_raw", k, (int64_t)n_flows);
  ASSERT_WITHIN(forward_error(forward->flow_states, flows, n_flow_numbers),
                back_end_tolerance(state_tolerance), "states of flows");
  ASSERT_WITHIN(forward_error(forward->link_states, links, n_link_numbers),
                back_end_tolerance(state_tolerance), "states of links");
  ASSERT_WITHIN(forward_error_each(forward->step.predictions_out, slowdowns, n_flows),
                back_end_tolerance(slowdown_tolerance), "slowdowns");
}

static void golden_begin_step(const golden_t *golden, forward_t *forward, int k) {
  forward->step.dt_us = *golden_floats(golden, "dt_us", k, 1);
  memset(forward->step.predictions_out, 0, (size_t)forward->step.n_flows * sizeof(float));
}

static void reference_should_agree_with_float64(void **state) {
  (void)state;
  golden_t golden = golden_read();
  forward_t forward = forward_clone(&golden.start);
  for (int k = 1; k <= N_STEPS; k++) {
    golden_begin_step(&golden, &forward, k);
    forward_run_reference(golden.model, &forward);
    golden_check(&golden, &forward, k);
  }
  forward_clear(&forward);
  golden_clear(&golden);
}

// What arrives in rows of an engine is the golden start, to the bit.
static void golden_arrive(const golden_t *golden, m4s_engine_t *engine, forward_t *forward) {
  const float *sizes = golden_floats(golden, "size_bytes", -1, forward->step.n_flows);
  const float *n_links = golden_floats(golden, "n_links", -1, forward->step.n_flows);
  forward_enter(engine, forward);
  for (int32_t i = 0; i < forward->step.n_flows; i++) {
    m4s_engine_reset_flow(engine, forward->step.flow_rows[i], (int64_t)sizes[i],
                          (int32_t)n_links[i]);
  }
  for (int32_t i = 0; i < forward->step.n_links; i++) {
    m4s_engine_reset_link(engine, forward->step.link_rows[i]);
  }
  forward_read_states(engine, forward);
  assert_true(forward_equal(forward, &golden->start));
}

// States stay in the engine from step to step.
static void engine_should_agree_with_float64(m4s_forward_t how) {
  golden_t golden = golden_read();
  forward_t forward = forward_clone(&golden.start);
  m4s_engine_t *engine = back_end_engine(golden.model, how);
  golden_arrive(&golden, engine, &forward);
  m4s_inference_batch_t batch = {.engine = engine};
  for (int k = 1; k <= N_STEPS; k++) {
    golden_begin_step(&golden, &forward, k);
    ASSERT_OK(m4s_inference_batch_add(&batch, &forward.step));
    ASSERT_OK(m4s_engine_evaluate(engine, &batch));
    forward_read_states(engine, &forward);
    golden_check(&golden, &forward, k);
  }
  m4s_inference_batch_clear(&batch);
  m4s_engine_destroy(engine);
  forward_clear(&forward);
  golden_clear(&golden);
}

static void reference_engine_should_agree_with_float64(void **state) {
  (void)state;
  engine_should_agree_with_float64(M4S_FORWARD_REFERENCE);
}

static void fast_engine_should_agree_with_float64(void **state) {
  (void)state;
  engine_should_agree_with_float64(M4S_FORWARD_FAST);
}

static void comparison_should_measure_errors(void **state) {
  (void)state;
  const float want[] = {-4, 1, 0.5F};
  const float same[] = {-4, 1, 0.5F};
  const float off[] = {-4, 1.5F, 0.5F};
  assert_true(forward_error(same, want, 3) == 0);
  assert_true(forward_error(off, want, 3) == 0.125);
  assert_true(forward_error_each(off, want, 3) == 0.5);
}

static void comparison_should_refuse_what_is_not_finite(void **state) {
  (void)state;
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 3; i++) {
    for (size_t place = 0; place < 3; place++) {
      const float good[] = {1, 2, 3};
      float planted[] = {1, 2, 3};
      planted[place] = bad[i];
      assert_false(forward_error(planted, good, 3) <= state_tolerance);
      assert_false(forward_error(good, planted, 3) <= state_tolerance);
      assert_false(forward_error(planted, planted, 3) <= state_tolerance);
      assert_false(forward_error_each(planted, planted, 3) <= slowdown_tolerance);
    }
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest cpu[] = {
      cmocka_unit_test(comparison_should_measure_errors),
      cmocka_unit_test(comparison_should_refuse_what_is_not_finite),
      cmocka_unit_test(reference_should_agree_with_float64),
      cmocka_unit_test(reference_engine_should_agree_with_float64),
      cmocka_unit_test(fast_engine_should_agree_with_float64),
  };
  const struct CMUnitTest device[] = {cmocka_unit_test(fast_engine_should_agree_with_float64)};
  if (argc > 1 && strcmp(argv[1], "gpu") == 0) {
    back_end_need_gpu();
    return cmocka_run_group_tests_name("GPU", device, back_end_begin_gpu, back_end_end) +
           cmocka_run_group_tests_name("GPU, cuDNN's cells", device, back_end_begin_gpu_cells,
                                       back_end_end);
  }
  return cmocka_run_group_tests_name("CPU", cpu, back_end_begin_cpu, back_end_end) +
         cmocka_run_group_tests_name("device on the host", device, back_end_begin_host,
                                     back_end_end) +
         cmocka_run_group_tests_name("device on the host, its cells", device,
                                     back_end_begin_host_cells, back_end_end);
}
