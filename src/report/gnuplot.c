#define _GNU_SOURCE
#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"

extern char **environ;

enum { MAX_LINE = 240, MAX_PICTURE_BYTES = 256 << 20 };

// Starts gnuplot in `folder` (NULL: here); its error output goes to `error_fd`. Returns 0 or an
// errno.
static int start(const char *folder, char *const *arguments, int error_fd, pid_t *pid_out) {
  posix_spawn_file_actions_t actions;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) {
    return error;
  }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, error_fd, 2);
  if (folder != NULL) {
    posix_spawn_file_actions_addchdir_np(&actions, folder);
  }
  error = posix_spawnp(pid_out, arguments[0], &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Reads to the end and keeps the first line that is not blank, without leading blanks.
static void read_first_line(int fd, char line[MAX_LINE]) {
  char bytes[512];
  size_t length = 0;
  bool done = false;
  for (ssize_t n = 0; (n = read(fd, bytes, sizeof bytes)) != 0;) {
    if (n < 0 && errno != EINTR) {
      break;
    }
    for (ssize_t i = 0; i < n && !done; i++) {
      bool blank = bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\n' || bytes[i] == '^';
      if (bytes[i] == '\n' && length > 0) {
        done = true;
      } else if (!(blank && length == 0) && length + 1 < MAX_LINE) {
        line[length++] = bytes[i];
      }
    }
  }
  line[length] = '\0';
}

static int wait_for(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

// Runs to the end. Returns the exit status, -1 if there is none; `line`: what went wrong.
static int run(const char *folder, char *const *arguments, char line[MAX_LINE]) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    snprintf(line, MAX_LINE, "%s", strerror(errno));
    return -1;
  }
  pid_t pid = 0;
  int error = start(folder, arguments, ends[1], &pid);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    snprintf(line, MAX_LINE, "%s", strerror(error));
    return -1;
  }
  read_first_line(ends[0], line);
  close(ends[0]);
  return wait_for(pid);
}

bool m4s_gnuplot_is_there(void) {
  char program[] = "gnuplot";
  char option[] = "--version";
  char *const arguments[] = {program, option, NULL};
  char line[MAX_LINE];
  return run(NULL, arguments, line) == 0;
}

// "folder/stem.ending" as an owned string, NULL without memory.
static char *picture_path(const char *folder, const char *stem, const char *ending) {
  char *path = NULL;
  return asprintf(&path, "%s/%s.%s", folder, stem, ending) < 0 ? NULL : path;
}

// Cairo stamps PDFs with the time of drawing and ignores SOURCE_DATE_EPOCH.
static void blank_date(char *bytes, size_t n_bytes) {
  static const char key[] = "/CreationDate (D:";
  char *at = memmem(bytes, n_bytes, key, strlen(key));
  if (at != NULL) {
    static const char epoch[] = "20000101000000";
    char *digit = at + strlen(key);
    for (size_t i = 0;
         i < strlen(epoch) && digit + i < bytes + n_bytes && digit[i] >= '0' && digit[i] <= '9';
         i++) {
      digit[i] = epoch[i];
    }
  }
}

// Moves a picture to its name; an empty one is an error.
static m4s_status_t keep_picture(const char *folder, const char *temporary, const char *name,
                                 const char *ending) {
  char *from = picture_path(folder, temporary, ending);
  char *to = picture_path(folder, name, ending);
  char *bytes = NULL;
  size_t n_bytes = 0;
  m4s_status_t status = from == NULL || to == NULL
                            ? m4s_fail_memory("a file name")
                            : m4s_file_read(from, MAX_PICTURE_BYTES, &bytes, &n_bytes);
  if (status == M4S_OK && n_bytes == 0) {
    status = m4s_fail(M4S_ERR_IO, "%s: gnuplot left it empty", to);
  }
  if (status == M4S_OK) {
    blank_date(bytes, n_bytes);
    status = m4s_file_write(to, bytes, n_bytes);
  }
  free(bytes);
  free(from);
  free(to);
  return status;
}

static void remove_pictures(const char *folder, const char *stem) {
  char *png = picture_path(folder, stem, "png");
  char *pdf = picture_path(folder, stem, "pdf");
  if (png != NULL && pdf != NULL) {
    unlink(png);
    unlink(pdf);
  }
  free(png);
  free(pdf);
}

static m4s_status_t draw(const char *folder, const char *name, const char *temporary) {
  char program[] = "gnuplot";
  char defaults[] = "-d";  // no ~/.gnuplot
  char execute[] = "-e";
  char set_out[192];
  char script[128];
  char line[MAX_LINE] = "";
  snprintf(set_out, sizeof set_out, "out='%s'", temporary);
  snprintf(script, sizeof script, "%s.gp", name);
  char *const arguments[] = {program, defaults, execute, set_out, script, NULL};
  int exit_status = run(folder, arguments, line);
  if (exit_status != 0) {
    return m4s_fail(M4S_ERR_IO, "%s/%s: gnuplot failed: %s", folder, script,
                    line[0] == '\0' ? "it did not say why" : line);
  }
  M4S_TRY(keep_picture(folder, temporary, name, "png"));
  return keep_picture(folder, temporary, name, "pdf");
}

m4s_status_t m4s_gnuplot_draw(const char *folder, const char *name) {
  char temporary[96];
  snprintf(temporary, sizeof temporary, ".%.60s.tmp%d", name, (int)getpid());
  m4s_status_t status = draw(folder, name, temporary);
  remove_pictures(folder, temporary);
  if (status != M4S_OK) {
    remove_pictures(folder, name);
  }
  return status;
}

static m4s_status_t add_printable(m4s_text_t *text, const char *plain, bool double_quotes) {
  for (const char *c = plain; *c != '\0'; c++) {
    bool control = (unsigned char)*c < ' ' || *c == 0x7f;
    M4S_TRY(m4s_text_add_bytes(text, control ? " " : c, 1));
    if (double_quotes && *c == '\'') {
      M4S_TRY(m4s_text_add(text, "'"));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_text_add_gnuplot(m4s_text_t *text, const char *plain) {
  M4S_TRY(m4s_text_add(text, "'"));
  M4S_TRY(add_printable(text, plain, true));
  return m4s_text_add(text, "'");
}

m4s_status_t m4s_text_add_comment(m4s_text_t *text, const char *plain) {
  return add_printable(text, plain, false);
}
