#!/bin/bash
# Usage: mpi.sh PROGRAM FOLDER. The same bytes for any number of ranks; errors once; failed points.
set -u
program=$1
folder=$2
# shellcheck source=tests/dispatch/common.sh
. "$(dirname "$0")/common.sh"

"$program" run "$spec" --out alone >alone.log 2>&1 || fail "without mpirun: $(cat alone.log)"
[ "$(wc -l <alone/summary.csv)" -eq 106 ] || fail "summary.csv has $(wc -l <alone/summary.csv) lines"
for n in 1 2 4; do
  mpi $n "$program" run "$spec" --out n$n >n$n.log 2>&1 || fail "-n $n: $(cat n$n.log)"
  assert_same_results alone n$n
  [ "$(grep -o '"rank":[0-9]*' n$n/journal.jsonl | sort -u | wc -l)" -eq $n ] ||
    fail "-n $n: not all ranks have worked"
done
mpi 3 "$program" run "$spec" --master-works no --out idle >idle.log 2>&1 || fail "$(cat idle.log)"
assert_same_results alone idle
grep -q '"rank":0' idle/journal.jsonl && fail "rank 0 has worked in spite of --master-works no"

# Bad input: one error line from all ranks, one exit status, nothing written.
bad() {
  local name=$1
  shift
  mpi 4 "$program" run "$@" --out bad >bad.log 2>&1
  assert_status $? 2 "$name"
  [ "$(grep -c 'error:' bad.log)" -eq 1 ] || fail "$name: $(cat bad.log)"
  [ ! -e bad ] || fail "$name: the folder has been made"
}
bad "unknown option" "$spec" --bogus
bad "missing spec" none.json
bad "value of no axis" "$spec" --set reduction=11
mkdir -p foreign && touch foreign/file
mpi 2 "$program" run "$spec" --out foreign >foreign.log 2>&1
assert_status $? 2 "foreign folder"
[ "$(ls -A foreign)" = file ] || fail "a foreign folder has been written to"
mpi 2 "$program" run "$spec" --out /proc/none >unwritable.log 2>&1
assert_status $? 2 "unwritable folder"

# Failed points are rows; the sweep goes on, and they are retried on request only.
few=(run "$spec" --where "degraded_gpus < 4 && reduction < 6" --out failed)
mpi 2 "$program" "${few[@]}" --time-limit 1e-6 >failed.log 2>&1
assert_status $? 3 "failed points"
[ "$(grep -c ',failed,' failed/summary.csv)" -eq 4 ] || fail "$(cat failed/summary.csv)"
mpi 2 "$program" "${few[@]}" >kept.log 2>&1
assert_status $? 3 "failed points of an earlier run"
mpi 2 "$program" "${few[@]}" --retry-failed >retried.log 2>&1 || fail "retry: $(cat retried.log)"
[ "$(grep -c ',ok,' failed/summary.csv)" -eq 4 ] || fail "$(cat failed/summary.csv)"

# A subset has the whole sweep's rows, and grows into it.
"$program" run "$spec" --set degraded_gpus=8 --set reduction=4 --out part >part.log 2>&1 ||
  fail "$(cat part.log)"
without_times alone first.csv
without_times part second.csv
[ "$(tail -n +2 second.csv)" = "$(grep ',8,4,' first.csv)" ] || fail "the one point differs"
"$program" run "$spec" --out part >part.log 2>&1 || fail "$(cat part.log)"
assert_same_results alone part
rm -rf "$folder"
echo "same results without mpirun and for 1, 2, 3 and 4 ranks"
