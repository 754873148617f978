// The losses of a training run as a figure.
#pragma once

#include "core/status.h"

// Draws `folder`/log.csv, which m4s_train() has written: loss.gp, loss.dat, and where gnuplot is
// there loss.png and loss.pdf, in the same folder. Nothing without finished rounds. M4S_ERR_INPUT
// for a log that is none.
m4s_status_t m4s_loss_figure_write(const char *folder);
