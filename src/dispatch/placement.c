#define _GNU_SOURCE  // NOLINT(bugprone-reserved-identifier)
#include "dispatch/placement.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"

enum { MAX_NODES_LOGGED = 16 };

// Binds this process to its slice of the node's cores.
static void bind_cores(const m4s_comm_t *comm) {
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) {
    return;
  }
  int n_cores = CPU_COUNT(&all);
  if (n_cores != sysconf(_SC_NPROCESSORS_ONLN) || comm->n_local < 2 || comm->n_local > n_cores) {
    return;
  }
  cpu_set_t slice;
  CPU_ZERO(&slice);
  int first = (int)((int64_t)comm->local_rank * n_cores / comm->n_local);
  int end = (int)((int64_t)(comm->local_rank + 1) * n_cores / comm->n_local);
  int place = 0;
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (CPU_ISSET(core, &all)) {
      if (place >= first && place < end) {
        CPU_SET(core, &slice);
      }
      place++;
    }
  }
  // A rank that cannot be bound runs where the system lets it, which "cores" then says.
  (void)sched_setaffinity(0, sizeof slice, &slice);
}

// "0-3,8" of the cores this process may use.
static void list_cores(char *text, size_t n_text) {
  cpu_set_t cores;
  snprintf(text, n_text, "?");
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
    return;
  }
  size_t used = 0;
  for (int first = 0; first < CPU_SETSIZE && used < n_text; first++) {
    if (!CPU_ISSET(first, &cores)) {
      continue;
    }
    int last = first;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &cores)) {
      last++;
    }
    used += (size_t)snprintf(text + used, n_text - used, last > first ? "%s%d-%d" : "%s%d",
                             used == 0 ? "" : ",", first, last);
    first = last;
  }
}

static int count_gpus(void) {
  DIR *directory = opendir("/proc/driver/nvidia/gpus");
  int n = 0;
  if (directory != NULL) {
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
      n += entry->d_name[0] != '.';
    }
    closedir(directory);
  }
  return n;
}

// Entry `i` mod n of a list "0,1,GPU-…"; false if the list is empty.
static bool choose_entry(const char *list, int i, char *text, size_t n_text) {
  int n = 0;
  for (const char *c = list; *c != '\0'; c += strcspn(c, ","), c += *c == ',') {
    n++;
  }
  if (n == 0) {
    return false;
  }
  for (i %= n; i > 0; i--) {
    list += strcspn(list, ",") + 1;
  }
  snprintf(text, n_text, "%.*s", (int)strcspn(list, ","), list);
  return true;
}

static void choose_gpu(int local_rank, char *text, size_t n_text) {
  const char *visible = getenv("CUDA_VISIBLE_DEVICES");
  if (visible != NULL) {
    if (!choose_entry(visible, local_rank, text, n_text) || text[0] == '-') {
      snprintf(text, n_text, "none");
    }
    return;
  }
  int n = count_gpus();
  if (n == 0) {
    snprintf(text, n_text, "none");
  } else {
    snprintf(text, n_text, "%d", local_rank % n);
  }
}

m4s_status_t m4s_placement_take(const m4s_comm_t *comm, json_t **placement_out) {
  char host[128] = "?";
  char cores[256];
  char gpu[64];
  gethostname(host, sizeof host - 1);
  bind_cores(comm);
  list_cores(cores, sizeof cores);
  choose_gpu(comm->local_rank, gpu, sizeof gpu);
  json_t *placement = json_pack("{s:i, s:s, s:i, s:s, s:s}", "rank", comm->rank, "host", host,
                                "local_rank", comm->local_rank, "cores", cores, "gpu", gpu);
  if (placement == NULL) {
    return m4s_fail_memory("a placement");
  }
  *placement_out = placement;
  return M4S_OK;
}

static const char *text_of(const json_t *placement, const char *key) {
  const char *text = json_string_value(json_object_get(placement, key));
  return text == NULL ? "?" : text;
}

// "0 | 1 | 2", or the one text if all are equal.
static void join_texts(const json_t *placements, const char *host, const char *key,
                       m4s_text_t *line) {
  const char *first = NULL;
  bool equal = true;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    if (strcmp(text_of(placement, "host"), host) == 0) {
      first = first == NULL ? text_of(placement, key) : first;
      equal = equal && strcmp(first, text_of(placement, key)) == 0;
    }
  }
  for (size_t i = 0; !equal && i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    if (strcmp(text_of(placement, "host"), host) == 0) {
      m4s_text_add(line, "%s%s", first == NULL ? " | " : "", text_of(placement, key));
      first = NULL;
    }
  }
  if (equal && first != NULL) {
    m4s_text_add(line, "%s", first);
  }
}

static void log_node(const json_t *placements, const char *host) {
  m4s_text_t line = {0};
  int n = 0;
  int first = -1;
  int last = -1;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    if (strcmp(text_of(placement, "host"), host) == 0) {
      last = (int)json_integer_value(json_object_get(placement, "rank"));
      first = first < 0 ? last : first;
      n++;
    }
  }
  if (n == 1) {
    m4s_text_add(&line, "%s: rank %d, cores ", host, first);
  } else {
    m4s_text_add(&line,
                 last - first + 1 == n ? "%s: ranks %d-%d, cores " : "%s: ranks %d…%d, cores ",
                 host, first, last);
  }
  join_texts(placements, host, "cores", &line);
  m4s_text_add(&line, ", GPU ");
  join_texts(placements, host, "gpu", &line);
  m4s_log(M4S_LOG_INFO, "%s", line.bytes == NULL ? host : line.bytes);
  m4s_text_clear(&line);
}

void m4s_placement_log(const json_t *placements) {
  int n_nodes = 0;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const char *host = text_of(json_array_get(placements, i), "host");
    bool seen = false;
    for (size_t j = 0; j < i && !seen; j++) {
      seen = strcmp(text_of(json_array_get(placements, j), "host"), host) == 0;
    }
    if (!seen && n_nodes++ < MAX_NODES_LOGGED) {
      log_node(placements, host);
    }
  }
  if (n_nodes > MAX_NODES_LOGGED) {
    m4s_log(M4S_LOG_INFO, "… and %d more nodes; manifest.json lists all",
            n_nodes - MAX_NODES_LOGGED);
  }
}
