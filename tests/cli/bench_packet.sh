#!/usr/bin/env bash
# bench_packet.sh PROGRAM FOLDER: m4sweep bench packet runs, and all that it prints in its tables are
# finite numbers, counts and rates above 0. How large they are is not tested. FOLDER is emptied
# first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
mkdir tmp
export TMPDIR=$work/tmp
cat >workload.txt <<'EOT'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 16 ep: 1 pp: 1 vpp: 16 ga: 1 all_gpus: 32 checkpoints: 0 checkpoint_initiates: 0
1
layer -1 1000 ALLREDUCE 262144 1 NONE 0 1 NONE 0 1
EOT
status=0
"$program" bench packet --flows 20 --workload workload.txt --degraded-gpus 2 --repeat 2 --observers \
  >stdout 2>stderr </dev/null || status=$?
[[ $status -eq 0 ]] || problems+=("exit status $status")
[[ ! -s stderr ]] || problems+=("output on stderr")
[[ -z $(ls tmp) ]] || problems+=("left in TMPDIR: $(ls tmp)")
# Rows of cases have 14 numbers, those of observers end with three, the last with a sign.
awk '
  function check(first, last, least) {
    for (i = first; i <= last; i++) {
      number = $i
      sub(/%$/, "", number)
      if (number !~ /^[-+]?[0-9]+(\.[0-9]+)?$/ || number + 0 < least) { print "column " i ": " $0; bad = 1 }
    }
  }
  /^(mix, [a-z]+|gray \([0-9]+,[0-9]+\)) / { cases++; check(3, 7, 1); check(8, 16, 0); if (NF != 16) bad = 1 }
  /^(nothing|queues|components|every) / { watched++; check(NF - 2, NF - 1, 0); check(NF, NF, -1000) }
  /^every / && !($(NF - 2) > 0) { print "no events told"; bad = 1 }
  /^peak memory [0-9]+ MB$/ { peak++ }
  END {
    if (cases != 5 || watched != 4 || peak != 1) { print cases + 0 " cases, " watched + 0 " observers"; bad = 1 }
    exit bad
  }' stdout || problems+=("bad tables")
if [[ ${#problems[@]} -gt 0 ]]; then
  printf 'FAILED: bench packet: %s\n' "${problems[*]}"
  cat stdout stderr
  exit 1
fi
echo "5 cases, 4 observers"
