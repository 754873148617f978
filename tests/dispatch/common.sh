# What the scripts of this folder share; sourced after PROGRAM and FOLDER are set.
# shellcheck shell=bash

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
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
# The gray-failure sweep with flowsim alone.
spec=$folder/gray-failure.json
sed -e 's/"simulators": .*/"simulators": ["flowsim"],/' -e "s|\"workloads/|\"$source_dir/sweeps/workloads/|" \
  -e "s|\"\.\./results|\"$source_dir/results|" -e "s|\"networks/|\"$source_dir/sweeps/networks/|" \
  "$source_dir/sweeps/gray-failure.json" >"$spec"

mpi() {
  local n=$1
  shift
  mpirun --oversubscribe -n "$n" "$@"
}

# Writes $1/summary.csv to $2 without the column of run times.
without_times() {
  local column
  column=$(head -1 "$1/summary.csv" | tr ',' '\n' | grep -nx wall_s | cut -d: -f1)
  [ -n "$column" ] || fail "$1/summary.csv has no column wall_s"
  cut -d, --complement -f"$column" "$1/summary.csv" >"$2"
}

# Two results folders hold the same bytes, times aside.
assert_same_results() {
  without_times "$1" first.csv
  without_times "$2" second.csv
  cmp first.csv second.csv || fail "summary.csv of $1 and $2 differ"
  diff -rq "$1/points" "$2/points" >diff.txt || fail "points of $1 and $2 differ: $(head -3 diff.txt)"
  [ -z "$(find "$2/points" -name '.tmp-*')" ] || fail "$2/points holds temporary folders"
}

assert_status() {
  [ "$1" -eq "$2" ] || fail "$3: exit status $1 instead of $2"
}

# Writes m4.json: flowsim and m4 with its algorithms, on a small network and traffic; $1 points each.
make_m4_spec() {
  cat >w.txt <<'END'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 16
2
layer -1 10 ALLREDUCE 655360000 1 NONE 0 1 NONE 0 1
layer -1 10 ALLREDUCE 6553600 1 NONE 0 1 NONE 0 1
END
  cat >m4.json <<END
{"name": "m4", "simulators": ["flowsim", "m4"],
 "base": {"topology": {"gpus": 16, "degraded_gpus": 3}, "traffic": {"workload": "w.txt"},
          "m4": {"model": "$source_dir/tests/m4/tiny.safetensors"}},
 "axes": [{"m4.algorithm": ["interval", "interval", "event"], "m4.mode": ["default", "published", "default"]},
          {"reduction": {"range": [1, $1]}}]}
END
}
