#!/usr/bin/env bash
# bench_m4.sh PROGRAM FOLDER: m4sweep bench m4 runs, and all that it prints in its tables are finite
# numbers, rates and counts above 0 (shares may be rounded to it). How large they are is not tested.
# FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
n_failed=0

# bench TABLES ROWS ARGUMENTS…: prints so many tables with so many rows below their heads in all.
bench() {
  local n_tables=$1 n_rows=$2 problems=() status=0
  shift 2
  "$program" bench m4 --seconds 0.05 "$@" >stdout 2>stderr </dev/null || status=$?
  [[ $status -eq 0 ]] || problems+=("exit status $status")
  [[ ! -s stderr ]] || problems+=("output on stderr")
  [[ $(grep -c '^$' stdout) -eq $n_tables ]] || problems+=("$(grep -c '^$' stdout) tables")
  grep -qE '^peak: [0-9.]+ GFLOP/s' stdout || problems+=("no peak")
  # A row begins with a number or a point; its columns are numbers, with a unit or without.
  awk -v n_rows="$n_rows" '
    /^peak: / && !($2 > 0) { print "peak " $2; bad = 1 }
    /^ *([0-9]+|\([0-9]+,[0-9]+\)) / {
      rows++
      for (i = 2; i <= NF; i++) {
        number = $i
        sub(/[%x]$/, "", number)
        if (number !~ /^[0-9]+(\.[0-9]+)?$/ || number < 0 || (i <= 4 && number == 0)) { print "column " i ": " $0; bad = 1 }
      }
    }
    END { if (rows != n_rows) { print rows + 0 " rows"; bad = 1 }; exit bad }' stdout ||
    problems+=("bad tables")
  if [[ ${#problems[@]} -gt 0 ]]; then
    n_failed=$((n_failed + 1))
    printf 'FAILED: bench m4 %s: %s\n' "$*" "${problems[*]}"
    cat stdout stderr
  fi
}

cat >workload.txt <<'EOT'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 16 ep: 1 pp: 1 vpp: 16 ga: 1 all_gpus: 32 checkpoints: 0 checkpoint_initiates: 0
1
layer -1 1000 ALLREDUCE 262144 1 NONE 0 1 NONE 0 1
EOT
# named NAME: the last bench has told of this network.
named() {
  grep -q "^$1: hidden " stdout || {
    n_failed=$((n_failed + 1))
    echo "FAILED: the network is not $1: $(sed -n 2p stdout)"
  }
}

bench 2 9 --model random --batch-rows 2,33
named 'random weights'
bench 3 9 --batch-rows 4 --points 2x4 --workload workload.txt
named built-in
if [[ -n ${M4SWEEP_REFERENCE:-} ]]; then
  bench 3 9 --batch-rows 4 --model "$M4SWEEP_REFERENCE/m4-published.safetensors" --points 2x4 \
    --workload workload.txt
else
  echo "not run: a point, with the weights of \$M4SWEEP_REFERENCE, which is not set"
fi

echo "$n_failed failed"
[[ $n_failed -eq 0 ]]
