#include "flow/spatial.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/elementary.h"

const char *const m4s_spatial_names[] = {"uniform",  "all_to_all", "permutation", "incast",
                                         "locality", "matrix",     NULL};

// What the makers of traffic look at.
typedef struct {
  const m4s_spatial_config_t *config;
  const char *where;
  m4s_cluster_shape_t shape;
  int32_t n_racks, n_hosts;
  uint64_t seed;
} request_t;

void m4s_spatial_destroy(m4s_spatial_t *spatial) {
  if (spatial != NULL) {
    free(spatial->pairs);
    m4s_alias_clear(&spatial->alias);
    free(spatial);
  }
}

static m4s_status_t no_memory(void) { return m4s_fail_memory("the traffic's pairs of hosts"); }

// 0 … n-1 in random order, owned; NULL without memory.
static int32_t *random_order(const request_t *request, const char *purpose, uint64_t index,
                             int32_t n) {
  int32_t *order = malloc((size_t)n * sizeof *order);
  if (order != NULL) {
    m4s_random_t random;
    m4s_random_init(&random, request->seed, purpose, index);
    for (int32_t i = 0; i < n; i++) {
      order[i] = i;
    }
    m4s_random_shuffle(&random, order, n);
  }
  return order;
}

// Divides the shares by their sum and makes the alias table.
static m4s_status_t finish(m4s_spatial_t *spatial) {
  double *shares = calloc((size_t)spatial->n_pairs + 1, sizeof *shares);
  if (shares == NULL) {
    return no_memory();
  }
  double sum = 0;
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    sum += spatial->pairs[i].share;
  }
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    shares[i] = spatial->pairs[i].share /= sum;
  }
  m4s_status_t status = m4s_alias_make(shares, spatial->n_pairs, &spatial->alias);
  free(shares);
  return status;
}

// Takes `pairs` over, also after an error.
static m4s_status_t create(m4s_spatial_pair_t *pairs, int32_t n_pairs, int32_t n_groups,
                           int32_t hosts_per_group, m4s_spatial_t **spatial_out) {
  m4s_spatial_t *spatial = calloc(1, sizeof *spatial);
  if (spatial == NULL) {
    free(pairs);
    return no_memory();
  }
  *spatial = (m4s_spatial_t){
      .n_groups = n_groups, .hosts_per_group = hosts_per_group, .n_pairs = n_pairs, .pairs = pairs};
  m4s_status_t status = finish(spatial);
  if (status != M4S_OK) {
    m4s_spatial_destroy(spatial);
    return status;
  }
  *spatial_out = spatial;
  return M4S_OK;
}

// --- patterns of hosts ---

static int compare_pairs(const void *a, const void *b) {
  const m4s_spatial_pair_t *left = a;
  const m4s_spatial_pair_t *right = b;
  int by_src = (left->src > right->src) - (left->src < right->src);
  return by_src != 0 ? by_src : (left->dst > right->dst) - (left->dst < right->dst);
}

// One cycle through all hosts: nobody sends to itself.
static m4s_status_t make_permutation(const request_t *request, m4s_spatial_t **spatial_out) {
  int32_t n = request->n_hosts;
  int32_t *order = random_order(request, "permutation", 0, n);
  m4s_spatial_pair_t *pairs = malloc((size_t)n * sizeof *pairs);
  if (order == NULL || pairs == NULL) {
    free(order);
    free(pairs);
    return no_memory();
  }
  for (int32_t i = 0; i < n; i++) {
    int32_t src = order[i];
    pairs[src] = (m4s_spatial_pair_t){.src = src, .dst = order[(i + 1) % n], .share = 1};
  }
  free(order);
  return create(pairs, n, n, 1, spatial_out);
}

// As many groups as there are; hosts that are left over neither send nor receive.
static m4s_status_t make_incast(const request_t *request, m4s_spatial_t **spatial_out) {
  int64_t senders = request->config->senders;
  if (senders < 1 || senders >= request->n_hosts) {
    return m4s_fail(M4S_ERR_INPUT, "%s: senders: %lld of %d hosts (nearest valid: %d)",
                    request->where, (long long)senders, request->n_hosts,
                    senders < 1 ? 1 : request->n_hosts - 1);
  }
  int32_t group = (int32_t)senders + 1;
  int32_t n_receivers = request->n_hosts / group;
  int32_t *order = random_order(request, "incast", 0, request->n_hosts);
  m4s_spatial_pair_t *pairs = malloc((size_t)request->n_hosts * sizeof *pairs);
  if (order == NULL || pairs == NULL) {
    free(order);
    free(pairs);
    return no_memory();
  }
  int32_t n = 0;
  for (int32_t i = 0; i < n_receivers * group; i++) {
    if (i % group != 0) {
      pairs[n++] = (m4s_spatial_pair_t){.src = order[i], .dst = order[i - i % group], .share = 1};
    }
  }
  free(order);
  qsort(pairs, (size_t)n, sizeof *pairs, compare_pairs);
  return create(pairs, n, request->n_hosts, 1, spatial_out);
}

// --- racks ---

// Traffic from the weights of pairs of racks; `nothing` says what all-zero weights mean.
static m4s_status_t create_from_weights(const request_t *request, const double *weights,
                                        const char *nothing, m4s_spatial_t **spatial_out) {
  int32_t n_racks = request->n_racks;
  m4s_spatial_pair_t *pairs = malloc((size_t)n_racks * (size_t)n_racks * sizeof *pairs);
  if (pairs == NULL) {
    return no_memory();
  }
  int32_t n = 0;
  for (int32_t src = 0; src < n_racks; src++) {
    for (int32_t dst = 0; dst < n_racks; dst++) {
      double weight = weights[(size_t)src * (size_t)n_racks + (size_t)dst];
      if (weight > 0 && (src != dst || request->shape.hosts_per_rack > 1)) {
        pairs[n++] = (m4s_spatial_pair_t){.src = src, .dst = dst, .share = weight};
      }
    }
  }
  if (n == 0) {
    free(pairs);
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", request->where, nothing);
  }
  return create(pairs, n, n_racks, request->shape.hosts_per_rack, spatial_out);
}

// All pairs of hosts alike, those within a rack only if `within`.
static void fill_uniform(const request_t *request, bool within, double *weights) {
  double hosts = request->shape.hosts_per_rack;
  int32_t n = request->n_racks;
  for (int32_t i = 0; i < n; i++) {
    for (int32_t j = 0; j < n; j++) {
      double same = within ? hosts * (hosts - 1) : 0;
      weights[(size_t)i * (size_t)n + (size_t)j] = i == j ? same : hosts * hosts;
    }
  }
}

// --- locality ---

enum { WITHIN_RACK, WITHIN_POD, BETWEEN_PODS, N_CLASSES };

static int class_of(const m4s_cluster_shape_t *shape, int32_t src, int32_t dst) {
  if (src == dst) {
    return WITHIN_RACK;
  }
  return src / shape->racks_per_pod == dst / shape->racks_per_pod ? WITHIN_POD : BETWEEN_PODS;
}

// What the shares are of the classes that the cluster has.
static m4s_status_t set_class_shares(const request_t *request, double *shares) {
  const m4s_cluster_shape_t *shape = &request->shape;
  double rack_share = request->config->rack_share;
  bool only = request->n_racks == 1;
  if ((shape->hosts_per_rack == 1 && rack_share > 0) || (only && rack_share < 1)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: rack_share: %.15g in a cluster of %s (nearest valid: %d)",
                    request->where, rack_share, only ? "one rack" : "racks of one host", only);
  }
  double pod_share = shape->pods == 1            ? 1
                     : shape->racks_per_pod == 1 ? 0
                                                 : request->config->pod_share;
  shares[WITHIN_RACK] = rack_share;
  shares[WITHIN_POD] = (1 - rack_share) * pod_share;
  shares[BETWEEN_PODS] = (1 - rack_share) * (1 - pod_share);
  return M4S_OK;
}

// Popularity of every rack: k^-skew in a random order.
static m4s_status_t set_popularity(const request_t *request, double *popularity) {
  int32_t *order = random_order(request, "rack popularity", 0, request->n_racks);
  if (order == NULL) {
    return no_memory();
  }
  for (int32_t k = 0; k < request->n_racks; k++) {
    popularity[order[k]] = m4s_real_pow(k + 1, -request->config->skew);
  }
  free(order);
  return M4S_OK;
}

// Within a class, pairs of racks are as popular as both racks; a rack with itself as one.
static void fill_locality(const request_t *request, const double *popularity, const double *shares,
                          double *weights) {
  double sums[N_CLASSES] = {0};
  int32_t n = request->n_racks;
  for (int32_t i = 0; i < n; i++) {
    for (int32_t j = 0; j < n; j++) {
      double weight = i == j ? popularity[i] : popularity[i] * popularity[j];
      weights[(size_t)i * (size_t)n + (size_t)j] = weight;
      sums[class_of(&request->shape, i, j)] += weight;
    }
  }
  for (int32_t i = 0; i < n; i++) {
    for (int32_t j = 0; j < n; j++) {
      int class = class_of(&request->shape, i, j);
      weights[(size_t)i * (size_t)n + (size_t)j] *= shares[class] / sums[class];
    }
  }
}

static m4s_status_t make_locality(const request_t *request, double *weights) {
  double shares[N_CLASSES];
  M4S_TRY(set_class_shares(request, shares));
  double *popularity = malloc((size_t)request->n_racks * sizeof *popularity);
  if (popularity == NULL) {
    return no_memory();
  }
  m4s_status_t status = set_popularity(request, popularity);
  if (status == M4S_OK) {
    fill_locality(request, popularity, shares, weights);
  }
  free(popularity);
  return status;
}

// --- matrices ---

// Racks of the matrix by pod: pod p has racks[start[p]] … racks[start[p + 1] - 1].
typedef struct {
  int32_t *racks, *start;
} by_pod_t;

static void sort_by_pod(const m4s_rack_matrix_t *matrix, by_pod_t *by_pod) {
  for (int32_t i = 0; i < matrix->n_racks; i++) {
    by_pod->start[matrix->pod_of_rack[i] + 1]++;
  }
  for (int32_t pod = 0; pod < matrix->n_pods; pod++) {
    by_pod->start[pod + 1] += by_pod->start[pod];
  }
  // Each pod's racks in ascending order, from the last place on.
  for (int32_t i = matrix->n_racks - 1; i >= 0; i--) {
    by_pod->racks[--by_pod->start[matrix->pod_of_rack[i] + 1]] = i;
  }
  // Now start[p + 1] is where pod p begins.
  for (int32_t pod = 0; pod < matrix->n_pods; pod++) {
    by_pod->start[pod] = by_pod->start[pod + 1];
  }
  by_pod->start[matrix->n_pods] = matrix->n_racks;
}

static m4s_status_t too_small(const request_t *request, const m4s_rack_matrix_t *matrix,
                              int32_t n_large) {
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: matrix_file: %s has %d pods, %d of them with %d racks or more; the cluster "
                  "has %d pods of %d racks",
                  request->where, request->config->matrix_file, matrix->n_pods, n_large,
                  request->shape.racks_per_pod, request->shape.pods, request->shape.racks_per_pod);
}

// Chooses a rack of the matrix for every rack of the cluster, rack_of[n_racks].
static m4s_status_t choose_racks(const request_t *request, const m4s_rack_matrix_t *matrix,
                                 const by_pod_t *by_pod, const int32_t *pod_order,
                                 int32_t *rack_of) {
  int32_t wanted = request->shape.racks_per_pod;
  int32_t n_large = 0;
  for (int32_t i = 0; i < matrix->n_pods; i++) {
    int32_t pod = pod_order[i];
    int32_t n_racks = by_pod->start[pod + 1] - by_pod->start[pod];
    if (n_racks < wanted) {
      continue;
    }
    if (n_large < request->shape.pods) {
      int32_t *order = random_order(request, "racks of a pod", (uint64_t)pod, n_racks);
      if (order == NULL) {
        return no_memory();
      }
      for (int32_t j = 0; j < wanted; j++) {
        rack_of[n_large * wanted + j] = by_pod->racks[by_pod->start[pod] + order[j]];
      }
      free(order);
    }
    n_large++;
  }
  return n_large < request->shape.pods ? too_small(request, matrix, n_large) : M4S_OK;
}

static m4s_status_t map_racks(const request_t *request, const m4s_rack_matrix_t *matrix,
                              int32_t *rack_of) {
  by_pod_t by_pod = {.racks = calloc((size_t)matrix->n_racks, sizeof(int32_t)),
                     .start = calloc((size_t)matrix->n_pods + 1, sizeof(int32_t))};
  int32_t *pod_order = random_order(request, "pods", 0, matrix->n_pods);
  m4s_status_t status = M4S_OK;
  if (by_pod.racks == NULL || by_pod.start == NULL || pod_order == NULL) {
    status = no_memory();
  } else {
    sort_by_pod(matrix, &by_pod);
    status = choose_racks(request, matrix, &by_pod, pod_order, rack_of);
  }
  free(by_pod.racks);
  free(by_pod.start);
  free(pod_order);
  return status;
}

static m4s_status_t fill_from_matrix(const request_t *request, const m4s_rack_matrix_t *matrix,
                                     double *weights) {
  size_t n = (size_t)request->n_racks;
  int32_t *rack_of = malloc(n * sizeof *rack_of);
  if (rack_of == NULL) {
    return no_memory();
  }
  m4s_status_t status = map_racks(request, matrix, rack_of);
  for (size_t i = 0; status == M4S_OK && i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      weights[i * n + j] =
          matrix->weights[(size_t)rack_of[i] * (size_t)matrix->n_racks + (size_t)rack_of[j]];
    }
  }
  free(rack_of);
  return status;
}

static m4s_status_t read_matrix(const request_t *request, double *weights) {
  if (request->config->matrix_file == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: spatial matrix needs matrix_file", request->where);
  }
  m4s_rack_matrix_t matrix;
  M4S_TRY(m4s_rack_matrix_read(request->config->matrix_file, &matrix));
  m4s_status_t status = fill_from_matrix(request, &matrix, weights);
  m4s_rack_matrix_clear(&matrix);
  return status;
}

// --- all ---

static m4s_status_t fill_weights(const request_t *request, double *weights) {
  switch ((m4s_spatial_kind_t)request->config->kind) {
    case M4S_SPATIAL_LOCALITY:
      return make_locality(request, weights);
    case M4S_SPATIAL_MATRIX:
      return read_matrix(request, weights);
    default:
      fill_uniform(request, request->config->kind == M4S_SPATIAL_UNIFORM, weights);
      return M4S_OK;
  }
}

static m4s_status_t make_of_racks(const request_t *request, m4s_spatial_t **spatial_out) {
  enum { MAX_RACKS = 1 << 12 };  // 700 MiB
  if (request->n_racks > MAX_RACKS) {
    return m4s_fail(M4S_ERR_INPUT, "%s: spatial %s: %d racks, more than %d", request->where,
                    m4s_spatial_names[request->config->kind], request->n_racks, MAX_RACKS);
  }
  size_t n = (size_t)request->n_racks;
  double *weights = calloc(n * n, sizeof *weights);
  if (weights == NULL) {
    return no_memory();
  }
  m4s_status_t status = fill_weights(request, weights);
  if (status == M4S_OK) {
    const char *nothing = request->config->kind == M4S_SPATIAL_MATRIX
                              ? "matrix_file: no traffic among the racks taken from it"
                              : "spatial: no traffic between racks in a cluster of one";
    status = create_from_weights(request, weights, nothing, spatial_out);
  }
  free(weights);
  return status;
}

m4s_status_t m4s_spatial_create(const m4s_spatial_config_t *config, const char *where,
                                const m4s_cluster_shape_t *shape, uint64_t seed,
                                m4s_spatial_t **spatial_out) {
  const request_t request = {.config = config,
                             .where = where,
                             .shape = *shape,
                             .n_racks = shape->pods * shape->racks_per_pod,
                             .n_hosts = m4s_cluster_n_hosts(shape),
                             .seed = seed};
  if (request.n_hosts < 2) {
    return m4s_fail(M4S_ERR_INPUT, "%s: traffic needs two hosts or more", where);
  }
  switch ((m4s_spatial_kind_t)config->kind) {
    case M4S_SPATIAL_PERMUTATION:
      return make_permutation(&request, spatial_out);
    case M4S_SPATIAL_INCAST:
      return make_incast(&request, spatial_out);
    default:
      return make_of_racks(&request, spatial_out);
  }
}

void m4s_spatial_draw(const m4s_spatial_t *spatial, m4s_random_t *random, int32_t *src_out,
                      int32_t *dst_out) {
  const m4s_spatial_pair_t *pair = &spatial->pairs[m4s_alias_draw(&spatial->alias, random)];
  int32_t n = spatial->hosts_per_group;
  int32_t src = (int32_t)m4s_random_below(random, n);
  bool same = pair->src == pair->dst;
  int32_t dst = (int32_t)m4s_random_below(random, same ? n - 1 : n);
  *src_out = pair->src * n + src;
  *dst_out = pair->dst * n + dst + (same && dst >= src);
}
