#!/usr/bin/env bash
# train.sh PROGRAM FOLDER: a data set is made, a network is trained on it, alone and with two ranks;
# a run that goes on ends with the same bytes as one in one go; the network simulates. FOLDER is
# emptied first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
cat >scenarios.json <<'EOT'
{"name": "scenarios", "simulators": ["packet"],
 "base": {"topology": {"kind": "clos", "size": "training"},
          "traffic": {"kind": "mix", "n_flows": 60, "max_load": 0.6, "sizes": "webserver"},
          "packet": {"profile": "m4"}, "m4": {"algorithm": "event"}, "output": {"trace": "states"}},
 "axes": [{"run.seed": {"range": [1, 40]}}]}
EOT
network() { # NAME ROUNDS [MORE]
  cat >"$1.json" <<EOT
{"name": "$1", "datasets": ["data"], "network": {"hidden": 8, "gnn_hidden": 8, "gnn_layers": 2},
 "training": {"rounds": $2, "windows": 6, "lanes": 4, "window": 4, "validation_sequences": 4, "averaging": 5${3:-}}}
EOT
}

network once 3
refuses no_data 'data/dataset.json: there is no such file; m4sweep dataset makes it' \
  "$program" train once.json --out once
must data "$program" dataset scenarios.json --out data
grep -q '^training ' data.out || problems+=("data: no table of parts")
must once "$program" train once.json --out once
[[ $(wc -l <once/log.csv) -eq 4 ]] || problems+=("once: $(wc -l <once/log.csv) lines of log.csv")
[[ $(grep -c '^[0-9]' once/loss.dat) -eq 3 && -s once/loss.gp ]] || problems+=("once: no figure of losses")
if command -v gnuplot >/dev/null; then
  [[ -s once/loss.png && -s once/loss.pdf ]] || problems+=("once: no picture of losses: $(cat once.err)")
fi
network twice 1
must first "$program" train twice.json --out twice
network twice 3
must second "$program" train twice.json --out twice
cmp -s once/checkpoint.safetensors twice/checkpoint.safetensors || problems+=("going on changes the weights")
# The log's times differ.
cmp -s <(cut -d, -f1-9 once/log.csv) <(cut -d, -f1-9 twice/log.csv) || problems+=("going on changes the log")
network other 3 ', "seed": 2'
must other "$program" train other.json --out other
cmp -s once/checkpoint.safetensors other/checkpoint.safetensors && problems+=("the seed changes nothing")
sed -i 's/"hidden": 8, /"hidden": 12, /' twice.json
refuses sizes 'twice/checkpoint.safetensors: ' "$program" train twice.json --out twice
sed 's|"once"|"../outside"|' once.json >name.json
refuses name 'name: "../outside" is not' "$program" train name.json
network wrong 3 ', "lanse": 3'
refuses unknown_key 'did you mean lanes' "$program" train wrong.json --out wrong
[[ ! -e wrong ]] || problems+=("unknown_key: left wrong")
sed 's/"states"/"events"/' scenarios.json >events.json
refuses no_states 'output.trace: m4.algorithm "event" is trained on "states"' "$program" dataset events.json --out events
[[ ! -e events ]] || problems+=("no_states: left events")
# Data sets of "interval" have no states.
sed 's/"event"/"interval"/; s/"states"/"events"/' scenarios.json >intervals.json
must intervals "$program" dataset intervals.json --out intervals
network interval 1
sed -i 's/"data"/"intervals"/' interval.json
must interval "$program" train interval.json --out interval
must info "$program" model info once/model.safetensors
grep -q 'fluid-2' info.out || problems+=("info: no kind")
must simulate "$program" simulate scenarios.json --simulators m4 --model once/model.safetensors --set run.seed=1
mpirun=$(command -v mpirun)
if [[ -n $mpirun ]]; then
  export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"  # MPI itself leaks
  network ranks 2
  must ranks "$mpirun" --oversubscribe -n 2 "$program" train ranks.json --out ranks
  [[ $(wc -l <ranks/log.csv) -eq 3 ]] || problems+=("ranks: $(wc -l <ranks/log.csv) lines of log.csv")
fi
tell_problems
