// Flow size distributions of published measurements, as tables.
#pragma once

#include <stddef.h>

typedef struct {
  double bytes;
  double percent;  // cumulative; linear between points
} m4s_size_point_t;

typedef struct {
  const m4s_size_point_t *points;
  size_t n_points;
} m4s_published_sizes_t;

// Cache followers, web servers and Hadoop of Facebook (Roy et al., "Inside the Social Network's
// (Datacenter) Network", SIGCOMM 2015), then web search (Alizadeh et al., "Data Center TCP",
// SIGCOMM 2010): the order of m4s_sizes_kind_t.
extern const m4s_published_sizes_t m4s_published_sizes[4];
