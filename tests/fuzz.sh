#!/usr/bin/env bash
# tests/fuzz.sh [SECONDS [TARGET…]]: runs the fuzz targets, each for SECONDS (600), starting from
# tests/fuzz/corpus/<target> and what earlier runs found. Everything is kept in build/fuzz:
# found/<target> (inputs that reach new code), crashes/<target> (inputs that crash, hang, leak or
# take too much memory; minimise with build/fuzz/tests/fuzz/fuzz_<target> -minimize_crash=1
# -runs=100000 FILE), log/<target>.txt. Exit status 1 if a target found something.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${1:-600}
shift || true
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  targets=(topology workload spec where csv safetensors pickle checkpoint sizes matrix mixes npy packet_config packet_flows results)
fi
for ((i = 0; i < ${#targets[@]}; i++)); do
  [[ -f $root/tests/fuzz/fuzz_${targets[i]}.c ]] || {
    echo "error: no fuzz target ${targets[i]}" >&2
    exit 2
  }
done

build=$root/build/fuzz
cmake -S "$root" --preset fuzz >/dev/null
cmake --build "$build" --target "${targets[@]/#/fuzz_}" -- --quiet

export ASAN_OPTIONS=${ASAN_OPTIONS:-allocator_may_return_null=1}
status=0
for target in "${targets[@]}"; do
  found=$build/found/$target
  crashes=$build/crashes/$target
  scratch=$build/scratch/$target
  log=$build/log/$target.txt
  mkdir -p "$found" "$crashes" "$scratch" "$build/log"
  # Where specs find their workload, and nothing else.
  cp "$root/sweeps/workloads/gray-failure.txt" "$scratch/w.txt"
  if (cd "$scratch" && "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=5 \
    -report_slow_units=1 -rss_limit_mb=1024 -max_len=4096 -artifact_prefix="$crashes/" \
    -dict="$root/tests/fuzz/$target.dict" "$found" "$root/tests/fuzz/corpus/$target") \
    >"$log" 2>&1; then
    # libFuzzer ends well after slow inputs.
    slow=$(find "$crashes" -name 'slow-unit-*' -newer "$scratch/w.txt" | wc -l)
    if [[ $slow -gt 0 ]]; then
      echo "fuzz_$target: $slow inputs took over 1 s, kept in $crashes"
      status=1
    else
      echo "fuzz_$target: $(grep -E '^Done' "$log" | tail -1)"
    fi
  else
    echo "fuzz_$target: found something, kept in $crashes:"
    tail -n 40 "$log"
    status=1
  fi
done
exit "$status"
