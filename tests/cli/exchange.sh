#!/usr/bin/env bash
# exchange.sh PROGRAM FOLDER: points go out as arrays, come back as a sweep, and give the same times;
# mix files become specs that run. FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# --- out and back ---

cat >spec.json <<'END'
{"name": "t", "simulators": ["flowsim", "packet"], "reference": "packet",
 "base": {"topology": {"kind": "clos", "size": "training"}, "traffic": {"kind": "mix", "n_flows": 60}},
 "axes": [{"max_load": [0.3, 0.5]}]}
END
"$program" run spec.json --out run --no-report --model "$root/tests/m4/tiny.safetensors" 2>log ||
  fail "run: $(cat log)"
"$program" export run -o out >shown || fail "export"
[[ $(cat shown) == "2 points written to out" ]] || fail "export tells $(cat shown)"
[[ $(wc -l <out/points.csv) -eq 3 && $(head -1 out/points.csv) == case,max_load ]] || fail "points.csv: $(cat out/points.csv)"
point=$(ls -d out/*/ | head -1)
for name in fat fid fsize fsd fct_flowsim fct_m4 fct_packet ideal_fct param_m4 links flow_to_path; do
  [[ -s $point/$name.npy ]] || fail "no $name.npy"
done
[[ $(wc -l <"$point/records.csv") -eq 61 && $(wc -l <"$point/flow_to_links.txt") -eq 60 ]] || fail "rows"
[[ $(head -1 "$point/flows.txt") -eq 60 ]] || fail "flows.txt"
"$program" import flows "$point" -o back >shown || fail "import flows"
"$program" run back/spec.json --out back/run 2>log >table || fail "run of what was imported: $(cat log)"
grep -q '^error in the slowdown of single flows \[%\] against given-packet$' table || fail "table: $(cat table)"
# The same paths and times, flow by flow.
"$program" export back/run -o again --simulators flowsim >shown || fail "export again"
cmp "$point/fct_flowsim.npy" again/*/fct_flowsim.npy || fail "times of flowsim differ"
cmp "$point/flow_to_links.txt" again/*/flow_to_links.txt || fail "paths differ"
"$program" export back/run -o given --simulators given-packet >shown || fail "export of what was given"
cmp "$point/fct_packet.npy" given/*/fct_given-packet.npy || fail "times that were given differ"
# What cannot be written whole is not there: here no file may have more than 2 KiB.
(trap '' XFSZ && ulimit -f 2 && "$program" import flows "$point" -o half >shown 2>error) && fail "large files"
grep -q 'half/fct_flowsim.txt: cannot be written' error || fail "$(cat error)"
[[ ! -e half ]] || fail "left $(ls half)"
# One point.
case_id=$(basename "$point")
"$program" export "run/points/$case_id" -o one --simulators packet >shown || fail "export of a point"
cmp "$point/fct_packet.npy" one/fct_packet.npy || fail "one point"
[[ ! -e one/fct_flowsim.npy && ! -e one/points.csv ]] || fail "more than one point"
# Results in a folder that is called as that of points.
mkdir points && cp -r run points/run
"$program" export points/run -o elsewhere >shown || fail "export from points/"
cmp out/points.csv elsewhere/points.csv || fail "points of points/run"

# NumPy reads them, where it is installed.
if command -v python3 >/dev/null && python3 -c 'import numpy' 2>/dev/null; then
  python3 - "$point" <<'END' || fail "NumPy"
import sys, numpy as np
load = lambda name: np.load(sys.argv[1] + "/" + name + ".npy")
n = 60
for name in ["fat", "fsize", "fid", "fct_flowsim", "fct_packet", "ideal_fct"]:
    assert load(name).shape == (n,) and load(name).dtype == np.int64, name
assert load("fsd").shape == (n, 2) and load("param_m4").shape == (13,)
links, paths, ends = load("links"), load("flow_to_path"), load("fsd")
for row, (src, dst) in zip(paths, ends):
    path = links[row[row >= 0]]
    assert path[0, 0] == src and path[-1, 1] == dst and (path[1:, 0] == path[:-1, 1]).all()
END
fi

# Flows that wait for others start at other times with each simulator.
cat >closed.json <<'END'
{"name": "c", "simulators": ["flowsim", "packet"],
 "base": {"topology": {"kind": "clos", "size": "training"}, "traffic": {"kind": "mix", "n_flows": 60, "in_flight": 2}}}
END
"$program" run closed.json --out closed --no-report 2>log || fail "closed loop: $(cat log)"
"$program" export closed -o none 2>error && fail "starts that differ"
grep -q 'choose one (--simulators flowsim)' error || fail "$(cat error)"
[[ ! -e none ]] || fail "left something"
"$program" export closed -o some --simulators packet >shown || fail "one simulator of a closed loop"

# --- mixes ---

cat >mixes.json <<'END'
[{"id": 3, "spatial": "s/cluster_b_2_16.json", "size_dist": "d/WebServer.txt", "lognorm_sigma": 1.0,
  "max_load": 0.3, "cluster": "c/2-to-1.json", "duration": 200000},
 {"id": 4, "spatial": "uniform", "size_dist": "hadoop_all", "lognorm_sigma": 2.0,
  "max_load": 0.4, "cluster": "1:1", "duration": 100000}]
END
"$program" import mixes mixes.json -o sweep.json >shown || fail "import mixes"
grep -q 'cluster_b_2_16.json is no file: random racks stand for it' shown || fail "no note: $(cat shown)"
"$program" run sweep.json --simulators flowsim,packet --out mixes 2>log >table || fail "mixes: $(cat log)"
[[ $(grep -c ',ok,' mixes/summary.csv) -eq 4 ]] || fail "summary.csv: $(cat mixes/summary.csv)"
cat >space.json <<'END'
{"spatials": ["cluster_a", "cluster_c"], "size_dists": ["webserver", "hadoop"], "lognorm_sigmas": [1, 2],
 "max_loads": {"low": 0.2, "high": 0.5}, "clusters": ["1-to-1", "4-to-1"], "duration": 100000}
END
"$program" import mixes space.json --points 7 --seed 5 -o space-sweep.json >shown || fail "import a space"
[[ $("$program" plan space-sweep.json --count) -eq 7 ]] || fail "points of a space"
echo "exchange: out and back, one point, closed loops, mixes"
