// m4sweep import …: files of other programs and published studies.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/json.h"
#include "sweep/given.h"
#include "sweep/mixes.h"

// --- mixes ---

typedef struct {
  char *out, *size, *files;
  int64_t points, seed;
} mixes_t;

static const m4s_field_t mixes_options[] = {
    M4S_OPTION_OUT(mixes_t, "SPEC", "the spec to write (-o SPEC does the same)"),
    {.name = "size",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(mixes_t, size),
     .unit = "NAME",
     .fallback = "small",
     .help = "of the fabrics that clusters such as 2-to-1 stand for: small, large, training"},
    {.name = "files",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(mixes_t, files),
     .unit = "DIR",
     .help = "folder in which files of spatials, sizes and clusters are looked for, too"},
    {.name = "points",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(mixes_t, points),
     .unit = "N",
     .fallback = "100",
     .min = 1,
     .max = 50000,
     .help = "points to draw from a mix space"},
    {.name = "seed",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(mixes_t, seed),
     .unit = "S",
     .fallback = "1",
     .min = 0,
     .max = 9007199254740991.0,
     .help = "of the draws from a mix space"},
};

// The base name of a path without ".json", as a sweep's name.
static void name_of(const char *path, char *name, size_t n_name) {
  const char *slash = strrchr(path, '/');
  snprintf(name, n_name, "%s", slash == NULL ? path : slash + 1);
  char *ending = strstr(name, ".json");
  if (ending != NULL && ending != name) {
    *ending = '\0';
  }
  m4s_sweep_clean_name(name);
}

static int run_mixes(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  const mixes_t *given = values;
  char name[100];
  m4s_text_list_t notes = {0};
  json_t *spec = NULL;
  m4s_status_t status = M4S_OK;
  if (given->out == NULL) {
    return m4s_cli_failed(m4s_fail(M4S_ERR_INPUT, "m4sweep import mixes: needs --out SPEC"));
  }
  name_of(given->out, name, sizeof name);
  const m4s_mixes_options_t options = {.name = name,
                                       .size = given->size,
                                       .folder = given->files,
                                       .n_points = given->points,
                                       .seed = given->seed};
  status = m4s_mixes_read(arguments[0], &options, &notes, &spec);
  if (status == M4S_OK) {
    status = m4s_json_write(given->out, spec);
  }
  for (size_t i = 0; status == M4S_OK && i < notes.n_items; i++) {
    printf("%s\n", notes.items[i]);
  }
  if (status == M4S_OK) {
    printf("%s written; m4sweep plan lists its points\n", given->out);
  }
  m4s_text_list_clear(&notes);
  json_decref(spec);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_import_mixes = {
    .name = "import mixes",
    .arguments = "FILE",
    .summary = "write a spec of a mix file or mix space of the published evaluation",
    .details =
        "A mix file is a JSON list of {\"id\", \"spatial\", \"size_dist\", \"lognorm_sigma\", "
        "\"max_load\", \"cluster\",\n"
        "\"duration\"}, a point each; a mix space is an object of lists \"spatials\", "
        "\"size_dists\",\n"
        "\"lognorm_sigmas\", \"clusters\" and \"max_loads\": {\"low\", \"high\"}, from which "
        "points are drawn.\n"
        "Spatials, sizes and clusters are files, relative to FILE, or known by their base names:\n"
        "cluster_a_2_16.json, WebServer.txt, cluster_2_to_1.json. An id becomes the seed of its "
        "point.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = mixes_options,
    .n_options = M4S_COUNT(mixes_options),
    .options_bytes = sizeof(mixes_t),
    .run = run_mixes,
};

// --- flows ---

typedef struct {
  char *out, *topology, *reference;
} flows_t;

static const m4s_field_t flows_options[] = {
    M4S_OPTION_OUT(flows_t, "FOLDER",
                   "the folder to write, with spec.json (-o FOLDER does the same)"),
    {.name = "topology",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(flows_t, topology),
     .unit = "FILE",
     .help = "the network (default: topology.txt beside the arrays)"},
    {.name = "reference",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(flows_t, reference),
     .unit = "NAME",
     .help = "errors are against fct_NAME.npy (default: packet, ns3 or the first)"},
};

static int run_flows(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  const flows_t *options = values;
  const m4s_given_t given = {.folder = arguments[0],
                             .topology = options->topology,
                             .reference = options->reference,
                             .out = options->out};
  int64_t n_flows = 0;
  size_t n_fcts = 0;
  m4s_status_t status = given.out == NULL
                            ? m4s_fail(M4S_ERR_INPUT, "m4sweep import flows: needs --out FOLDER")
                            : m4s_given_import(&given, &n_flows, &n_fcts);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("%" PRId64
         " flows and %zu lists of FCTs written to %s; m4sweep run %s/spec.json "
         "simulates them\n",
         n_flows, n_fcts, given.out, given.out);
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_import_flows = {
    .name = "import flows",
    .arguments = "FOLDER",
    .summary = "make a sweep of flows and completion times that are NumPy arrays",
    .details =
        "FOLDER holds fat.npy (arrivals, ns), fsize.npy (bytes), fsd.npy (source and destination, "
        "two\n"
        "columns), perhaps fct_NAME.npy (completion times, ns), and topology.txt: as m4sweep "
        "export "
        "writes\n"
        "them. The spec simulates the flows and compares with the times of fct_NAME.npy.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = flows_options,
    .n_options = M4S_COUNT(flows_options),
    .options_bytes = sizeof(flows_t),
    .run = run_flows,
};
