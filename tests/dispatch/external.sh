#!/bin/bash
# Usage: external.sh PROGRAM FOLDER. A simulator of the user's, whose stand-in is a script, in whole
# runs: results, resuming, other definitions, failures, and nothing left of it after signals and kills.
set -u
program=$1
folder=$2
# shellcheck source=tests/dispatch/common.sh
. "$(dirname "$0")/common.sh"

# The stand-in takes 1000 us times the reduction, tells that it has run, hangs or fails on request,
# and hangs with a grandchild that ignores SIGTERM.
cat >'stand in.sh' <<'END'
#!/bin/sh
# WORKLOAD TOPOLOGY OUT REDUCTION
home=$(dirname "$0")
echo "$4" >>"$home/runs"
if [ -e "$home/hang" ]; then
  (trap '' TERM; sleep 600 & echo $! >"$home/grandchild.tmp"; mv "$home/grandchild.tmp" "$home/grandchild-$4"; wait) &
  wait
fi
[ "$FAIL_AT" = "$4" ] && { echo "no way at $4" >&2; exit 5; }
grep -q "^HYBRID" "$1" && [ "$(head -1 "$2" | wc -w)" -eq 6 ] || exit 6
columns="fwd compute,wg compute,ig compute,fwd exposed comm,wg exposed comm,ig exposed comm,fwd total comm,algbw,busbw,wg total comm,algbw,busbw,ig total comm,algbw,busbw,workload finished at"
layer="layer,test1,10.0,0.0,0.0,$4.5,0.0,0.0,$4.5,1.0,1.0,0.0,-nan,0.0,0.0,-nan,0.0,$4000.25"
mkdir "$3/results"
printf 'a\nb\nlayer_name,test1,%s\n%s\n%s\nSUM,test1\ntotal exposed comm,%s,total comp,20.0,total time,%s\n' \
  "$columns" "$layer" "$layer" "$4" "$4000.25" >"$3/results/ncclFlowModel_EndToEnd.csv"
echo "0b000001 0b000101 10006 100 4096 10 20 15 0" >fct.txt
END
chmod +x 'stand in.sh'
cat >w.txt <<'END'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 16
2
layer -1 10 ALLREDUCE 6553600 1 NONE 0 1 NONE 0 1
layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1
END
# make_spec [MEMBERS]: mine.json, with further members of the definition.
make_spec() {
  cat >mine.json <<END
{"name": "mine", "simulators": ["flowsim", {"name": "stand-in",
  "command": "{spec_folder}/'stand in.sh' {workload} {topology} {out} {topology.reduction}",
  "end_to_end": "*/*_EndToEnd.csv", "fct": "fct.txt"${1:-}}],
 "reference": "stand-in",
 "base": {"topology": {"gpus": 16, "degraded_gpus": 3}, "traffic": {"workload": "w.txt"}},
 "axes": [{"reduction": {"range": [1, 6]}}]}
END
}
n_runs() { if [ -e runs ]; then wc -l <runs; else echo 0; fi; }

# --- results ---

make_spec
"$program" plan mine.json >plan.log || fail "plan"
grep -q '6 points with 2 simulators (flowsim, stand-in)' plan.log || fail "plan: $(cat plan.log)"
[ "$(n_runs)" -eq 0 ] || fail "the plan has run the stand-in"
"$program" run mine.json --out alone >alone.log 2>&1 || fail "alone: $(cat alone.log)"
mpi 2 "$program" run mine.json --out 'two ranks' >two.log 2>&1 || fail "2 ranks: $(cat two.log)"
assert_same_results alone 'two ranks'
[ "$(n_runs)" -eq 12 ] || fail "$(n_runs) runs instead of 12"
[ "$(sort -u runs | tr -d '\n')" = 123456 ] || fail "not every point has been run"
grep -q '^[0-9a-f]*,stand-in,ok,4,4000.250,4.000,4.500,4.500,1,[0-9.]*,4000.250,,$' alone/summary.csv ||
  fail "summary.csv: $(cat alone/summary.csv)"
grep -q '^flowsim,stand-in,total_us,6,' alone/errors.csv || fail "errors.csv: $(cat alone/errors.csv)"
[ "$(find alone/points -name external.log | wc -l)" -eq 6 ] || fail "logs are missing"
[ "$(find alone/points -path '*stand-in/flows.npy' | wc -l)" -eq 6 ] || fail "flows are missing"
"$program" status alone >status.log || fail "status"
grep -q '^stand-in *6 *0 *0 ' status.log || fail "status: $(cat status.log)"
"$program" compare alone 'two ranks' >compare.log || fail "compare"
grep -q 'total_us: 12 compared, 12 equal to the digit' compare.log || fail "compare: $(cat compare.log)"
"$program" gather alone >gather.log || fail "gather"
grep -q 'stand-in' alone/report.html || fail "the page does not name the simulator"
grep -q 'spec_folder}/' alone/manifest.json || fail "the manifest does not keep the definition"
"$program" simulate mine.json --set reduction=3 >simulate.log || fail "simulate"
grep -q '^total time of rank 0 \[ms\] .* 3.000250$' simulate.log || fail "simulate: $(cat simulate.log)"

# --- flows ---

# A mix between hosts of one path each, simulated by packet and by m4sweep packet from files.
cat >hpcc.txt <<'END'
CC_MODE 8
HAS_WIN 1
MIN_RATE 100Mb/s
KMIN_MAP 2 10000000000 30 40000000000 120
KMAX_MAP 2 10000000000 30 40000000000 120
PMAX_MAP 2 10000000000 1.0 40000000000 1.0
END
cat >flows.json <<END
{"name": "flows", "simulators": ["flowsim", {"name": "files",
  "command": "$program packet {spec_folder}/hpcc.txt --flows {flows} --topology {topology} --fct fct.txt"}],
 "reference": "files",
 "base": {"topology": {"kind": "clos", "size": "training", "fabrics_per_pod": 1},
  "traffic": {"kind": "mix", "n_flows": 300}},
 "axes": [{"max_load": [0.3, 0.5]}]}
END
mpi 2 "$program" run flows.json --out flows >flows.log 2>&1 || fail "flows: $(cat flows.log)"
grep -q '^flowsim,files,slowdown_p99,2,' flows/errors.csv || fail "errors of flows: $(cat flows/errors.csv)"
[ "$(wc -l <flows/flow_errors.csv)" -gt 2 ] || fail "flow_errors.csv: $(cat flows/flow_errors.csv)"
"$program" simulate flows.json --set max_load=0.3 >simulate.log || fail "simulate flows"
grep -q '^flows  *300  *300$' simulate.log || fail "simulate: $(cat simulate.log)"

# --- resuming ---

rm runs
"$program" run mine.json --out alone >again.log 2>&1 || fail "again: $(cat again.log)"
[ "$(n_runs)" -eq 0 ] || fail "finished points have been run again"
make_spec ', "time_limit_s": 60'
"$program" run mine.json --out alone >again.log 2>&1 || fail "another limit: $(cat again.log)"
[ "$(n_runs)" -eq 0 ] || fail "a time limit makes results others"
make_spec ', "environment": {"FAIL_AT": "4"}'
mpi 2 "$program" run mine.json --out alone >failed.log 2>&1
assert_status $? 3 "a failing point"
[ "$(n_runs)" -eq 6 ] || fail "$(n_runs) runs of another definition"
grep -q 'the simulator stand-in was defined otherwise in the last run' failed.log || fail "$(cat failed.log)"
"$program" status alone >status.log
grep -q '1 with stand-in: the command ended with exit status 5: no way at 4$' status.log ||
  fail "status: $(cat status.log)"
case_id=$(grep ',stand-in,failed,4,' alone/summary.csv | cut -d, -f1)
[ "$(cat "alone/points/$case_id/stand-in/external.log")" = "no way at 4" ] || fail "no log of a failed point"
[ "$(ls "alone/points/$case_id/stand-in")" = external.log ] || fail "more than a log of a failed point"
# The results of the first definition have been replaced.
make_spec
"$program" gather alone >gather.log 2>&1 || fail "gather: $(cat gather.log)"
"$program" run mine.json --out alone >again.log 2>&1 || fail "back again: $(cat again.log)"
[ "$(n_runs)" -eq 12 ] || fail "$(n_runs) runs after going back"
assert_same_results 'two ranks' alone

# --- the end ---

# True if the grandchildren are there, and gone after at most $1 s.
wait_until_gone() {
  local i pid left
  [ -n "$(find . -maxdepth 1 -name 'grandchild-*')" ] || return 1
  for ((i = 0; i < 20 * $1; i++)); do
    left=
    for pid in $(cat grandchild-*); do
      if [ -e "/proc/$pid" ] && ! grep -q ') Z' "/proc/$pid/stat" 2>/dev/null; then left=$pid; fi
    done
    [ -z "$left" ] && return 0
    sleep 0.05
  done
  return 1
}
# Starts the command in a process group of its own and waits until $1 stand-ins hang.
start_hanging() {
  local n=$1 i
  shift
  rm -rf grandchild-* hung
  touch hang
  setsid "$@" >hung.log 2>&1 &
  leader=$!
  for ((i = 0; i < 400; i++)); do
    [ "$(find . -maxdepth 1 -name 'grandchild-*' | wc -l)" -ge "$n" ] && break
    sleep 0.05
  done
}
finish_hung() {
  rm -f hang
  [ -z "$(find hung/points -name point.json -path '*stand-in*')" ] || fail "$1: results of a hanging stand-in"
  mpi 2 "$program" run mine.json --out hung >hung.log 2>&1 || fail "after $1: $(cat hung.log)"
  assert_same_results 'two ranks' hung
}

for signal in TERM INT; do
  start_hanging 1 "$program" run mine.json --simulators stand-in --out hung
  kill -$signal $leader
  wait $leader
  assert_status $? $([ $signal = TERM ] && echo 143 || echo 130) "SIG$signal"
  wait_until_gone 1 || fail "SIG$signal has left the stand-in running"
  [ -z "$(find hung/points -name '.tmp-*')" ] || fail "SIG$signal has left temporary folders"
done
finish_hung "SIGINT"

start_hanging 1 "$program" run mine.json --simulators stand-in --out hung
kill -KILL $leader
wait_until_gone 6 || fail "SIGKILL has left the stand-in running"
wait $leader 2>/dev/null
finish_hung "SIGKILL"

mpirun_command=(mpirun --oversubscribe -n 2 "$program" run mine.json --simulators stand-in --out hung)
start_hanging 2 "${mpirun_command[@]}"
kill -TERM $leader
wait $leader 2>/dev/null
wait_until_gone 6 || fail "SIGTERM to mpirun has left a stand-in running"
finish_hung "SIGTERM to mpirun"

start_hanging 2 "${mpirun_command[@]}"
kill -KILL $leader
wait_until_gone 10 || fail "SIGKILL to mpirun has left a stand-in running"
wait $leader 2>/dev/null
finish_hung "SIGKILL to mpirun"

# Time limits.
rm -rf grandchild-* hung
touch hang
mpi 2 "$program" run mine.json --simulators stand-in --where 'reduction < 3' --time-limit 0.5 --out hung >hung.log 2>&1
assert_status $? 3 "time limit"
[ "$(grep -c 'time limit of 0.5 s passed' hung/summary.csv)" -eq 2 ] || fail "$(cat hung/summary.csv)"
wait_until_gone 1 || fail "a time limit has left the stand-in running"
rm -rf "$folder"
echo "a simulator of the user's: same results on 1 and 2 ranks, nothing left of it"
