// m4sweep model …: the weights of m4 networks.
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "m4/import.h"
#include "m4/model_info.h"

// --- import ---

typedef struct {
  char *out;
} import_t;

static const m4s_field_t import_options[] = {
    M4S_OPTION_OUT(import_t, "FILE", "the safetensors file to write (-o FILE does the same)"),
};

static int run_import(const void *options, int n_arguments, char **arguments) {
  const char *out = ((const import_t *)options)->out;
  m4s_model_t *model = NULL;
  m4s_status_t status =
      out == NULL
          ? m4s_fail(M4S_ERR_INPUT, "m4sweep model import: needs --out FILE")
          : m4s_model_import((const char *const *)arguments, (size_t)n_arguments, out, &model);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("%zu tensors written to %s: hidden size %d, %d GNN layers of %d, %d network parameters\n",
         model->file->n_tensors, out, model->hidden, model->n_gnn_layers, model->gnn_hidden,
         model->n_params);
  m4s_model_destroy(model);
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_model_import = {
    .name = "model import",
    .arguments = "DIR|FILE…",
    .summary = "write the weights of an m4 network from its PyTorch archives",
    .details =
        "Archives of torch.jit.save(), or of torch.save() of state dictionaries; of a folder all "
        "*.pt.\n"
        "One a module, named after it: lstmcell_time.pt, lstmcell_time_link.pt, lstmcell_rate.pt,\n"
        "lstmcell_rate_link.pt, gnn_layer_0.pt …, output_layer.pt; or one of the whole network.\n"
        "Nothing in them is executed.",
    .min_arguments = 1,
    .max_arguments = 64,
    .options = import_options,
    .n_options = M4S_COUNT(import_options),
    .options_bytes = sizeof(import_t),
    .run = run_import,
};

// --- info ---

static int run_info(const void *options, int n_arguments, char **arguments) {
  (void)options;
  m4s_model_t *model;
  m4s_status_t status =
      m4s_model_read(m4s_typed_model(n_arguments == 0 ? NULL : arguments[0]), &model);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  m4s_model_info_print(model, stdout);
  m4s_model_destroy(model);
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_model_info = {
    .name = "model info",
    .arguments = "[MODEL]",
    .summary = "sizes, work per step, and ranges of the weights of an m4 network",
    .details =
        "MODEL is a safetensors file with the tensors of an m4 network, or built-in: the one that "
        "is part\n"
        "of the program, which is told of without MODEL, too.",
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run_info,
};
