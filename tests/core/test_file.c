// Whole files, atomic writes, folders and paths.
#include "support.h"

#include <dirent.h>
#include <sys/stat.h>

// Entries of the test's folder that hold `part` in their names.
static int count_entries(const char *part) {
  DIR *folder = opendir(support_folder);
  assert_non_null(folder);
  int n = 0;
  for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    n += strstr(entry->d_name, part) != NULL;
  }
  closedir(folder);
  return n;
}

static void file_should_survive_any_bytes(void **state) {
  (void)state;
  enum { N = 300000 };  // several read buffers
  char *bytes = malloc(N);
  uint64_t random = 5;
  for (int i = 0; i < N; i++) {
    bytes[i] = (char)support_random(&random);
  }
  ASSERT_OK(m4s_file_write(support_path("bytes"), bytes, N));
  size_t n;
  char *read = support_read("bytes", &n);
  assert_int_equal(n, N);
  assert_memory_equal(read, bytes, N);
  assert_int_equal(read[N], '\0');
  free(read);
  free(bytes);
}

static void file_should_be_replaced_whole(void **state) {
  (void)state;
  support_write("a.txt", "a long first text");
  support_write("a.txt", "short");
  char *text = support_read("a.txt", NULL);
  assert_string_equal(text, "short");
  free(text);
  assert_int_equal(count_entries(".tmp"), 0);
}

// A reader that has the old file open goes on to see the old one.
static void file_should_be_replaced_under_a_reader(void **state) {
  (void)state;
  support_write("r.txt", "old");
  FILE *reader = fopen(support_path("r.txt"), "r");
  support_write("r.txt", "new");
  char text[8] = "";
  assert_int_equal(fread(text, 1, sizeof text - 1, reader), 3);
  assert_string_equal(text, "old");
  fclose(reader);
}

static void empty_files_should_be_read(void **state) {
  (void)state;
  ASSERT_OK(m4s_file_write(support_path("empty"), "", 0));
  size_t n = 99;
  char *text = support_read("empty", &n);
  assert_int_equal(n, 0);
  assert_string_equal(text, "");
  free(text);
}

static void sizes_should_be_those_of_files(void **state) {
  (void)state;
  support_write("ten", "0123456789");
  assert_int_equal(m4s_file_bytes(support_path("ten")), 10);
  assert_int_equal(m4s_file_bytes(support_path("absent")), 0);
  assert_int_equal(m4s_file_bytes(support_folder), 0);
}

static void size_limit_should_be_inclusive(void **state) {
  (void)state;
  support_write("ten", "0123456789");
  char *text = NULL;
  ASSERT_OK(m4s_file_read(support_path("ten"), 10, &text, NULL));
  free(text);
  text = NULL;
  char message[256];
  snprintf(message, sizeof message, "%s: 10 bytes, more than the 9 that such a file may have",
           support_path("ten"));
  ASSERT_REFUSES(m4s_file_read(support_path("ten"), 9, &text, NULL), message);
  // A file whose size is not known beforehand.
  assert_int_equal(m4s_file_read("/dev/zero", 100000, &text, NULL), M4S_ERR_INPUT);
  assert_null(text);
}

static void reading_should_refuse_folders_and_missing_files(void **state) {
  (void)state;
  char *text = NULL;
  char message[256];
  snprintf(message, sizeof message, "%s: is a folder, a file is needed", support_folder);
  ASSERT_REFUSES(m4s_file_read(support_folder, 10, &text, NULL), message);
  snprintf(message, sizeof message, "%s: No such file or directory", support_path("missing"));
  ASSERT_REFUSES(m4s_file_read(support_path("missing"), 10, &text, NULL), message);
  assert_null(text);
}

// A pipe that nobody writes to must not hang the reader.
static void reading_should_refuse_pipes(void **state) {
  (void)state;
  const char *path = support_path("pipe");
  assert_int_equal(mkfifo(path, 0600), 0);
  char *bytes = NULL;
  assert_int_equal(m4s_file_read(path, 100, &bytes, NULL), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "is no regular file"));
}

static void text_should_refuse_zero_bytes(void **state) {
  (void)state;
  char *text = NULL;
  ASSERT_OK(m4s_file_write(support_path("zero"), "ab\0c", 4));
  char message[256];
  snprintf(message, sizeof message, "%s: a zero byte at offset 2: not a text file",
           support_path("zero"));
  ASSERT_REFUSES(m4s_file_read_text(support_path("zero"), 100, &text), message);
  assert_null(text);
}

// A failed write leaves neither the file nor a temporary one, and an old file as it was.
static void writing_should_fail_without_traces(void **state) {
  (void)state;
  support_write("plain", "x");
  assert_int_equal(m4s_file_write(support_path("plain/below"), "y", 1), M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "plain/below: cannot be written: Not a directory"));
  assert_int_equal(m4s_file_write(support_path("none/below"), "y", 1), M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "cannot be written: No such file or directory"));
  ASSERT_OK(m4s_folder_make(support_path("folder")));
  assert_int_equal(m4s_file_write(support_path("folder"), "y", 1), M4S_ERR_IO);
  assert_int_equal(count_entries(".tmp"), 0);
  char *text = support_read("plain", NULL);
  assert_string_equal(text, "x");
  free(text);
}

static void folders_should_be_made_with_parents(void **state) {
  (void)state;
  ASSERT_OK(m4s_folder_make(support_path("p/q/r")));
  ASSERT_OK(m4s_folder_make(support_path("p/q/r")));
  ASSERT_OK(m4s_folder_make(support_path("p/q/s/")));
  struct stat info;
  assert_int_equal(stat(support_path("p/q/s"), &info), 0);
  assert_true(S_ISDIR(info.st_mode));
  ASSERT_OK(m4s_folder_make("/"));
  ASSERT_OK(m4s_folder_make("."));
}

static void folders_should_not_replace_files(void **state) {
  (void)state;
  support_write("f", "x");
  assert_int_equal(m4s_folder_make(support_path("f")), M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "/f: is not a folder"));
  assert_int_equal(m4s_folder_make(support_path("f/g")), M4S_ERR_IO);
  assert_int_equal(m4s_folder_make(""), M4S_ERR_IO);
}

static void removal_should_take_trees_but_not_what_links_point_to(void **state) {
  (void)state;
  ASSERT_OK(m4s_folder_make(support_path("kept")));
  support_write("kept/file", "x");
  ASSERT_OK(m4s_folder_make(support_path("gone/deep/er")));
  support_write("gone/deep/file", "x");
  assert_int_equal(symlink("../kept", support_path("gone/link")), 0);
  ASSERT_OK(m4s_path_remove(support_path("gone")));
  assert_false(m4s_path_exists(support_path("gone")));
  assert_true(m4s_path_exists(support_path("kept/file")));
  ASSERT_OK(m4s_path_remove(support_path("gone")));
  ASSERT_OK(m4s_path_remove(support_path("kept/file")));
  assert_false(m4s_path_exists(support_path("kept/file")));
}

static void assert_text(char *text, const char *expected) {
  assert_string_equal(text, expected);
  free(text);
}

static void paths_should_join_and_split(void **state) {
  (void)state;
  assert_text(m4s_path_join("a/b", "c"), "a/b/c");
  assert_text(m4s_path_join("a", "/c/d"), "/c/d");
  assert_text(m4s_path_folder("a/b/c.txt"), "a/b");
  assert_text(m4s_path_folder("c.txt"), ".");
  assert_text(m4s_path_folder("/c.txt"), "/");
}

static void writing_should_spare_devices_and_follow_links(void **state) {
  (void)state;
  char link[128];
  char target[128];
  char message[256];
  snprintf(link, sizeof link, "%s/link", support_folder);
  snprintf(target, sizeof target, "%s/target", support_folder);
  ASSERT_OK(m4s_file_write(target, "old", 3));
  assert_int_equal(symlink("target", link), 0);
  ASSERT_OK(m4s_file_write(link, "new", 3));
  struct stat info;
  assert_int_equal(lstat(link, &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  char *text;
  ASSERT_OK(m4s_file_read_text(target, 16, &text));
  assert_string_equal(text, "new");
  free(text);
  char pipe[128];
  snprintf(pipe, sizeof pipe, "%s/fifo", support_folder);
  assert_int_equal(mkfifo(pipe, 0600), 0);
  snprintf(message, sizeof message, "%s: is no regular file and cannot be replaced", pipe);
  ASSERT_REFUSES(m4s_file_write(pipe, "x", 1), message);
  assert_int_equal(lstat(pipe, &info), 0);
  assert_true(S_ISFIFO(info.st_mode));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(file_should_survive_any_bytes),
      cmocka_unit_test(file_should_be_replaced_whole),
      cmocka_unit_test(file_should_be_replaced_under_a_reader),
      cmocka_unit_test(empty_files_should_be_read),
      cmocka_unit_test(sizes_should_be_those_of_files),
      cmocka_unit_test(size_limit_should_be_inclusive),
      cmocka_unit_test(reading_should_refuse_folders_and_missing_files),
      cmocka_unit_test(reading_should_refuse_pipes),
      cmocka_unit_test(text_should_refuse_zero_bytes),
      cmocka_unit_test(writing_should_fail_without_traces),
      cmocka_unit_test(folders_should_be_made_with_parents),
      cmocka_unit_test(folders_should_not_replace_files),
      cmocka_unit_test(removal_should_take_trees_but_not_what_links_point_to),
      cmocka_unit_test(paths_should_join_and_split),
      cmocka_unit_test(writing_should_spare_devices_and_follow_links),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
