// Log lines on stderr: "m4sweep: message", or "m4sweep[rank]: message" under MPI. Results never go
// here.
#pragma once

typedef enum { M4S_LOG_ERROR, M4S_LOG_WARN, M4S_LOG_INFO, M4S_LOG_DEBUG } m4s_log_level_t;

// Lines above `level` are dropped (default M4S_LOG_INFO).
void m4s_log_set_level(m4s_log_level_t level);

// The rank shown before each line; negative (default): none.
void m4s_log_set_rank(int rank);

void m4s_log(m4s_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));
