// Utilisation of links by tier, from the points' links.csv.
#pragma once

#include "report/view.h"
#include "stats/summary.h"

// The links of one tier, of one simulator at one point.
typedef struct {
  size_t point, simulator;  // indices in the view
  // Owned: as of links.csv; "fabric": all but "nvlink" and "detached"; "all" alone where links.csv
  // knows no tiers.
  char *tier;
  m4s_summary_t utilisation;  // of each link, 0 … 1
} m4s_link_usage_row_t;

typedef struct {
  m4s_link_usage_row_t *rows;  // owned, by point, simulator; tiers as in links.csv, "fabric" last
  size_t n_rows;
} m4s_link_usages_t;

// Nothing where runs kept no links.csv. One without utilisations is passed over, as by
// m4s_view_pass_over(). Free with m4s_link_usages_clear().
m4s_status_t m4s_link_usages_make(const m4s_view_t *view, m4s_text_list_t *unreadable,
                                  m4s_link_usages_t *usages_out);
void m4s_link_usages_clear(m4s_link_usages_t *usages);
