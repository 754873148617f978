#!/usr/bin/env bash
# Installs what is missing, builds and runs every test:
#   1. all tests, built as for use with warnings as errors (preset ci);
#   2. the unit tests with AddressSanitizer and UndefinedBehaviorSanitizer (preset dev);
#   3. each fuzz target for a few seconds (preset fuzz);
#   4. the sources' format.
# The last line is "N passed, N failed, N skipped"; exits with 1 if anything failed. Tests that need
# the reference data look for it in $M4SWEEP_REFERENCE and are skipped without it.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
n_passed=0
n_failed=0
n_skipped=0

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
if [[ -z ${M4SWEEP_REFERENCE:-} && -d ../shared/reference ]]; then
  M4SWEEP_REFERENCE=$(cd ../shared/reference && pwd)
  export M4SWEEP_REFERENCE
fi

finish() {
  printf '%d passed, %d failed, %d skipped\n' "$n_passed" "$n_failed" "$n_skipped"
  [[ $n_failed -eq 0 && $n_passed -gt 0 ]]
  exit
}

passed() {
  n_passed=$((n_passed + 1))
  echo "ok: $1"
}

failed() {
  n_failed=$((n_failed + 1))
  echo "FAILED: $1"
}

skipped() {
  n_skipped=$((n_skipped + 1))
  echo "skipped: $1"
}

heading() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

# build PRESET [TARGET…]
build() {
  local preset=$1 log
  shift
  log=$(mktemp)
  if cmake --preset "$preset" >"$log" 2>&1 &&
    cmake --build "build/$preset" ${1:+--target "$@"} -- --quiet >>"$log" 2>&1; then
    rm -f "$log"
    passed "build of preset $preset"
  else
    tail -n 60 "$log"
    rm -f "$log"
    failed "build of preset $preset"
    return 1
  fi
}

# The number in attribute $2 of the first element of $1: <testsuite tests="12" failures="0" …>.
attribute() { sed -n "/<testsuite/,/>/s/.*[[:space:]]$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -1; }

# run_ctest PRESET [OPTION…]: adds the counts that CTest writes down. A test that could not be
# started counts as failed, not as skipped.
run_ctest() {
  local preset=$1 report status=0 tests failures not_run skips
  shift
  report=$root/build/$preset/junit.xml
  rm -f "$report"
  ctest --test-dir "build/$preset" --no-tests=error --output-on-failure --timeout 300 \
    --parallel "$(nproc)" --output-junit "$report" "$@" </dev/null || status=$?
  tests=$(attribute "$report" tests)
  if [[ -z $tests || $tests -eq 0 ]]; then
    failed "ctest of preset $preset ran no test"
    return
  fi
  failures=$(grep -c '<testcase .*status="fail"' "$report")
  skips=$(grep -c '<skipped message="SKIP_' "$report")
  not_run=$(($(grep -c '<testcase .*status="\(notrun\|disabled\)"' "$report") - skips))
  failures=$((failures + not_run))
  if [[ $status -ne 0 && $failures -eq 0 ]]; then
    failed "ctest of preset $preset ended with status $status"
  fi
  # Reasons of skipped tests: the last line that each printed.
  awk -F '"' '
    /<testcase / { name = $2; skip = 0; last = "" }
    /<skipped message="SKIP_/ { skip = 1; next }
    skip && /[^[:space:]]/ && !/<\/testcase>/ { 
      line = $0
      gsub(/<[^>]*>|^[[:space:]]+/, "", line)
      sub(/^[[:space:]]*skipped: /, "", line)
      if (line != "") last = line
    }
    skip && /<\/testcase>/ { print "skipped: " name ": " last; skip = 0 }' "$report"
  n_failed=$((n_failed + failures))
  n_skipped=$((n_skipped + skips))
  n_passed=$((n_passed + tests - failures - skips))
}

# fuzz TARGET: some seconds, always from the same seed, on a copy of the corpus.
fuzz() {
  local target=$1 folder=$root/build/fuzz/short/$1 status=0
  rm -rf "$folder"
  mkdir -p "$folder/scratch"
  cp -r "tests/fuzz/corpus/$target" "$folder/corpus"
  cp sweeps/workloads/gray-failure.txt "$folder/scratch/w.txt"
  (cd "$folder/scratch" && ASAN_OPTIONS=allocator_may_return_null=1 \
    "$root/build/fuzz/tests/fuzz/fuzz_$target" -seed=1 -max_total_time="${M4SWEEP_FUZZ_SECONDS:-8}" \
    -timeout=10 -rss_limit_mb=1024 -max_len=4096 -artifact_prefix="$folder/" \
    -dict="$root/tests/fuzz/$target.dict" "$folder/corpus") >"$folder/log" 2>&1 </dev/null || status=$?
  if [[ $status -eq 0 ]]; then
    passed "fuzz_$target: $(grep '^Done' "$folder/log" | tail -1)"
  else
    tail -n 40 "$folder/log"
    failed "fuzz_$target, status $status; the input is in $folder"
  fi
}

check_format() {
  local tool
  tool=$(command -v clang-format-14) || {
    skipped "format: there is no clang-format-14"
    return
  }
  if git ls-files -z --cached --others --exclude-standard '*.c' '*.h' | xargs -0 "$tool" --dry-run -Werror; then
    passed "format"
  else
    failed "format: run clang-format-14 -i on these"
  fi
}

if ! bash jobs/install-dependencies.sh tests; then
  failed "installation"
  finish
fi

heading "all tests, preset ci"
build ci && run_ctest ci

heading "unit tests with sanitizers, preset dev"
build dev && run_ctest dev -L unit

heading "fuzz targets, preset fuzz"
targets=()
for source in tests/fuzz/fuzz_*.c; do
  name=${source##*/fuzz_}
  targets+=("${name%.c}")
done
if build fuzz "${targets[@]/#/fuzz_}"; then
  for target in "${targets[@]}"; do
    fuzz "$target"
  done
fi

heading "format"
check_format

echo
finish
