#include "sweep/file_hashes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/file.h"

// The times of files have steps of some milliseconds, on some file systems of two seconds.
enum { MAX_HASHES = 64, HASH_BYTES = 17, SETTLED_S = 3 };

typedef struct {
  char *path;  // owned; NULL: none
  struct stat facts;  // before the file was read
  char hash[HASH_BYTES];
} known_t;

struct m4s_file_hashes {
  known_t known[MAX_HASHES];
  size_t next;  // to be replaced
};

m4s_status_t m4s_file_hashes_create(m4s_file_hashes_t **hashes_out) {
  m4s_file_hashes_t *hashes = calloc(1, sizeof *hashes);
  if (hashes == NULL) {
    return m4s_fail_memory("hashes");
  }
  *hashes_out = hashes;
  return M4S_OK;
}

void m4s_file_hashes_destroy(m4s_file_hashes_t *hashes) {
  if (hashes == NULL) {
    return;
  }
  for (size_t i = 0; i < MAX_HASHES; i++) {
    free(hashes->known[i].path);
  }
  free(hashes);
}

static bool same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static known_t *find(m4s_file_hashes_t *hashes, const char *path) {
  for (size_t i = 0; i < MAX_HASHES; i++) {
    if (hashes->known[i].path != NULL && strcmp(hashes->known[i].path, path) == 0) {
      return &hashes->known[i];
    }
  }
  return NULL;
}

static bool is_settled(const struct stat *facts) {
  time_t limit = time(NULL) - SETTLED_S;
  return facts->st_mtim.tv_sec < limit && facts->st_ctim.tv_sec < limit;
}

// Where there is no memory, the file is hashed again next time.
static void remember(m4s_file_hashes_t *hashes, const char *path, const struct stat *facts,
                     const char *hash) {
  known_t *known = find(hashes, path);
  if (known == NULL) {
    known = &hashes->known[hashes->next];
    hashes->next = (hashes->next + 1) % MAX_HASHES;
    free(known->path);
    known->path = strdup(path);
  }
  known->facts = *facts;
  memcpy(known->hash, hash, HASH_BYTES);
}

m4s_status_t m4s_file_hashes_get(m4s_file_hashes_t *hashes, const char *path, char hash_out[17]) {
  struct stat facts;
  bool there = stat(path, &facts) == 0;
  const known_t *known = find(hashes, path);
  if (there && known != NULL && same_file(&facts, &known->facts)) {
    memcpy(hash_out, known->hash, HASH_BYTES);
    return M4S_OK;
  }
  M4S_TRY(m4s_file_hash(path, hash_out));
  if (there && is_settled(&facts)) {
    remember(hashes, path, &facts, hash_out);
  }
  return M4S_OK;
}
