#!/bin/bash
# Usage: kill.sh PROGRAM FOLDER [KILLS [SEED]]. SIGKILL at random instants, with and without mpirun;
# the same command again always ends in the bytes of an undisturbed run. Signals end runs cleanly.
set -u
program=$1
folder=$2
n_kills=${3:-20}
seed=${4:-$RANDOM}
# shellcheck source=tests/dispatch/common.sh
. "$(dirname "$0")/common.sh"
RANDOM=$seed
echo "seed $seed"

"$program" run "$spec" --out whole >whole.log 2>&1 || fail "undisturbed: $(cat whole.log)"

make_m4_spec 15
"$program" run m4.json --out whole-m4 >whole.log 2>&1 || fail "undisturbed m4: $(cat whole.log)"

# Runs the command in a process group of its own for a random time, then kills it in full (turn 0,
# 1) or only its leader (2: the ranks of a killed mpirun must end by themselves). True if the kill
# came before the end. $2, $3: the spec and the folder.
run_and_kill() {
  local turn=$1
  local sleep_ms=$((RANDOM % 400 + (turn > 0 ? 200 : 10)))
  local command=("$program" run "$2" --out "$3" --points-per-worker $((RANDOM % 5)))
  [ "$turn" -eq 0 ] || command=(mpirun --oversubscribe -n 3 "${command[@]}")
  setsid "${command[@]}" >killed.log 2>&1 &
  local leader=$!
  sleep "$(printf '0.%03d' $((sleep_ms % 1000)))"
  if [ "$turn" -eq 2 ]; then
    kill -9 $leader 2>/dev/null
  else
    local ranks
    ranks=$(pgrep -P $leader)
    # shellcheck disable=SC2086
    kill -9 -- -$leader $ranks 2>/dev/null
  fi
  wait $leader 2>/dev/null
  [ $? -eq 137 ]
}

n_hits=0
n_rounds=0
for ((i = 0; n_hits < n_kills && i < 10 * n_kills; i++)); do
  # Every second kill hits a run with m4.
  if [ $((i / 3 % 2)) -eq 0 ]; then what=("$spec" killed whole); else what=(m4.json killed-m4 whole-m4); fi
  if run_and_kill $((i % 3)) "${what[@]}"; then
    n_hits=$((n_hits + 1))
  elif grep -q 'error:' killed.log; then
    fail "after a kill: $(cat killed.log)"
  else
    # The sweep was complete: compare and start another one.
    assert_same_results "${what[2]}" "${what[1]}"
    rm -rf "${what[1]}"
    n_rounds=$((n_rounds + 1))
  fi
done
[ $n_hits -ge "$n_kills" ] || fail "only $n_hits of $i kills came before the end"
"$program" run "$spec" --out killed >killed.log 2>&1 || fail "rerun: $(cat killed.log)"
assert_same_results whole killed
"$program" run m4.json --out killed-m4 >killed.log 2>&1 || fail "rerun of m4: $(cat killed.log)"
assert_same_results whole-m4 killed-m4
echo "$n_hits kills, $((n_rounds + 2)) complete sweeps, all the same bytes"

# A signal ends a run with the finished points kept.
stop_with() {
  local signal=$1 expected=$2
  rm -rf stopped
  "$program" run "$spec" --out stopped >stopped.log 2>&1 &
  local pid=$!
  sleep 0.3
  kill -"$signal" $pid
  wait $pid
  assert_status $? "$expected" "SIG$signal"
  grep -q 'run the same command again to go on' stopped.log || fail "SIG$signal: $(cat stopped.log)"
  [ -z "$(find stopped/points -name '.tmp-*')" ] || fail "SIG$signal left temporary folders"
  [ "$(find stopped/points -name point.json | wc -l)" -eq "$(wc -l <stopped/journal.jsonl)" ] ||
    fail "SIG$signal: the journal and the folders differ"
  "$program" run "$spec" --out stopped >stopped.log 2>&1 || fail "rerun: $(cat stopped.log)"
  assert_same_results whole stopped
}
stop_with TERM 143
stop_with INT 130

# Points side by side are given up together.
rm -rf stopped
"$program" run m4.json --out stopped --points-per-worker 20 >stopped.log 2>&1 &
pid=$!
for ((i = 0; i < 100; i++)); do
  [ -s stopped/journal.jsonl ] && break
  sleep 0.02
done
kill -TERM $pid
wait $pid
assert_status $? 143 "SIGTERM with m4"
[ -z "$(find stopped/points -name '.tmp-*')" ] || fail "SIGTERM with m4 left temporary folders"
"$program" run m4.json --out stopped >stopped.log 2>&1 || fail "rerun: $(cat stopped.log)"
assert_same_results whole-m4 stopped

# The same to rank 0 of an MPI job: it stops the others.
rm -rf stopped
mpirun --oversubscribe -n 3 "$program" run "$spec" --out stopped >stopped.log 2>&1 &
leader=$!
for ((i = 0; i < 100; i++)); do
  [ -s stopped/journal.jsonl ] && break
  sleep 0.02
done
kill -TERM "$(pgrep -P $leader | sort -n | head -1)"
wait $leader
assert_status $? 143 "SIGTERM to rank 0"
grep -q 'run the same command again to go on' stopped.log || fail "rank 0: $(cat stopped.log)"
mpi 2 "$program" run "$spec" --out stopped >stopped.log 2>&1 || fail "rerun: $(cat stopped.log)"
assert_same_results whole stopped

# A second run in a folder at work is refused.
rm -rf busy
"$program" run "$spec" --out busy >busy.log 2>&1 &
pid=$!
kill -STOP $pid
for ((i = 0; i < 100; i++)); do
  kill -CONT $pid
  sleep 0.02
  kill -STOP $pid
  [ -s busy/journal.jsonl ] && break
done
"$program" run "$spec" --out busy >second.log 2>&1
assert_status $? 2 "second run in a folder"
grep -q 'another run is at work in this folder' second.log || fail "$(cat second.log)"
kill -CONT $pid
wait $pid || fail "the first run: $(cat busy.log)"
assert_same_results whole busy
rm -rf "$folder"
echo "signals end runs cleanly"
