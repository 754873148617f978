#include "m4/inputs.h"

#define INPUT(id, quantity_, scale_) {.quantity = quantity_, .scale = scale_},
const m4s_m4_input_t m4s_m4_flow_inputs[] = {M4S_M4_FLOW_INPUTS(INPUT)};
const m4s_m4_input_t m4s_m4_link_inputs[] = {M4S_M4_LINK_INPUTS(INPUT)};
