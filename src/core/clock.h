// Time as it passes.
#pragma once

// Seconds on a clock that only goes forward, from an arbitrary start.
double m4s_now_s(void);
