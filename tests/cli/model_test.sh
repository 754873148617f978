#!/usr/bin/env bash
# model_test.sh PROGRAM FOLDER: a network is tested on a small data set; its errors are those that the
# report of a sweep with the same network has; two ranks give the same. FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
scenarios() { # NAME SIMULATORS MORE
  cat >"$1.json" <<EOT
{"name": "$1", "simulators": [$2], $3
 "base": {"topology": {"kind": "clos", "size": "training"},
          "traffic": {"kind": "mix", "n_flows": 60, "max_load": 0.6, "sizes": "webserver"},
          "packet": {"profile": "m4"}, "m4": {"algorithm": "event"},
          "output": {"trace": "states", "flows": true}},
 "axes": [{"packet.cc": ["dctcp", "hpcc"]}, {"max_load": [0.3, 0.5, 0.7], "run.seed": [1, 2, 3]},
          {"n_flows": [60, 80]}]}
EOT
}

scenarios data '"packet"' ''
scenarios sweep '"flowsim", "m4", "packet"' '"reference": "packet",'
must data "$program" dataset data.json --out data
cat >network.json <<'EOT'
{"name": "network", "datasets": ["data"], "network": {"hidden": 8, "gnn_hidden": 8, "gnn_layers": 2},
 "training": {"rounds": 1, "windows": 6, "lanes": 4, "window": 4, "validation_sequences": 4}}
EOT
# Whichever parts the few scenarios fall into: none in the test, the last in the validation.
sed -i 's/"part": "[a-z]*"/"part": "training"/' data/dataset.json
sed -i -z 's/\(.*\)"part": "training"/\1"part": "validation"/' data/dataset.json
must network "$program" train network.json --out network
must sweep "$program" run sweep.json --model network/model.safetensors --out sweep
must test "$program" model test network/model.safetensors data --part all --out test
[[ $(wc -l <test/scenarios.csv) -eq 49 ]] || problems+=("test: $(wc -l <test/scenarios.csv) lines of scenarios.csv")

# The sweep's report has the same numbers of its own runs, points in the same order.
table() { # FILE NAME…
  awk -F, -v names="${*:2}" '
    NR == 1 { n = split(names, name, " "); for (i = 1; i <= NF; i++) column[$i] = i; next }
    $column["simulator"] != "flowsim" && $column["simulator"] != "m4" { next }
    { line = $column["simulator"]; for (i = 1; i <= n; i++) line = line sprintf(" %.3f", $column[name[i]]); print line }
  ' "$1"
}
table test/scenarios.csv mean_abs_percent p50_abs_percent p90_abs_percent mean_signed_percent >ours
table sweep/flow_errors.csv mae_percent median_abs_percent p90_abs_percent mean_signed_percent >theirs
[[ $(wc -l <theirs) -eq 24 ]] || problems+=("sweep: $(wc -l <theirs) rows of flow_errors.csv")
# Both are rounded, to four and to six places.
paste -d ' ' ours theirs | awk '
  $1 != $6 { print "other simulators" }
  { for (i = 2; i <= 5; i++) { d = $i - $(i + 5); if (!(d <= 0.0011 && d >= -0.0011)) print } }' >differences
[[ -s differences ]] && problems+=("errors are not those of the report: $(head -n 3 differences)")
grep -q '^dctcp  *6  ' test.out && grep -q '^hpcc  *6  ' test.out || problems+=("test: no groups: $(cat test.out)")
# The times of packet are those of the data set's journal.
packet=$(sed 's/.*"wall_s":\([0-9.]*\).*/\1/' data/journal.jsonl | awk '{ sum += $1 } END { printf "%.2f", sum }')
grep -q "packet $packet, flowsim" test.out || problems+=("test: packet took $packet s: $(tail -n 1 test.out)")
grep -q '^load 0.50  *4  ' test.out || problems+=("test: no loads: $(cat test.out)")
# Flows of all scenarios alike: the mean is that of the scenarios weighted by their flows.
awk -F, 'FNR == 1 { delete column; for (i = 1; i <= NF; i++) column[$i] = i; next }
  FILENAME ~ /scenarios/ && $column["simulator"] == "m4" { n += $column["flows"]; sum += $column["flows"] * $column["mean_abs_percent"] }
  FILENAME ~ /groups/ && $column["simulator"] == "m4" && $1 == "all" { d = sum / n - $column["mean_abs_percent"]; found = n == 840 && d < 0.001 && d > -0.001 }
  END { exit !found }' test/scenarios.csv test/groups.csv || problems+=("test: the pooled mean is another")
for figure in cdf_flow_error cdf_slowdown; do
  [[ -s test/$figure.gp && -s test/$figure.dat ]] || problems+=("test: no figure $figure")
  if command -v gnuplot >/dev/null; then
    [[ -s test/$figure.png && -s test/$figure.pdf ]] || problems+=("test: no picture $figure")
  fi
done
must points "$program" model test network/model.safetensors data --part training --points 3
grep -q ': 3 scenarios, ' points.out || problems+=("points: $(head -n 1 points.out)")

# The network that is built in, by its name, and told of with and without it.
must built_in "$program" model test built-in data --part all --points 2
grep -q '^built-in: 2 scenarios, ' built_in.out || problems+=("built in: $(head -n 1 built_in.out)")
must info "$program" model info
must info_by_name "$program" model info built-in
cmp -s info.out info_by_name.out || problems+=("model info tells another network of built-in")
grep -q '^sizes  ' info.out || problems+=("model info: $(head -n 1 info.out)")

refuses part 'no scenario is in the part "test"' "$program" model test network/model.safetensors data --out nothing
[[ ! -e nothing ]] || problems+=("part: left nothing")
refuses no_model 'missing.safetensors' "$program" model test missing.safetensors data --part all
refuses no_data 'network/dataset.json: there is no such file' "$program" model test network/model.safetensors network
refuses parts 'did you mean validation' "$program" model test network/model.safetensors data --part valdation
mpirun=$(command -v mpirun)
if [[ -n $mpirun ]]; then
  export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"  # MPI itself leaks
  must ranks "$mpirun" --oversubscribe -n 2 "$program" model test network/model.safetensors data --part all --out ranks
  cmp -s test/groups.csv ranks/groups.csv || problems+=("two ranks give other numbers")
  cmp -s test/cdf_flow_error.dat ranks/cdf_flow_error.dat || problems+=("two ranks give another figure")
fi
tell_problems
