#include "dispatch/appetite.h"

#include <math.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dispatch/runner.h"

// A batch of this size runs at 97 % of a core's peak, as m4sweep bench m4 tells; 6 rows run at 33
// %, 64 at 89 %, and from 512 on batches leave the caches (86 %).
static const double FULL_BATCH_ROWS = 192;

// The share of the node's memory that its ranks may take.
static const double MEMORY_SHARE = 0.5;

// Points that have room in memory.
static double room(int n_points, int n_local) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double bytes_per_point = (double)usage.ru_maxrss * 1024 / n_points;
  double node_bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
  return floor(MEMORY_SHARE * node_bytes / n_local / bytes_per_point);
}

int m4s_appetite(double rows_per_step, int64_t full_rows, int n_points, int n_local) {
  if (!(rows_per_step > 0)) {
    return 1;
  }
  double rows = full_rows > 0 ? (double)full_rows : FULL_BATCH_ROWS;
  double wanted = fmin(round(rows / rows_per_step), room(n_points, n_local));
  return (int)fmax(1, fmin(wanted, M4S_MAX_POINTS_PER_WORKER));
}
