#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"

enum { MAX_HASHED_BYTES = 1 << 30 };

static m4s_status_t check_regular(const char *path, int fd, size_t max_bytes) {
  struct stat info;
  if (fstat(fd, &info) != 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", path, strerror(errno));
  }
  if (S_ISDIR(info.st_mode)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is a folder, a file is needed", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is no regular file", path);
  }
  if ((size_t)info.st_size > max_bytes) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %lld bytes, more than the %zu that such a file may have",
                    path, (long long)info.st_size, max_bytes);
  }
  return M4S_OK;
}

m4s_status_t m4s_file_read(const char *path, size_t max_bytes, char **bytes_out,
                           size_t *n_bytes_out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe without a writer does not block
  if (fd < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", path, strerror(errno));
  }
  char *bytes = NULL;
  size_t n_bytes = 0;
  size_t capacity = 1 << 16;
  m4s_status_t status = check_regular(path, fd, max_bytes);
  while (status == M4S_OK) {
    char *grown = bytes == NULL || n_bytes == capacity - 1 ? realloc(bytes, capacity *= 2) : bytes;
    if (grown == NULL) {
      status = m4s_fail_memory(path);
      break;
    }
    bytes = grown;
    ssize_t n = read(fd, bytes + n_bytes, capacity - 1 - n_bytes);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      status = m4s_fail(M4S_ERR_INPUT, "%s: %s", path, strerror(errno));
    } else if (n == 0) {
      break;
    } else if ((n_bytes += (size_t)n) > max_bytes) {
      status = m4s_fail(M4S_ERR_INPUT, "%s: more than the %zu bytes that such a file may have",
                        path, max_bytes);
    }
  }
  close(fd);
  if (status != M4S_OK) {
    free(bytes);
    return status;
  }
  bytes[n_bytes] = '\0';
  *bytes_out = bytes;
  if (n_bytes_out != NULL) {
    *n_bytes_out = n_bytes;
  }
  return M4S_OK;
}

m4s_status_t m4s_file_read_text(const char *path, size_t max_bytes, char **text_out) {
  char *text;
  size_t n_bytes;
  M4S_TRY(m4s_file_read(path, max_bytes, &text, &n_bytes));
  size_t length = strlen(text);
  if (length != n_bytes) {
    free(text);
    return m4s_fail(M4S_ERR_INPUT, "%s: a zero byte at offset %zu: not a text file", path, length);
  }
  *text_out = text;
  return M4S_OK;
}

m4s_status_t m4s_file_hash(const char *path, char hash_out[17]) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(m4s_file_read(path, MAX_HASHED_BYTES, &bytes, &n_bytes));
  uint64_t hash = m4s_hash_bytes(M4S_HASH_START, bytes, n_bytes);
  snprintf(hash_out, 17, "%016llx", (unsigned long long)hash);
  free(bytes);
  return M4S_OK;
}

size_t m4s_file_bytes(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
}

static bool write_all(int fd, const char *bytes, size_t n_bytes) {
  while (n_bytes > 0) {
    ssize_t n = write(fd, bytes, n_bytes);
    if (n < 0 && errno != EINTR) {
      return false;
    }
    if (n > 0) {
      bytes += n;
      n_bytes -= (size_t)n;
    }
  }
  return true;
}

m4s_status_t m4s_folder_sync(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);  // some file systems cannot
  int error = errno;
  if (fd >= 0) {
    close(fd);
  }
  return ok ? M4S_OK : m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", path, strerror(error));
}

static m4s_status_t sync_folder_of(const char *path) {
  char *folder = m4s_path_folder(path);
  m4s_status_t status = folder == NULL ? m4s_fail_memory("a file name") : m4s_folder_sync(folder);
  free(folder);
  return status;
}

m4s_status_t m4s_file_target(const char *path, char **target_out) {
  struct stat info;
  char *target = NULL;
  if (stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      return m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", path, strerror(EISDIR));
    }
    if (!S_ISREG(info.st_mode)) {
      return m4s_fail(M4S_ERR_INPUT, "%s: is no regular file and cannot be replaced", path);
    }
    target = realpath(path, NULL);
  } else {
    target = strdup(path);
  }
  if (target == NULL) {
    return m4s_fail_memory("a file name");
  }
  *target_out = target;
  return M4S_OK;
}

static m4s_status_t write_target(const char *path, const void *bytes, size_t n_bytes) {
  char *temporary = NULL;
  if (asprintf(&temporary, "%s.tmp%d", path, (int)getpid()) < 0) {
    return m4s_fail_memory("a file name");
  }
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool ok = fd >= 0 && write_all(fd, bytes, n_bytes) && fsync(fd) == 0;
  int error = errno;
  if (fd >= 0 && close(fd) != 0 && ok) {
    ok = false;
    error = errno;
  }
  if (ok && rename(temporary, path) != 0) {
    ok = false;
    error = errno;
  }
  if (!ok) {
    unlink(temporary);
    free(temporary);
    return m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", path, strerror(error));
  }
  free(temporary);
  return sync_folder_of(path);
}

m4s_status_t m4s_file_write(const char *path, const void *bytes, size_t n_bytes) {
  char *target;
  M4S_TRY(m4s_file_target(path, &target));
  m4s_status_t status = write_target(target, bytes, n_bytes);
  free(target);
  return status;
}

m4s_status_t m4s_folder_make(const char *path) {
  char *partial = strdup(path);
  if (partial == NULL) {
    return m4s_fail_memory("a folder name");
  }
  m4s_status_t status = M4S_OK;
  for (char *slash = partial + 1; status == M4S_OK && *partial != '\0'; slash++) {
    if (*slash != '/' && *slash != '\0') {
      continue;
    }
    char kept = *slash;
    *slash = '\0';
    if (mkdir(partial, 0777) != 0 && errno != EEXIST) {
      status = m4s_fail(M4S_ERR_IO, "%s: cannot be made: %s", partial, strerror(errno));
    }
    *slash = kept;
    if (kept == '\0') {
      break;
    }
  }
  struct stat info;
  if (status == M4S_OK && (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))) {
    status = m4s_fail(M4S_ERR_IO, "%s: is not a folder", path);
  }
  free(partial);
  return status;
}

m4s_status_t m4s_folder_make_temporary(char path_out[M4S_TEMPORARY_BYTES]) {
  const char *parent = getenv("TMPDIR");
  snprintf(path_out, M4S_TEMPORARY_BYTES, "%.200s/m4sweep-XXXXXX",
           parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
  return mkdtemp(path_out) == NULL
             ? m4s_fail(M4S_ERR_IO, "%s: cannot be made: %s", path_out, strerror(errno))
             : M4S_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
  (void)info;
  (void)kind;
  (void)where;
  return remove(path);
}

m4s_status_t m4s_path_remove(const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0 && errno == ENOENT) {
    return M4S_OK;
  }
  if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
    return m4s_fail(M4S_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
  }
  return M4S_OK;
}

m4s_status_t m4s_path_remove_after(m4s_status_t error, const char *path) {
  char problem[1024];
  snprintf(problem, sizeof problem, "%s", m4s_last_error());
  (void)m4s_path_remove(path);
  return m4s_fail(error, "%s", problem);
}

bool m4s_path_exists(const char *path) { return access(path, F_OK) == 0; }

char *m4s_path_join(const char *folder, const char *name) {
  char *path = NULL;
  if (name[0] == '/') {
    return strdup(name);
  }
  return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

char *m4s_path_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) {
    return strdup(".");
  }
  return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}
