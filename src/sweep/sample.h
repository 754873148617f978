// Random sampling of points: settings that move together and whose values are drawn.
//
// {"sample": {"points": N, "seed": s, "setting": values, …}} is one entry of "axes" with N
// positions. At each of them every setting has a value of its own list (also one made by range,
// linspace or logspace), all alike, or of {"uniform": [low, high]}: any number between, whole ones
// where the setting is whole, or of {"loguniform": [low, high]}: equal ratios alike. Real numbers
// have 6 digits, or more where low and high are near each other. No position comes twice. Position
// i is the same whatever N is, and the draws of a setting depend on no other setting, unless
// positions that came before were left out.
#pragma once

#include "sweep/axes.h"

// Draws the axes of an entry; `sample` is what stands beside "sample". More points than the lists
// allow are M4S_ERR_INPUT. Free with m4s_axis_group_clear(), also after an error.
m4s_status_t m4s_sample_read(m4s_axis_group_t *group, const json_t *sample, const char *where);
