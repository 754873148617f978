// Mix files and mix spaces of the published evaluation of flow-level simulators, as specs.
//
// A mix file is a JSON array of {"id", "spatial", "size_dist", "lognorm_sigma", "max_load",
// "cluster", "duration"}; each becomes a point. A mix space is an object with lists "spatials",
// "size_dists", "lognorm_sigmas" and "clusters" and with "max_loads": {"low": a, "high": b}, and
// perhaps "duration"; points are drawn from it (sweep/sample.h). What names stand for:
//
// * spatial: a file that exists, as written (relative to the mix file) or by its base name in
//   options.folder, is a matrix. Else the base name without what follows a dot counts: a pattern of
//   m4sweep without settings of its own (uniform, all-to-all, permutation), or cluster_a,
//   cluster_b, cluster_c, perhaps with _PODS_RACKS: the published matrices, which do not ship.
//   Random ones stand for them (spatial "locality") that have their share within racks, 0.05 %, 1 %
//   and 50.5 %; the rest goes to racks by popularity, with a Zipf exponent of 1. A note tells so.
// * size_dist: likewise a file, or the base name of a published distribution: cachefollower,
//   webserver, hadoop, websearch, perhaps with "_all" behind.
// * cluster: "2-to-1" or 2_to_1, 2to1, 2:1 in the base name is the oversubscription of a Clos
//   fabric of options.size; else a topology file that exists.
//
// In names, upper and lower case are alike, as are "-", "_" and neither.
// "duration" is in ns and must be whole microseconds. A mix's "id" becomes its seed.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"

typedef struct {
  const char *name;  // of the sweep
  const char *size;  // of Clos fabrics: small, large, training
  const char *folder;  // where files are looked for by their base names; NULL: nowhere
  int64_t n_points, seed;  // for a space
} m4s_mixes_options_t;

// Makes a spec of a mix file or space: *spec_out is a new reference; its paths are absolute.
// `notes`: what stands for something else than its name says, one item each; borrowed, added to,
// also before an error. M4S_ERR_INPUT, with file, place and value, for what is neither, for names
// without a meaning, and for values that no setting has.
m4s_status_t m4s_mixes_read(const char *path, const m4s_mixes_options_t *options,
                            m4s_text_list_t *notes, json_t **spec_out);
m4s_status_t m4s_mixes_parse(const char *text, const char *path, const m4s_mixes_options_t *options,
                             m4s_text_list_t *notes, json_t **spec_out);
