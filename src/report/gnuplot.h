// Runs gnuplot, without a shell.
#pragma once

#include <stdbool.h>

#include "core/text.h"

// Whether a program called gnuplot can be run.
bool m4s_gnuplot_is_there(void);

// Draws `folder`/`name`.gp, a script that writes to the file names in its variable `out` with
// ".png" and ".pdf" added. Both pictures appear under `name` only when they are whole, and the PDF
// carries no date, so equal scripts give equal bytes. M4S_ERR_IO, with the first line that gnuplot
// printed, where it fails; pictures of that name are then gone.
m4s_status_t m4s_gnuplot_draw(const char *folder, const char *name);

// Appends a text in gnuplot's single quotes, in which nothing is expanded, and one for a comment of
// a data file. Control characters become blanks.
m4s_status_t m4s_text_add_gnuplot(m4s_text_t *text, const char *plain);
m4s_status_t m4s_text_add_comment(m4s_text_t *text, const char *plain);
