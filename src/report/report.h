// Gather: from a results folder to tables, figures and one HTML page.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/status.h"
#include "sweep/results.h"

// Writes into `folder`: summary.csv, errors.csv, point_errors.csv, cdf.csv, figures/, report.html.
// `reference`: as in the manifest (sweep/results.h), instead of the manifest's; NULL: the
// manifest's. Without figures where gnuplot is missing (a warning says so). Prints a short summary
// table to `stream` unless NULL. M4S_ERR_INPUT for a folder without results or a reference that
// cannot be read.
m4s_status_t m4s_report_write(const char *folder, const json_t *reference, FILE *stream);

// The same from results that are in memory, into their folder.
m4s_status_t m4s_report_write_results(const m4s_results_t *results, const json_t *reference,
                                      FILE *stream);
