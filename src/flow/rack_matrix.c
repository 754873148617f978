#include "flow/rack_matrix.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/json.h"

enum { MAX_RACKS = 1 << 14 };

static const double MAX_WEIGHT = 1e18;

void m4s_rack_matrix_clear(m4s_rack_matrix_t *matrix) {
  free(matrix->pod_of_rack);
  free(matrix->weights);
  *matrix = (m4s_rack_matrix_t){0};
}

// --- numbers ---

static m4s_status_t check_row(const json_t *row, int32_t i, int32_t n, const char *path) {
  if (!json_is_array(row) || json_array_size(row) != (size_t)n) {
    return m4s_fail(M4S_ERR_INPUT, "%s: matrix.inner[%d]: %s is not a list of %d numbers", path, i,
                    m4s_json_show(row), n);
  }
  for (size_t j = 0; j < (size_t)n; j++) {
    const json_t *entry = json_array_get(row, j);
    double weight = json_number_value(entry);
    if (!json_is_number(entry) || !(weight >= 0 && weight <= MAX_WEIGHT)) {
      return m4s_fail(M4S_ERR_INPUT, "%s: matrix.inner[%d][%zu]: %s is not a number of 0 to %g",
                      path, i, j, m4s_json_show(entry), MAX_WEIGHT);
    }
  }
  return M4S_OK;
}

static m4s_status_t read_rows(const json_t *rows, const char *path, m4s_rack_matrix_t *matrix) {
  size_t n = (size_t)matrix->n_racks;
  for (int32_t i = 0; i < matrix->n_racks; i++) {
    M4S_TRY(check_row(json_array_get(rows, (size_t)i), i, matrix->n_racks, path));
  }
  matrix->weights = calloc(n * n, sizeof *matrix->weights);
  if (matrix->weights == NULL) {
    return m4s_fail_memory(path);
  }
  bool all_zero = true;
  for (size_t i = 0; i < n * n; i++) {
    matrix->weights[i] = json_number_value(json_array_get(json_array_get(rows, i / n), i % n));
    all_zero = all_zero && matrix->weights[i] == 0;
  }
  return all_zero ? m4s_fail(M4S_ERR_INPUT, "%s: matrix.inner: is all zero", path) : M4S_OK;
}

// --- names ---

// A rack's name, which may be a number, in a buffer; false if it is neither.
static bool name_of(const json_t *value, char *buffer, size_t n_buffer) {
  if (json_is_integer(value)) {
    snprintf(buffer, n_buffer, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return true;
  }
  const char *text = json_string_value(value);
  return text != NULL && (size_t)snprintf(buffer, n_buffer, "%s", text) < n_buffer;
}

static m4s_status_t bad_name(const char *path, const char *place, size_t i, const json_t *value) {
  return m4s_fail(M4S_ERR_INPUT, "%s: %s[%zu]: %s is not a rack's name", path, place, i,
                  m4s_json_show(value));
}

// Fills `index_of_name`, an empty object, with the racks' numbers.
static m4s_status_t read_names(const json_t *names, const char *path, json_t *index_of_name) {
  char name[256];
  for (size_t i = 0; i < json_array_size(names); i++) {
    const json_t *value = json_array_get(names, i);
    if (!name_of(value, name, sizeof name)) {
      return bad_name(path, "matrix.idx2name", i, value);
    }
    if (json_object_get(index_of_name, name) != NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s: matrix.idx2name[%zu]: \"%s\" stands twice", path, i,
                      name);
    }
    if (json_object_set_new(index_of_name, name, json_integer((json_int_t)i)) != 0) {
      return m4s_fail_memory(path);
    }
  }
  return M4S_OK;
}

static m4s_status_t read_pod(const json_t *racks, const char *pod, const json_t *index_of_name,
                             const char *path, m4s_rack_matrix_t *matrix) {
  char place[128];
  char name[256];
  snprintf(place, sizeof place, "pod2tors.%.100s", pod);
  if (!json_is_array(racks)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s: %s is not a list of racks", path, place,
                    m4s_json_show(racks));
  }
  for (size_t i = 0; i < json_array_size(racks); i++) {
    const json_t *value = json_array_get(racks, i);
    if (!name_of(value, name, sizeof name)) {
      return bad_name(path, place, i, value);
    }
    const json_t *index = json_object_get(index_of_name, name);
    if (index == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s: %s[%zu]: \"%s\" is not in matrix.idx2name", path, place,
                      i, name);
    }
    int32_t *pod_of_rack = &matrix->pod_of_rack[json_integer_value(index)];
    if (*pod_of_rack >= 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: %s[%zu]: \"%s\" is in a pod already", path, place, i,
                      name);
    }
    *pod_of_rack = matrix->n_pods;
  }
  return M4S_OK;
}

static m4s_status_t read_pods(const json_t *pods, const json_t *names, const json_t *index_of_name,
                              const char *path, m4s_rack_matrix_t *matrix) {
  for (int32_t i = 0; i < matrix->n_racks; i++) {
    matrix->pod_of_rack[i] = -1;
  }
  const char *pod;
  json_t *racks;
  json_object_foreach((json_t *)pods, pod, racks) {
    M4S_TRY(read_pod(racks, pod, index_of_name, path, matrix));
    matrix->n_pods++;
  }
  for (int32_t i = 0; i < matrix->n_racks; i++) {
    if (matrix->pod_of_rack[i] < 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: pod2tors: rack %s is in no pod", path,
                      m4s_json_show(json_array_get(names, (size_t)i)));
    }
  }
  return M4S_OK;
}

// --- the file ---

static m4s_status_t check_count(const json_t *root, const char *key, int32_t n, const char *path) {
  const json_t *value = json_object_get(root, key);
  if (value != NULL && (!json_is_integer(value) || json_integer_value(value) != n)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s: %s, but the file has %d", path, key,
                    m4s_json_show(value), n);
  }
  return M4S_OK;
}

static m4s_status_t check_kind(const json_t *value, bool right, const char *key, const char *wanted,
                               const char *path) {
  if (value == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s: is missing", path, key);
  }
  return right ? M4S_OK
               : m4s_fail(M4S_ERR_INPUT, "%s: %s: %s is not %s", path, key, m4s_json_show(value),
                          wanted);
}

// `matrix` is to be cleared by the caller after an error.
static m4s_status_t read_root(const json_t *root, json_t *index_of_name, const char *path,
                              m4s_rack_matrix_t *matrix) {
  const json_t *rows = json_object_get(json_object_get(root, "matrix"), "inner");
  const json_t *names = json_object_get(json_object_get(root, "matrix"), "idx2name");
  const json_t *pods = json_object_get(root, "pod2tors");
  M4S_TRY(check_kind(rows, json_is_array(rows), "matrix.inner", "a list of rows", path));
  M4S_TRY(check_kind(names, json_is_array(names), "matrix.idx2name", "a list of racks", path));
  M4S_TRY(check_kind(pods, json_is_object(pods), "pod2tors", "an object {...}", path));
  size_t n_racks = json_array_size(rows);
  if (n_racks < 1 || n_racks > MAX_RACKS || json_array_size(names) != n_racks) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: matrix: %zu rows and %zu names of racks: needed are equally many, 1 to %d",
                    path, n_racks, json_array_size(names), MAX_RACKS);
  }
  matrix->n_racks = (int32_t)n_racks;
  matrix->pod_of_rack = calloc(n_racks, sizeof *matrix->pod_of_rack);
  if (matrix->pod_of_rack == NULL) {
    return m4s_fail_memory(path);
  }
  M4S_TRY(read_rows(rows, path, matrix));
  M4S_TRY(read_names(names, path, index_of_name));
  M4S_TRY(read_pods(pods, names, index_of_name, path, matrix));
  M4S_TRY(check_count(root, "nr_racks", matrix->n_racks, path));
  return check_count(root, "nr_pods", matrix->n_pods, path);
}

static m4s_status_t read_json(const json_t *root, const char *path, m4s_rack_matrix_t *matrix_out) {
  json_t *index_of_name = json_object();
  m4s_rack_matrix_t matrix = {0};
  m4s_status_t status =
      index_of_name == NULL ? m4s_fail_memory(path) : read_root(root, index_of_name, path, &matrix);
  json_decref(index_of_name);
  if (status == M4S_OK) {
    *matrix_out = matrix;
  } else {
    m4s_rack_matrix_clear(&matrix);
  }
  return status;
}

m4s_status_t m4s_rack_matrix_parse(const char *text, const char *path,
                                   m4s_rack_matrix_t *matrix_out) {
  json_t *root;
  M4S_TRY(m4s_json_parse(text, path, &root));
  m4s_status_t status = read_json(root, path, matrix_out);
  json_decref(root);
  return status;
}

m4s_status_t m4s_rack_matrix_read(const char *path, m4s_rack_matrix_t *matrix_out) {
  json_t *root;
  M4S_TRY(m4s_json_read(path, &root));
  m4s_status_t status = read_json(root, path, matrix_out);
  json_decref(root);
  return status;
}
