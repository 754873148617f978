#define _GNU_SOURCE
#include "flow/exchange.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/npy.h"

enum { MAX_NAME_BYTES = 30 };

static const char whole[] = "<i8";

// --- writing ---

static m4s_status_t write_numbers(const char *folder, const char *name, const char *type,
                                  const void *numbers, size_t n_rows, size_t n_columns) {
  char *path = m4s_path_join(folder, name);
  m4s_status_t status = path == NULL
                            ? m4s_fail_memory("a file name")
                            : m4s_npy_write_numbers(path, type, numbers, n_rows, n_columns);
  free(path);
  return status;
}

static m4s_status_t write_text(const char *folder, const char *name, const m4s_text_t *text) {
  char *path = m4s_path_join(folder, name);
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name")
                                     : m4s_file_write(path, text->bytes, text->length);
  free(path);
  return status;
}

typedef enum { ID, ARRIVAL, SIZE, FCT, IDEAL } column_t;

static int64_t cell(const m4s_flow_record_t *record, column_t column) {
  switch (column) {
    case ID:
      return record->id;
    case ARRIVAL:
      return record->start_ns;
    case SIZE:
      return record->size_bytes;
    case FCT:
      return record->fct_ns;
    case IDEAL:
      return record->ideal_fct_ns;
  }
  return -1;
}

// A column of the flows; `numbers` has room for them.
static m4s_status_t write_column(const m4s_exchange_t *exchange, size_t i_name, column_t column,
                                 const char *folder, const char *name, int64_t *numbers) {
  for (int64_t i = 0; i < exchange->n_flows; i++) {
    numbers[i] = cell(&exchange->records[i_name][i], column);
  }
  return write_numbers(folder, name, whole, numbers, (size_t)exchange->n_flows, 0);
}

static m4s_status_t write_ends(const m4s_exchange_t *exchange, const char *folder,
                               int64_t *numbers) {
  for (int64_t i = 0; i < exchange->n_flows; i++) {
    numbers[2 * i] = exchange->records[0][i].src;
    numbers[2 * i + 1] = exchange->records[0][i].dst;
  }
  return write_numbers(folder, "fsd.npy", whole, numbers, (size_t)exchange->n_flows, 2);
}

static m4s_status_t write_times(const m4s_exchange_t *exchange, const char *folder,
                                int64_t *numbers) {
  for (size_t k = 0; k < exchange->names->n_items; k++) {
    char name[128];
    snprintf(name, sizeof name, "fct_%s.npy", exchange->names->items[k]);
    M4S_TRY(write_column(exchange, k, FCT, folder, name, numbers));
    if (strcmp(exchange->names->items[k], "m4") == 0) {
      M4S_TRY(
          write_numbers(folder, "param_m4.npy", "<f8", exchange->params, exchange->n_params, 0));
    }
  }
  return M4S_OK;
}

static m4s_status_t write_flows(const m4s_exchange_t *exchange, const char *folder) {
  int64_t *numbers = calloc(2 * (size_t)exchange->n_flows + 1, sizeof *numbers);
  if (numbers == NULL) {
    return m4s_fail_memory("flows");
  }
  m4s_status_t status = write_column(exchange, 0, ID, folder, "fid.npy", numbers);
  if (status == M4S_OK) {
    status = write_column(exchange, 0, ARRIVAL, folder, "fat.npy", numbers);
  }
  if (status == M4S_OK) {
    status = write_column(exchange, 0, SIZE, folder, "fsize.npy", numbers);
  }
  if (status == M4S_OK) {
    status = write_column(exchange, 0, IDEAL, folder, "ideal_fct.npy", numbers);
  }
  if (status == M4S_OK) {
    status = write_ends(exchange, folder, numbers);
  }
  if (status == M4S_OK) {
    status = write_times(exchange, folder, numbers);
  }
  free(numbers);
  return status;
}

static m4s_status_t find_path(const m4s_exchange_t *exchange, int64_t flow, const int32_t **links,
                              int32_t *n_links) {
  const m4s_flow_record_t *record = &exchange->records[0][flow];
  return m4s_routing_keep_path_of_flow(exchange->routing, flow, record->src, record->dst, links,
                                       n_links);
}

static m4s_status_t longest_path(const m4s_exchange_t *exchange, size_t *n_out) {
  size_t longest = 1;
  for (int64_t i = 0; i < exchange->n_flows; i++) {
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(find_path(exchange, i, &links, &n_links));
    longest = (size_t)n_links > longest ? (size_t)n_links : longest;
  }
  *n_out = longest;
  return M4S_OK;
}

// Fills rows of flow_to_path.npy, and adds the lines of flow_to_links.txt.
static m4s_status_t list_paths(const m4s_exchange_t *exchange, size_t n_columns, int64_t *rows,
                               m4s_text_t *text) {
  for (int64_t i = 0; i < exchange->n_flows; i++) {
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(find_path(exchange, i, &links, &n_links));
    M4S_TRY(m4s_text_add(text, "%" PRId64, i));
    for (int32_t k = 0; k < n_links; k++) {
      const m4s_link_t *link = &exchange->topology->links[links[k]];
      rows[(size_t)i * n_columns + (size_t)k] = links[k];
      M4S_TRY(m4s_text_add(text, " %d-%d", link->src, link->dst));
    }
    for (size_t k = (size_t)n_links; k < n_columns; k++) {
      rows[(size_t)i * n_columns + k] = -1;
    }
    M4S_TRY(m4s_text_add(text, "\n"));
  }
  return M4S_OK;
}

static m4s_status_t write_paths(const m4s_exchange_t *exchange, const char *folder) {
  size_t n_columns = 0;
  m4s_text_t text = {0};
  M4S_TRY(longest_path(exchange, &n_columns));
  int64_t *rows = calloc((size_t)exchange->n_flows * n_columns + 1, sizeof *rows);
  m4s_status_t status =
      rows == NULL ? m4s_fail_memory("paths") : list_paths(exchange, n_columns, rows, &text);
  if (status == M4S_OK) {
    status = write_numbers(folder, "flow_to_path.npy", whole, rows, (size_t)exchange->n_flows,
                           n_columns);
  }
  if (status == M4S_OK) {
    status = write_text(folder, "flow_to_links.txt", &text);
  }
  m4s_text_clear(&text);
  free(rows);
  return status;
}

static m4s_status_t write_links(const m4s_topology_t *topology, const char *folder) {
  size_t n = (size_t)topology->n_links;
  int64_t *ends = calloc(2 * n + 1, sizeof *ends);
  if (ends == NULL) {
    return m4s_fail_memory("links");
  }
  for (size_t i = 0; i < n; i++) {
    ends[2 * i] = topology->links[i].src;
    ends[2 * i + 1] = topology->links[i].dst;
  }
  m4s_status_t status = write_numbers(folder, "links.npy", whole, ends, n, 2);
  free(ends);
  return status;
}

static m4s_status_t write_topology(const m4s_topology_t *topology, const char *folder) {
  char *path = m4s_path_join(folder, "topology.txt");
  m4s_status_t status = path == NULL                 ? m4s_fail_memory("a file name")
                        : topology->n_nvswitches > 0 ? m4s_topology_write(topology, path)
                                                     : m4s_topology_write_hpcc(topology, path);
  free(path);
  return status;
}

static m4s_status_t list_records(const m4s_exchange_t *exchange, m4s_text_t *text) {
  size_t n_names = exchange->names->n_items;
  M4S_TRY(m4s_text_add(text, "id,src,dst,size_bytes,start_ns,ideal_fct_ns"));
  for (size_t k = 0; k < n_names; k++) {
    M4S_TRY(m4s_text_add(text, ",%s_fct_ns", exchange->names->items[k]));
  }
  for (int64_t i = 0; i < exchange->n_flows; i++) {
    const m4s_flow_record_t *record = &exchange->records[0][i];
    M4S_TRY(m4s_text_add(text, "\n%d,%d,%d,%" PRId64 ",%" PRId64 ",%" PRId64, record->id,
                         record->src, record->dst, record->size_bytes, record->start_ns,
                         record->ideal_fct_ns));
    for (size_t k = 0; k < n_names; k++) {
      M4S_TRY(m4s_text_add(text, ",%" PRId64, exchange->records[k][i].fct_ns));
    }
  }
  return m4s_text_add(text, "\n");
}

static m4s_status_t write_records(const m4s_exchange_t *exchange, const char *folder) {
  m4s_text_t text = {0};
  m4s_status_t status = list_records(exchange, &text);
  if (status == M4S_OK) {
    status = write_text(folder, "records.csv", &text);
  }
  m4s_text_clear(&text);
  return status;
}

m4s_status_t m4s_exchange_write(const m4s_exchange_t *exchange, const char *folder) {
  M4S_TRY(write_paths(exchange, folder));
  M4S_TRY(write_flows(exchange, folder));
  M4S_TRY(write_links(exchange->topology, folder));
  M4S_TRY(write_topology(exchange->topology, folder));
  return write_records(exchange, folder);
}

// --- reading ---

// An array of the folder with as many rows as there are flows; the first one sets their number.
static m4s_status_t read_numbers(const char *folder, const char *name, size_t n_columns,
                                 int64_t min, int64_t max, int64_t *n_flows,
                                 int64_t **numbers_out) {
  char *path = m4s_path_join(folder, name);
  size_t n_rows = 0;
  int64_t *numbers = NULL;
  m4s_status_t status = path == NULL
                            ? m4s_fail_memory("a file name")
                            : m4s_npy_read_numbers(path, n_columns, min, max, &numbers, &n_rows);
  if (status == M4S_OK && (n_rows == 0 || n_rows > INT32_MAX)) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: %zu flows, not 1 to %d", path, n_rows, INT32_MAX);
  } else if (status == M4S_OK && *n_flows >= 0 && n_rows != (size_t)*n_flows) {
    status =
        m4s_fail(M4S_ERR_INPUT, "%s: %zu rows, but fat.npy has %" PRId64, path, n_rows, *n_flows);
  }
  free(path);
  if (status != M4S_OK) {
    free(numbers);
    return status;
  }
  *n_flows = (int64_t)n_rows;
  *numbers_out = numbers;
  return M4S_OK;
}

// The arrays of a folder before they are records.
typedef struct {
  int64_t n_flows;
  int64_t *starts_ns, *sizes, *ends;  // owned
} arrays_t;

// Sizes and starts far below the end of time, so that no sum of them passes it, and exact as
// doubles.
static const int64_t max_value = INT64_C(1) << 53;

static m4s_status_t read_arrays(const char *folder, int32_t n_hosts, arrays_t *arrays) {
  arrays->n_flows = -1;
  M4S_TRY(read_numbers(folder, "fat.npy", 0, 0, max_value, &arrays->n_flows, &arrays->starts_ns));
  M4S_TRY(read_numbers(folder, "fsize.npy", 0, 1, max_value, &arrays->n_flows, &arrays->sizes));
  return read_numbers(folder, "fsd.npy", 2, 0, n_hosts - 1, &arrays->n_flows, &arrays->ends);
}

static m4s_status_t check_ids(const char *folder, int64_t n_flows) {
  char *path = m4s_path_join(folder, "fid.npy");
  int64_t *ids = NULL;
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : M4S_OK;
  bool there = path != NULL && m4s_path_exists(path);
  if (there) {
    status = read_numbers(folder, "fid.npy", 0, 0, INT32_MAX, &n_flows, &ids);
  }
  for (int64_t i = 0; there && status == M4S_OK && i < n_flows; i++) {
    if (ids[i] != i) {
      status = m4s_fail(M4S_ERR_INPUT,
                        "%s: row %" PRId64 ": %" PRId64 " is not %" PRId64 ": ids are the rows",
                        path, i, ids[i], i);
    }
  }
  free(ids);
  free(path);
  return status;
}

static m4s_status_t make_records(const char *folder, const arrays_t *arrays,
                                 m4s_flow_record_t *records) {
  for (int64_t i = 0; i < arrays->n_flows; i++) {
    int64_t start_ns = arrays->starts_ns[i];
    const int64_t *ends = &arrays->ends[2 * i];
    if (i > 0 && start_ns < arrays->starts_ns[i - 1]) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s/fat.npy: row %" PRId64 ": %" PRId64 " ns lies before the %" PRId64
                      " ns above: flows must stand in the order of their starts",
                      folder, i, start_ns, arrays->starts_ns[i - 1]);
    }
    if (ends[0] == ends[1]) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s/fsd.npy: row %" PRId64 ": host %" PRId64 " sends to itself", folder, i,
                      ends[0]);
    }
    records[i] = m4s_flow_record_starting(i, ends[0], ends[1], arrays->sizes[i], start_ns);
  }
  return M4S_OK;
}

static m4s_status_t read_records(const char *folder, int32_t n_hosts, m4s_exchange_flows_t *flows) {
  arrays_t arrays = {0};
  m4s_status_t status = read_arrays(folder, n_hosts, &arrays);
  if (status == M4S_OK) {
    status = check_ids(folder, arrays.n_flows);
  }
  if (status == M4S_OK) {
    flows->n_flows = arrays.n_flows;
    flows->records = calloc((size_t)arrays.n_flows, sizeof *flows->records);
    status = flows->records == NULL ? m4s_fail_memory("flows")
                                    : make_records(folder, &arrays, flows->records);
  }
  free(arrays.starts_ns);
  free(arrays.sizes);
  free(arrays.ends);
  return status;
}

// Adds the name in fct_<name>.npy; other files have none.
static m4s_status_t add_name(const char *folder, const char *file, m4s_text_list_t *names) {
  static const char start[] = "fct_";
  static const char ending[] = ".npy";
  size_t n = strlen(file);
  size_t n_rest = strlen(start) + strlen(ending);
  if (n < n_rest || strncmp(file, start, strlen(start)) != 0 ||
      strcmp(file + n - strlen(ending), ending) != 0) {
    return M4S_OK;
  }
  char name[MAX_NAME_BYTES + 1];
  bool ok = n > n_rest && n - n_rest <= MAX_NAME_BYTES;
  snprintf(name, sizeof name, "%.*s", ok ? (int)(n - n_rest) : 0, file + strlen(start));
  for (const char *c = name; *c != '\0'; c++) {
    ok = ok && (isalnum((unsigned char)*c) || strchr("._-", *c) != NULL);
  }
  return ok ? m4s_text_list_add(names, name)
            : m4s_fail(M4S_ERR_INPUT,
                       "%s/%.200s: its name has not 1 to %d letters, digits, \".\", \"_\", \"-\" "
                       "between fct_ and .npy",
                       folder, file, MAX_NAME_BYTES);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static m4s_status_t list_names(const char *folder, m4s_text_list_t *names) {
  DIR *entries = opendir(folder);
  if (entries == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", folder, strerror(errno));
  }
  m4s_status_t status = M4S_OK;
  for (struct dirent *entry = readdir(entries); status == M4S_OK && entry != NULL;
       entry = readdir(entries)) {
    status = add_name(folder, entry->d_name, names);
  }
  closedir(entries);
  if (names->n_items > 1) {
    qsort(names->items, names->n_items, sizeof *names->items, compare_names);
  }
  return status;
}

static m4s_status_t read_times(const char *folder, m4s_exchange_flows_t *flows) {
  flows->fct_ns = calloc(flows->names.n_items + 1, sizeof *flows->fct_ns);
  if (flows->fct_ns == NULL) {
    return m4s_fail_memory("FCTs");
  }
  for (size_t i = 0; i < flows->names.n_items; i++) {
    char name[MAX_NAME_BYTES + 16];
    snprintf(name, sizeof name, "fct_%s.npy", flows->names.items[i]);
    M4S_TRY(read_numbers(folder, name, 0, 1, max_value, &flows->n_flows, &flows->fct_ns[i]));
  }
  return M4S_OK;
}

m4s_status_t m4s_exchange_read(const char *folder, int32_t n_hosts,
                               m4s_exchange_flows_t *flows_out) {
  m4s_exchange_flows_t flows = {0};
  m4s_status_t status = list_names(folder, &flows.names);
  if (status == M4S_OK) {
    status = read_records(folder, n_hosts, &flows);
  }
  if (status == M4S_OK) {
    status = read_times(folder, &flows);
  }
  if (status != M4S_OK) {
    m4s_exchange_flows_clear(&flows);
    return status;
  }
  *flows_out = flows;
  return M4S_OK;
}

void m4s_exchange_flows_clear(m4s_exchange_flows_t *flows) {
  for (size_t i = 0; flows->fct_ns != NULL && i < flows->names.n_items; i++) {
    free(flows->fct_ns[i]);
  }
  free(flows->fct_ns);
  free(flows->records);
  m4s_text_list_clear(&flows->names);
  *flows = (m4s_exchange_flows_t){0};
}
