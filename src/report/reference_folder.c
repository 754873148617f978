// References from a folder in the published layout.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "report/format.h"
#include "report/published.h"
#include "report/reference.h"

static const char n_axis[] = "degraded_gpus";
static const char r_axis[] = "reduction";

static m4s_status_t check_axis(const m4s_view_t *view, const char *folder, const char *axis) {
  if (m4s_text_list_find(&view->axes, axis) < 0) {
    return m4s_fail(
        M4S_ERR_INPUT,
        "%s: its points are named by degraded_gpus and reduction, but the sweep has no "
        "axis \"%s\"%s",
        folder, axis,
        m4s_did_you_mean(axis, (const char *const *)view->axes.items, view->axes.n_items));
  }
  return M4S_OK;
}

// The back end in the name of a point's folder, n_{N}_r_{R}_{backend}; NULL for other names.
static const char *backend_of_name(const char *name) {
  int n_used = 0;
  if (sscanf(name, "n_%*[0-9.]_r_%*[0-9.]_%n", &n_used) < 0 || n_used == 0) {
    return NULL;
  }
  return name + n_used;
}

static m4s_status_t check_backend(const char *folder, const char *backend) {
  DIR *entries = opendir(folder);
  if (entries == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", folder, strerror(errno));
  }
  m4s_text_list_t backends = {0};
  m4s_status_t status = M4S_OK;
  for (struct dirent *entry = readdir(entries); status == M4S_OK && entry != NULL;
       entry = readdir(entries)) {
    const char *name = backend_of_name(entry->d_name);
    if (name != NULL && m4s_text_list_find(&backends, name) < 0) {
      status = m4s_text_list_add(&backends, name);
    }
  }
  closedir(entries);
  if (status == M4S_OK && m4s_text_list_find(&backends, backend) < 0) {
    status =
        m4s_fail(M4S_ERR_INPUT, "%s: holds no folder n_{N}_r_{R}_%s%s", folder, backend,
                 m4s_did_you_mean(backend, (const char *const *)backends.items, backends.n_items));
  }
  m4s_text_list_clear(&backends);
  return status;
}

static void set_value(m4s_reference_t *reference, size_t point, size_t metric, double value) {
  reference->values[point * reference->metrics.n_items + metric] =
      (m4s_reference_value_t){.known = true, .value = value};
}

// Metrics: total_us, exposed_comm_us, wall_s, then comm_1_us …
enum { N_FIXED_METRICS = 3 };

static void take_values(m4s_reference_t *reference, size_t point,
                        const m4s_published_t *published) {
  set_value(reference, point, 0, published->times.total_us);
  set_value(reference, point, 1, published->times.exposed_comm_us);
  if (published->duration_s >= 0) {
    set_value(reference, point, 2, published->duration_s);
  }
  for (size_t layer = 0;
       layer < published->times.n_layers && layer + N_FIXED_METRICS < reference->metrics.n_items;
       layer++) {
    set_value(reference, point, layer + N_FIXED_METRICS, published->times.comm_us[layer]);
  }
  reference->n_points_known++;
}

static m4s_status_t read_folder_of_point(const char *folder, const char *n, const char *r,
                                         const char *backend, size_t point,
                                         m4s_reference_t *reference) {
  char *path = NULL;
  if (asprintf(&path, "%s/n_%s_r_%s_%s", folder, n, r, backend) < 0) {
    return m4s_fail_memory("a folder name");
  }
  m4s_status_t status = M4S_OK;
  if (m4s_path_exists(path)) {
    bool success = false;
    m4s_published_t published;
    status = m4s_published_read(path, n, r, &success, &published);
    if (status == M4S_OK && success) {
      take_values(reference, point, &published);
      m4s_end_to_end_clear(&published.times);
    }
  }
  free(path);
  return status;
}

static m4s_status_t add_metrics(const m4s_view_t *view, m4s_reference_t *reference) {
  static const char *const fixed[N_FIXED_METRICS] = {"total_us", "exposed_comm_us", "wall_s"};
  for (size_t i = 0; i < N_FIXED_METRICS; i++) {
    M4S_TRY(m4s_text_list_add(&reference->metrics, fixed[i]));
  }
  for (size_t layer = 1;; layer++) {
    char name[32];
    snprintf(name, sizeof name, "comm_%zu_us", layer);
    if (m4s_text_list_find(&view->metrics, name) < 0) {
      return M4S_OK;
    }
    M4S_TRY(m4s_text_list_add(&reference->metrics, name));
  }
}

m4s_status_t m4s_reference_read_folder(const m4s_view_t *view, const char *folder,
                                       const char *backend, m4s_reference_t *reference) {
  M4S_TRY(check_axis(view, folder, n_axis));
  M4S_TRY(check_axis(view, folder, r_axis));
  M4S_TRY(check_backend(folder, backend));
  M4S_TRY(m4s_text_list_add(&reference->axes, n_axis));
  M4S_TRY(m4s_text_list_add(&reference->axes, r_axis));
  M4S_TRY(add_metrics(view, reference));
  M4S_TRY(m4s_reference_allocate(reference, view));
  for (size_t point = 0; point < view->n_points; point++) {
    char *n = m4s_json_plain(m4s_view_axis(view, point, n_axis));
    char *r = m4s_json_plain(m4s_view_axis(view, point, r_axis));
    m4s_status_t status = n == NULL || r == NULL
                              ? m4s_fail_memory("a folder name")
                              : read_folder_of_point(folder, n, r, backend, point, reference);
    free(n);
    free(r);
    M4S_TRY(status);
  }
  return M4S_OK;
}
