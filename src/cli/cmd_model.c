// m4sweep model …: look at the weights of m4 networks.
#include <stdio.h>

#include "cli/cli.h"
#include "m4/model_info.h"

static int run_info(const void *options, int n_arguments, char **arguments) {
  (void)options;
  (void)n_arguments;
  m4s_model_t *model;
  m4s_status_t status = m4s_model_read(arguments[0], &model);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  m4s_model_info_print(model, stdout);
  m4s_model_destroy(model);
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_model_info = {
    .name = "model info",
    .arguments = "FILE",
    .summary = "sizes, work per step, and ranges of the weights of an m4 network",
    .details = "FILE is a safetensors file with the tensors of an m4 network.",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_info,
};
