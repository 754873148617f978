#!/usr/bin/env bash
# studies.sh PROGRAM FOLDER: quick versions of the cheap sweeps that ship, as the README runs them:
# all points succeed, and tables, figures and page are there. FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
export ASAN_OPTIONS=detect_leaks=0

launcher=()
command -v mpirun >/dev/null && launcher=(mpirun --quiet --oversubscribe -n 2)

# quick NAME POINTS FIGURE…: runs sweeps/NAME.json --quick and looks at what it left.
quick() {
  local name=$1 n_points=$2 figure
  shift 2
  "${launcher[@]}" "$program" run "$root/sweeps/$name.json" --quick --out "$name" >"$name.log" 2>&1 ||
    fail "$name: $(cat "$name.log")"
  grep -q "^$n_points points\$" "$name.log" || fail "$name: not $n_points points: $(cat "$name.log")"
  grep -q '^error in the slowdown of single flows' "$name.log" || fail "$name: no errors of flows"
  [[ $(grep -c ',ok,' "$name/summary.csv") -eq $((2 * n_points)) ]] || fail "$name: $(cat "$name/summary.csv")"
  for figure in "$@"; do
    [[ -s $name/figures/$figure.gp && -s $name/figures/$figure.dat ]] || fail "$name: no figure $figure"
    if command -v gnuplot >/dev/null; then
      [[ -s $name/figures/$figure.png && -s $name/figures/$figure.pdf ]] || fail "$name: no picture $figure"
    fi
  done
}

quick phases 12 makespan_by_axis makespan_by_name throughput_by_axis makespan_error_map cdf_flow_error
grep -q '^error in makespan \[%\] against packet' phases.log || fail "phases: $(cat phases.log)"
quick oversubscription 5 p99_slowdown_by_axis p99_slowdown_by_axis_2 p99_error_by_axis cdf_slowdown
# A point of the others.
"$program" simulate "$root/sweeps/application.json" --set in_flight=4 --set sizes=webserver \
  --set n_flows=500 >shown || fail "application"
grep -q '^makespan \[ms\]' shown || fail "application: $(cat shown)"
"$program" simulate "$root/sweeps/large-scale.json" --simulators flowsim --set n_flows=20000 \
  --set oversubscription=4 --set host_load=0.27 >shown || fail "large-scale"
grep -q '^expected load of the most loaded link  *0.778' shown || fail "large-scale: $(cat shown)"
"$program" simulate "$root/sweeps/congestion-control.json" --set packet.cc=timely --set max_load=0.2 \
  --set lognorm_sigma=1 --set n_flows=200 >shown || fail "congestion-control"
echo "quick sweeps run"
