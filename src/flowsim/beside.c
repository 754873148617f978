#include "flowsim/beside.h"

#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "flowsim/max_min.h"

struct m4s_beside {
  m4s_max_min_t rates;  // the flows' remaining bytes are those they have times their factors
  m4s_clock_t clock;
  double *factors;  // owned, [factor_capacity], by slot
  int32_t factor_capacity;
};

m4s_status_t m4s_beside_create(const m4s_wire_t *wire, const m4s_topology_t *topology,
                               m4s_beside_t **beside_out) {
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = *wire};
  m4s_beside_t *beside = calloc(1, sizeof *beside);
  if (beside == NULL) {
    return m4s_fail_memory("flowsim");
  }
  m4s_status_t status = m4s_max_min_init(&beside->rates, &config, topology, &beside->clock);
  if (status != M4S_OK) {
    free(beside);
    return status;
  }
  *beside_out = beside;
  return M4S_OK;
}

void m4s_beside_destroy(m4s_beside_t *beside) {
  if (beside != NULL) {
    m4s_max_min_clear(&beside->rates);
    free(beside->factors);
    free(beside);
  }
}

// Ends of transmissions up to now_ns, with new rates after each time but now_ns: more may happen
// then.
static m4s_status_t run_to(m4s_beside_t *beside, int64_t now_ns) {
  for (;;) {
    const m4s_heap_entry_t *first = m4s_heap_first(&beside->rates.ends);
    int64_t next_ns = first == NULL ? M4S_TIME_NEVER : first->key.time_ns;
    if (m4s_max_min_unsettled(&beside->rates) && beside->clock.now_ns < now_ns &&
        beside->clock.now_ns < next_ns) {
      M4S_TRY(m4s_max_min_settle(&beside->rates));
      continue;
    }
    if (next_ns > now_ns) {
      beside->clock.now_ns = now_ns;
      return M4S_OK;
    }
    int32_t slot = first->id;
    beside->clock.now_ns = next_ns;
    m4s_heap_remove(&beside->rates.ends, slot);
    M4S_TRY(m4s_max_min_leave(&beside->rates, slot));
  }
}

m4s_status_t m4s_beside_advance(m4s_beside_t *beside, int64_t now_ns) {
  M4S_TRY(run_to(beside, now_ns));
  // Flows that take less than a ns end at once.
  while (m4s_max_min_unsettled(&beside->rates)) {
    M4S_TRY(m4s_max_min_settle(&beside->rates));
    M4S_TRY(run_to(beside, now_ns));
  }
  return M4S_OK;
}

m4s_status_t m4s_beside_start(m4s_beside_t *beside, int64_t now_ns, const m4s_flow_t *flow,
                              int32_t *slot_out) {
  M4S_TRY(run_to(beside, now_ns));
  M4S_TRY(m4s_max_min_add(&beside->rates, flow, slot_out));
  if (*slot_out >= beside->factor_capacity) {
    int32_t capacity = 64 + 2 * *slot_out;
    M4S_TRY(m4s_array_resize(&beside->factors, capacity, sizeof *beside->factors, "flows"));
    beside->factor_capacity = capacity;
  }
  beside->factors[*slot_out] = 1;
  return M4S_OK;
}

// What max_min has left of the flow now.
static double left_bytes(const m4s_beside_t *beside, int32_t slot) {
  const m4s_fluid_flow_t *flow = &beside->rates.fluid.flows[slot];
  double sent_bytes = flow->rate * (double)(beside->clock.now_ns - flow->updated_ns);
  return fmax(0.0, flow->remaining_bytes - sent_bytes);
}

m4s_status_t m4s_beside_slow(m4s_beside_t *beside, int32_t slot, double factor) {
  double before = beside->factors[slot];
  if (!m4s_max_min_sending(&beside->rates, slot) || !(factor < before || factor > before)) {
    return M4S_OK;
  }
  beside->factors[slot] = factor;
  return m4s_max_min_set_remaining(&beside->rates, slot,
                                   left_bytes(beside, slot) / before * factor);
}

m4s_status_t m4s_beside_set_remaining(m4s_beside_t *beside, int32_t slot, double bytes) {
  return m4s_max_min_sending(&beside->rates, slot)
             ? m4s_max_min_set_remaining(&beside->rates, slot, bytes * beside->factors[slot])
             : M4S_OK;
}

m4s_status_t m4s_beside_end(m4s_beside_t *beside, int64_t now_ns, int32_t slot) {
  M4S_TRY(run_to(beside, now_ns));
  if (!m4s_max_min_sending(&beside->rates, slot)) {
    // It has sent all, or started just now.
    M4S_TRY(m4s_beside_advance(beside, now_ns));
  }
  if (m4s_max_min_sending(&beside->rates, slot)) {
    m4s_heap_remove(&beside->rates.ends, slot);
    M4S_TRY(m4s_max_min_leave(&beside->rates, slot));
  }
  m4s_fluid_free_slot(&beside->rates.fluid, slot);
  return M4S_OK;
}

m4s_beside_flow_t m4s_beside_flow(const m4s_beside_t *beside, int32_t slot) {
  const m4s_fluid_flow_t *flow = &beside->rates.fluid.flows[slot];
  if (!m4s_max_min_sending(&beside->rates, slot)) {
    return (m4s_beside_flow_t){.sent_ns = flow->updated_ns};
  }
  return (m4s_beside_flow_t){.rate = flow->rate,
                             .slowed_rate = flow->rate / beside->factors[slot],
                             .remaining_bytes = left_bytes(beside, slot) / beside->factors[slot],
                             .sent_ns = m4s_max_min_sent_ns(&beside->rates, slot)};
}

double m4s_beside_link_rate(const m4s_beside_t *beside, int32_t link) {
  return fmax(0.0, beside->rates.levels[link].rate_sum);
}
