// Status codes and the message of the last error.
//
// Rule: the function that decides something is an error calls m4s_fail() once, with file, place,
// value and, where there is one, the nearest valid value. Everyone else passes the status on.
// Outputs are set only on success. The library never prints, exits or aborts; the program prints
// m4s_last_error().
#pragma once

typedef enum {
  M4S_OK = 0,
  // What the user gave cannot be used: the run is refused before anything is written.
  M4S_ERR_INPUT = -1,
  M4S_ERR_IO = -2,
  // The run cannot go on.
  M4S_ERR_MEMORY = -10,
  M4S_ERR_MPI = -11,
  M4S_ERR_INTERNAL = -12,
  // One point is lost, the sweep goes on.
  M4S_ERR_TIME_LIMIT = -20,
  M4S_ERR_SIMULATION = -21,
  M4S_ERR_DEVICE = -22,  // a GPU that does not work, or not any more
  // Asked to stop (signal): nothing is wrong.
  M4S_ERR_STOPPED = -30,
} m4s_status_t;

// Sets this thread's error message and returns `status`.
m4s_status_t m4s_fail(m4s_status_t status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Puts "context: " before this thread's error message and returns `status`.
m4s_status_t m4s_fail_in(m4s_status_t status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Out of memory while making `what`.
m4s_status_t m4s_fail_memory(const char *what);

// The static analyzer does not see into other files: tell it that failing fails.
#ifdef __clang_analyzer__
#define m4s_fail(status, ...) ((void)m4s_fail((status), __VA_ARGS__), (status))
#define m4s_fail_in(status, ...) ((void)m4s_fail_in((status), __VA_ARGS__), (status))
#define m4s_fail_memory(what) ((void)m4s_fail_memory(what), M4S_ERR_MEMORY)
#endif

// This thread's message, one line without a newline; "" if none. Valid until the thread's next
// error.
const char *m4s_last_error(void);

// The process exit status for `status`: 0 ok, 2 bad input or files, 1 anything else.
int m4s_exit_status(m4s_status_t status);

// Passes an error on; only where nothing is held that needs release.
#define M4S_TRY(call) \
  do { \
    m4s_status_t m4s_try_status_ = (call); \
    if (m4s_try_status_ != M4S_OK) { \
      return m4s_try_status_; \
    } \
  } while (0)
