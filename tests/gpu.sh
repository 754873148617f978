#!/usr/bin/env bash
# m4 on a GPU: parity, memory checks, speed. Nothing else in the project needs a GPU.
#   tests/gpu.sh              on a machine with a GPU and nvcc: builds, checks, prints one table
#   tests/gpu.sh pack FILE    on a machine without a GPU: puts a build with the libraries that it needs,
#                             but for CUDA's, into FILE (.tar.gz) ...
#   tests/gpu.sh run FILE     ... to be checked on a machine with a GPU that has CUDA's libraries
# The reference data ($M4SWEEP_REFERENCE) are packed, too. Runs for some minutes; the parts have time
# limits of their own, $M4SWEEP_GPU_SECONDS (default 100) each. The logs of the parts are in $OUT, or in
# a new folder below /tmp. Exits with 0 if all that was checked is as it should be, with 77 without a GPU.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${M4SWEEP_GPU_SECONDS:-100}
programs=(m4sweep tests/test_engine tests/test_forward_golden tests/test_device tests/test_device_points)

build() {
  cmake -S "$root" -B "$root/build/gpu" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O3 -g -DNDEBUG" -DM4SWEEP_CUDA=ON >&2 &&
    cmake --build "$root/build/gpu" --target m4sweep test_engine test_forward_golden test_device test_device_points >&2
}

# The libraries of the programs, but for the system's own: those of Debian 12 run on later systems.
libraries() {
  for program in "${programs[@]}"; do
    ldd "$root/build/gpu/$program"
  done | awk '$3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(ld-linux.*|libc|libm|libdl|libpthread|librt|libutil|libgcc_s|libstdc\+\+)\.so'
}

pack() {
  local file=$1 folder
  folder=$(mktemp -d) || return 1
  build || return 1
  mkdir -p "$folder/pack/lib" "$folder/pack/reference" "$folder/pack/tests"
  for program in "${programs[@]}"; do
    strip -o "$folder/pack/$program" "$root/build/gpu/$program" || return 1
  done
  libraries | while read -r library; do cp -L "$library" "$folder/pack/lib/"; done
  strip "$folder"/pack/lib/* 2>/dev/null
  cp -r "$root/sweeps" "$root/results/reference" "$root/tests/gpu.sh" "$folder/pack/" || return 1
  mkdir -p "$folder/pack/results" && mv "$folder/pack/reference" "$folder/pack/results/" && mkdir "$folder/pack/reference"
  if [[ -n ${M4SWEEP_REFERENCE:-} ]]; then
    cp "$M4SWEEP_REFERENCE"/m4-*.safetensors "$folder/pack/reference/" || return 1
  fi
  tar -C "$folder/pack" -czf "$file" . && rm -r "$folder" && ls -l "$file" >&2
}

# --- checks: each adds a line to the table ---

n_bad=0
row() { printf '%-46s  %-7s  %-30s  %s\n' "$1" "$2" "$3" "$4" >>"$out/table"; }
good() { row "$1" ok "$2" "${3:-}"; }
bad() { row "$1" FAILED "$2" "${3:-}" && n_bad=$((n_bad + 1)); }
left_out() { row "$1" "not run" "$2" ""; }

# check NAME LOG COMMAND…: its exit status counts; 77: skipped.
check() {
  local name=$1 log=$out/$2 status=0 began=$SECONDS
  shift 2
  timeout "$seconds" "$@" >"$log" 2>&1 </dev/null || status=$?
  case $status in
    0) good "$name" "$((SECONDS - began)) s" ;;
    77) left_out "$name" "$(grep -h 'skipped:' "$log" | tail -1)" ;;
    124) bad "$name" "more than $seconds s" ;;
    *) bad "$name" "status $status, see $(basename "$log")" ;;
  esac
  return "$status"
}

sanitize() {
  local tool=$1
  if ! command -v compute-sanitizer >/dev/null; then
    left_out "compute-sanitizer $tool" "there is no compute-sanitizer"
    return
  fi
  check "compute-sanitizer $tool" "sanitizer-$tool.log" compute-sanitizer --tool "$tool" --error-exitcode 9 \
    "$program" bench m4 --model random --device cuda:0 --batch-rows 16,180 --seconds 0.001
}

# Shares of the peak that the tables of `bench m4` tell: cells of cuBLAS by rows; points side by side.
bench() {
  local products=$1 log=$out/bench-$1.log share points network=(--model random)
  [[ ${#model[@]} -eq 0 ]] || network=("${model[@]}")
  check "bench m4, $products" "bench-$products.log" "$program" bench m4 --device cuda:0 --gpu-products "$products" \
    --seconds 0.2 "${network[@]}" || return
  share=$(awk '$2 == "cuBLAS" { share = $6 + 0; if (share > best) best = share } END { print best + 0 }' "$log")
  points=$(awk '/^points side by side/ { on = 1 } on && $1 ~ /^[0-9]+$/ && $5 > best { best = $5 } END { printf "%.0f", best }' "$log")
  if awk -v share="$share" 'BEGIN { exit !(share >= 30) }'; then
    good "  share of the peak, $products" "$share %" "at least 30 %"
  else
    bad "  share of the peak, $products" "$share %" "at least 30 %"
  fi
  good "  steps of 180 rows side by side, $products" "$points steps/s"
  if grep -q '^products of a size by more than one algorithm: 0 ' "$log"; then
    good "  one algorithm a product, $products" ""
  else
    bad "  one algorithm a product, $products" "see $(basename "$log")"
  fi
}

# sweep NAME OPTIONS…: the 105 gray-failure points, with the report after the time that is told.
sweep() {
  local name=$1
  shift
  timeout "$seconds" "$program" run sweeps/gray-failure-published.json "${model[@]}" --simulators m4 --fresh \
    --out "$out/$name" "$@" >"$out/$name.log" 2>&1 </dev/null
}

# The CPU's points, one process a value of the second axis, since there may be no mpirun.
sweep_on_cpu() {
  local reduction pids=() status=0
  for reduction in 4 5 6 7 8 9 10; do
    sweep "cpu-$reduction" --device cpu --where "reduction == $reduction" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || status=1
  done
  cat "$out"/cpu-*/summary.csv >"$out/cpu.csv"
  return "$status"
}

totals() { awk -F, '$3 == "ok" { print $1, $6 }' "$@" | sort; }

# Median and largest relative difference of the totals of two tables, in percent.
differences() {
  join <(totals "$1") <(totals "$2") |
    awk '{ d = 100 * ($3 / $2 - 1); print d < 0 ? -d : d }' | sort -g |
    awk '{ d[NR] = $1 } END { if (NR) printf "%.3f %.3f %d\n", (d[int((NR + 1) / 2)] + d[int(NR / 2) + 1]) / 2, d[NR], NR; else print "none" }'
}

compare() {
  local name=$1 median largest n
  read -r median largest n <<<"$(differences "$out/cpu.csv" "$2")"
  if [[ $median != none ]] && awk -v m="$median" 'BEGIN { exit !(m <= 1) }'; then
    good "$name" "median $median %, max $largest %" "median at most 1 % ($n points)"
  else
    bad "$name" "median $median %, max ${largest:-?} %" "median at most 1 %"
  fi
}

without_time() { cut -d, -f1-10,12- "$1"; }

sweeps() {
  local took
  if [[ ${#model[@]} -eq 0 ]]; then
    left_out "gray-failure sweep, 105 points" "no published weights (M4SWEEP_REFERENCE)"
    return
  fi
  if ! sweep gpu --device cuda:0; then
    bad "gray-failure sweep, 105 points" "see gpu.log"
    return
  fi
  took=$(sed -n 's/.*results in .* after \([0-9.]*\) s.*/\1/p' "$out/gpu.log")
  if awk -v s="${took:-999}" 'BEGIN { exit !(s <= 20) }'; then
    good "gray-failure sweep, 105 points" "$took s" "at most 20 s on an H200"
  else
    bad "gray-failure sweep, 105 points" "${took:-?} s" "at most 20 s on an H200"
  fi
  if sweep again --device cuda:0 --points-per-worker 13 && [[ -s $out/gpu/summary.csv ]] &&
    cmp -s <(without_time "$out/gpu/summary.csv") <(without_time "$out/again/summary.csv"); then
    good "  again, 13 points at a time: same bytes" ""
  else
    bad "  again, 13 points at a time: same bytes" "they differ"
  fi
  if sweep_on_cpu; then
    compare "  totals against the CPU's, float32" "$out/gpu/summary.csv"
    if sweep tf32 --device cuda:0 --gpu-products tf32; then
      compare "  totals against the CPU's, tf32" "$out/tf32/summary.csv"
    else
      bad "  totals against the CPU's, tf32" "see tf32.log"
    fi
  else
    bad "  the sweep on the CPU" "see cpu-*.log"
  fi
}

run() {
  program=$1/m4sweep
  tests=$1/tests
  out=${OUT:-$(mktemp -d /tmp/m4sweep-gpu-XXXXXX)}
  model=()
  mkdir -p "$out" && : >"$out/table"
  if [[ -r ${M4SWEEP_REFERENCE:-}/m4-published.safetensors ]]; then
    model=(--model "$M4SWEEP_REFERENCE/m4-published.safetensors")
  fi
  export OPENBLAS_NUM_THREADS=1
  local status=0
  "$tests/test_engine" gpu >"$out/engine.log" 2>&1 </dev/null || status=$?
  if [[ $status -eq 77 ]]; then
    cat "$out/engine.log"
    exit 77
  fi
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1 | head -1
  check "device on the host" device.log "$tests/test_device"
  check "steps: engine" engine.log "$tests/test_engine" gpu
  check "steps: golden ones of float64, within 1e-4" golden.log "$tests/test_forward_golden" gpu
  bench float32
  bench tf32
  sweeps
  for tool in memcheck racecheck initcheck synccheck; do
    sanitize "$tool"
  done
  printf '\n%-46s  %-7s  %-30s  %s\n' check result measured wanted
  cat "$out/table"
  echo "logs: $out"
  [[ $n_bad -eq 0 ]]
}

# CUDA's libraries where Python packages keep them, if the system knows of none.
find_cuda() {
  local found
  for library in libcublasLt.so.13 libcudnn.so.9; do
    if ! ldconfig -p 2>/dev/null | grep -q "$library"; then
      found=$(find / -xdev -name "$library" -not -path '/proc/*' 2>/dev/null | head -1)
      [[ -n $found ]] && LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(dirname "$found")
    fi
  done
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
}

case ${1:-} in
  pack)
    pack "${2:?tests/gpu.sh pack FILE}"
    ;;
  run)
    folder=$(mktemp -d /tmp/m4sweep-pack-XXXXXX) && tar -C "$folder" -xzf "${2:?tests/gpu.sh run FILE}" || exit 1
    cd "$folder" || exit 1
    find_cuda
    export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$folder/lib M4SWEEP_REFERENCE=$folder/reference
    run "$folder"
    ;;
  "")
    cd "$root" && build || exit 1
    find_cuda
    run "$root/build/gpu"
    ;;
  *)
    echo "usage: tests/gpu.sh [pack FILE | run FILE]" >&2
    exit 2
    ;;
esac
