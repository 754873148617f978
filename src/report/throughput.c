#include "report/throughput.h"

#include <math.h>
#include <stdlib.h>

enum { N = M4S_THROUGHPUT_INTERVALS };

static bool has_times(const m4s_flow_record_t *record) {
  return record->start_ns >= 0 && record->fct_ns >= 0 && record->size_bytes > 0;
}

// The interval that holds a time, the first or last one for times outside.
static int interval_of(double time_ns, double begin_ns, double width_ns) {
  double place = floor((time_ns - begin_ns) / width_ns);
  return place < 0 ? 0 : place >= N ? N - 1 : (int)place;
}

void m4s_throughput_add(const m4s_flow_record_t *records, size_t n_records, double begin_ns,
                        double end_ns, double gbps[M4S_THROUGHPUT_INTERVALS]) {
  double width_ns = (end_ns - begin_ns) / N;
  for (size_t i = 0; i < n_records; i++) {
    if (!has_times(&records[i])) {
      continue;
    }
    double start_ns = (double)records[i].start_ns;
    double fct_ns = fmax((double)records[i].fct_ns, 1);
    double bits_per_ns = 8 * (double)records[i].size_bytes / fct_ns;
    int last = interval_of(start_ns + fct_ns, begin_ns, width_ns);
    for (int k = interval_of(start_ns, begin_ns, width_ns); k <= last; k++) {
      double from_ns = fmax(start_ns, begin_ns + k * width_ns);
      double to_ns = fmin(start_ns + fct_ns, begin_ns + (k + 1) * width_ns);
      gbps[k] += to_ns > from_ns ? bits_per_ns * (to_ns - from_ns) / width_ns : 0;
    }
  }
}

typedef struct {
  m4s_flow_record_t *records;  // owned; NULL: none
  size_t n;
} flows_t;

// Widens the span to that of the flows; false where no times are known.
static bool widen(const flows_t *flows, double *begin_ns, double *end_ns) {
  bool any = false;
  for (size_t i = 0; i < flows->n; i++) {
    if (has_times(&flows->records[i])) {
      double start_ns = (double)flows->records[i].start_ns;
      *begin_ns = fmin(*begin_ns, start_ns);
      *end_ns = fmax(*end_ns, start_ns + fmax((double)flows->records[i].fct_ns, 1));
      any = true;
    }
  }
  return any;
}

static m4s_status_t read_flows(const m4s_view_t *view, size_t point, m4s_text_list_t *unreadable,
                               flows_t *flows) {
  m4s_status_t status = M4S_OK;
  for (size_t s = 0; status == M4S_OK && s < view->simulators.n_items; s++) {
    char *path = m4s_view_file(view, point, s, "flows.npy");
    if (path != NULL) {
      status = m4s_view_pass_over(m4s_flow_records_read(path, &flows[s].records, &flows[s].n),
                                  unreadable);
    }
    free(path);
  }
  return status;
}

static void add_point(const m4s_view_t *view, size_t point, const flows_t *flows,
                      m4s_throughputs_t *throughputs) {
  double begin_ns = INFINITY;
  double end_ns = 0;
  size_t first = throughputs->n_items;
  for (size_t s = 0; s < view->simulators.n_items; s++) {
    if (widen(&flows[s], &begin_ns, &end_ns)) {
      throughputs->items[throughputs->n_items++] =
          (m4s_throughput_t){.point = point, .simulator = s};
    }
  }
  for (size_t i = first; i < throughputs->n_items; i++) {
    m4s_throughput_t *item = &throughputs->items[i];
    item->begin_ns = begin_ns;
    item->end_ns = end_ns;
    m4s_throughput_add(flows[item->simulator].records, flows[item->simulator].n, begin_ns, end_ns,
                       item->gbps);
  }
}

m4s_status_t m4s_throughputs_make(const m4s_view_t *view, m4s_text_list_t *unreadable,
                                  m4s_throughputs_t *throughputs_out) {
  size_t n_simulators = view->simulators.n_items;
  m4s_throughputs_t throughputs = {
      .items = calloc(view->n_points * n_simulators + 1, sizeof *throughputs.items)};
  flows_t *flows = calloc(n_simulators + 1, sizeof *flows);
  m4s_status_t status =
      throughputs.items == NULL || flows == NULL ? m4s_fail_memory("throughput") : M4S_OK;
  for (size_t point = 0; status == M4S_OK && point < view->n_points; point++) {
    status = read_flows(view, point, unreadable, flows);
    if (status == M4S_OK) {
      add_point(view, point, flows, &throughputs);
    }
    for (size_t s = 0; s < n_simulators; s++) {
      free(flows[s].records);
      flows[s] = (flows_t){0};
    }
  }
  free(flows);
  if (status != M4S_OK) {
    m4s_throughputs_clear(&throughputs);
    return status;
  }
  *throughputs_out = throughputs;
  return M4S_OK;
}

void m4s_throughputs_clear(m4s_throughputs_t *throughputs) {
  free(throughputs->items);
  *throughputs = (m4s_throughputs_t){0};
}
