# What the scripts of this folder share; sourced after PROGRAM and FOLDER are set.
# shellcheck shell=bash

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
spec=$source_dir/sweeps/gray-failure.json
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# MPI itself leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

command -v mpirun >/dev/null || {
  echo "skipped: no mpirun"
  exit 77
}
[ -x "$program" ] || fail "$program is not a program"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder" || exit 1

mpi() {
  local n=$1
  shift
  mpirun --oversubscribe -n "$n" "$@"
}

# summary.csv without its last column, the run times.
without_times() {
  head -1 "$1/summary.csv" | grep -q ',wall_s$' || fail "$1/summary.csv does not end with wall_s"
  sed 's/,[^,]*$//' "$1/summary.csv"
}

# Two results folders hold the same bytes, times aside.
assert_same_results() {
  cmp <(without_times "$1") <(without_times "$2") || fail "summary.csv of $1 and $2 differ"
  diff -rq "$1/points" "$2/points" >diff.txt || fail "points of $1 and $2 differ: $(head -3 diff.txt)"
  [ -z "$(find "$2/points" -name '.tmp-*')" ] || fail "$2/points holds temporary folders"
}

assert_status() {
  [ "$1" -eq "$2" ] || fail "$3: exit status $1 instead of $2"
}
