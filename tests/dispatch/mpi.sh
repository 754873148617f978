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
  # Every rank has a unit before any has its second, however slow one is.
  [ "$(grep -o '"rank":[0-9]*' n$n/journal.jsonl | sort -u | wc -l)" -eq $n ] ||
    fail "-n $n: not all ranks have worked"
done
# Several points at a time on each rank: nobody is left without one.
mpi 4 "$program" run "$spec" --points-per-worker 64 --out many >many.log 2>&1 || fail "$(cat many.log)"
assert_same_results alone many
[ "$(grep -o '"rank":[0-9]*' many/journal.jsonl | sort -u | wc -l)" -eq 4 ] ||
  fail "64 points a rank: not all ranks have worked"
"$program" run "$spec" --points-per-worker 7 --out seven >seven.log 2>&1 || fail "$(cat seven.log)"
assert_same_results alone seven
mpi 3 "$program" run "$spec" --master-works no --out idle >idle.log 2>&1 || fail "$(cat idle.log)"
assert_same_results alone idle
grep -q '"rank":0' idle/journal.jsonl && fail "rank 0 has worked in spite of --master-works no"

# m4: the same bytes alone, in batches, and on several ranks.
make_m4_spec 4
"$program" run m4.json --out m4 --points-per-worker 1 >m4.log 2>&1 || fail "m4: $(cat m4.log)"
[ "$(grep -c ',m4,ok,' m4/summary.csv)" -eq 12 ] || fail "m4: $(cat m4/summary.csv)"
[ "$(grep ',m4,ok,' m4/summary.csv | cut -d, -f7 | sort -u | wc -l)" -eq 12 ] ||
  fail "m4: points are not all different: $(cat m4/summary.csv)"
for points in 0 5 64; do
  for n in 1 2; do
    mpi $n "$program" run m4.json --out m4-$n-$points --points-per-worker $points >m4.log 2>&1 ||
      fail "m4 on $n ranks, $points points each: $(cat m4.log)"
    assert_same_results m4 m4-$n-$points
  done
done
# Ranks whose points make small steps ask for several.
mpi 2 "$program" run m4.json --simulators m4 --set batch_time_ns=1000 --where 'm4.mode == "default"' \
  --out m4-room >m4.log 2>&1 || fail "m4 with room: $(cat m4.log)"
grep -q 'ranks had up to [2-9] points at a time' m4.log || fail "one point at a time: $(cat m4.log)"

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
grep -q '4 points failed; m4sweep status failed lists them, --retry-failed' failed.log ||
  fail "no hint: $(cat failed.log)"
"$program" status failed >status.log || fail "status"
grep -q '  4 with flowsim: time limit of 1e-06 s passed$' status.log || fail "$(cat status.log)"
grep -q -- '--retry-failed' status.log || fail "$(cat status.log)"
[ "$(grep -c ',failed,' failed/summary.csv)" -eq 4 ] || fail "$(cat failed/summary.csv)"
mpi 2 "$program" "${few[@]}" >kept.log 2>&1
assert_status $? 3 "failed points of an earlier run"
mpi 2 "$program" "${few[@]}" --retry-failed >retried.log 2>&1 || fail "retry: $(cat retried.log)"
[ "$(grep -c ',ok,' failed/summary.csv)" -eq 4 ] || fail "$(cat failed/summary.csv)"

# A full disk ends the run, with one error and nothing recorded as failed; the same command goes on.
# A limit on file sizes stands in for it.
assert_ended() {
  assert_status "$1" 1 "$2"
  [ "$(grep -c 'error:' full.log)" -eq 1 ] || fail "$2: $(cat full.log)"
  grep -qE 'File too large|No space left' full.log || fail "$2: $(cat full.log)"
  grep -q '\.tmp' full.log && fail "$2: names a temporary folder: $(cat full.log)"
  grep -q '"failed"' full/journal.jsonl && fail "$2: failed points in the journal"
}
few=(run "$spec" --where "degraded_gpus < 4" --out full)
(trap '' XFSZ; ulimit -f 500; exec "$program" "${few[@]}") >full.log 2>&1
assert_ended $? "a full disk"
"$program" "${few[@]}" >full.log 2>&1 || fail "after a full disk: $(cat full.log)"
rm -rf full
# Under mpirun rank 0 alone cannot write: the journal. Replies on their way do not hold up the end.
(trap '' XFSZ; exec timeout -k 1 30 mpirun --oversubscribe -n 4 "$program" run "$spec" --out full --master-works no) \
  >full.log 2>&1 &
leader=$!
for ((i = 0; i < 500; i++)); do
  [ -s full/journal.jsonl ] && break
  sleep 0.01
done
prlimit --pid "$(sed 's/process \([0-9]*\) .*/\1/' full/.lock)" --fsize=1000
wait $leader
assert_ended $? "a journal that cannot grow"
mpi 4 "$program" run "$spec" --out full >full.log 2>&1 || fail "after it: $(cat full.log)"
assert_same_results alone full

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
