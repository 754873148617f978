#!/usr/bin/env bash
# bad_input.sh PROGRAM FOLDER: what a user can get wrong. Every case must end with exit status 2,
# one line on stderr that names the file or option and the bad value, nothing on stdout, and no new
# file. FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
tiny=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/m4/tiny.safetensors
checkpoints=$(cd "$(dirname "${BASH_SOURCE[0]}")/../m4/checkpoints" && pwd)
rm -rf "$work"
mkdir -p "$work/in"
cd "$work" || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
n_cases=0
n_failed=0

list_files() {
  find . \( -path ./stdout -o -path ./stderr \) -prune -o -printf '%p %s\n' | sort
}

# refused FRAGMENT… -- ARGUMENT…: runs the program; the fragments must stand in its error line.
refused() {
  local fragments=() problems=() before after status fragment
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  shift
  before=$(list_files)
  status=0
  timeout 20 "$program" "$@" >stdout 2>stderr </dev/null || status=$?
  after=$(list_files)
  [[ $status -eq 2 ]] || problems+=("exit status $status")
  [[ $(wc -l <stderr) -eq 1 ]] || problems+=("$(wc -l <stderr) lines on stderr")
  [[ ! -s stdout ]] || problems+=("output on stdout")
  [[ $before == "$after" ]] || problems+=("wrote files")
  for fragment in "${fragments[@]}"; do
    grep -qF -- "$fragment" stderr || problems+=("no \"$fragment\" in the error")
  done
  n_cases=$((n_cases + 1))
  if [[ ${#problems[@]} -gt 0 ]]; then
    n_failed=$((n_failed + 1))
    printf 'FAILED: m4sweep %s\n' "$*"
    printf '  %s\n' "${problems[@]}"
    head -c 2000 stderr | sed 's/^/  stderr: /' | head -5
    list_files | comm -13 <(printf '%s\n' "$before") - | sed 's/^/  new: /' | head -5
  fi
}

# bad_spec FRAGMENT… -- JSON: the spec is refused by run and by plan.
bad_spec() {
  local fragments=()
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  printf '%s' "$2" >in/spec.json
  refused in/spec.json "${fragments[@]}" -- run in/spec.json --out out
  refused in/spec.json "${fragments[@]}" -- plan in/spec.json
}

# spec KEY JSON: a good spec with one key replaced or added; without JSON: the key removed.
spec() {
  local -A parts=(
    [name]='"t"' [simulators]='["flowsim"]'
    [base]='{"traffic": {"workload": "workload.txt"}}' [axes]='[{"reduction": [1, 2]}]'
  )
  local key text=
  if [[ $# -eq 1 ]]; then unset "parts[$1]"; else parts[$1]=$2; fi
  for key in "${!parts[@]}"; do
    text+="${text:+, }\"$key\": ${parts[$key]}"
  done
  printf '{%s}' "$text"
}

cat >in/workload.txt <<'END'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 16 ep: 1 pp: 1 vpp: 1 ga: 1 all_gpus: 32 checkpoints: 0 checkpoint_initiates: 0
1
layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1
END
cat >in/topology.txt <<'END'
4 2 1 1 4 A100
2 3
0 2 2400Gbps 0.000025ms 0
1 2 2400Gbps 0.000025ms 0
0 3 400Gbps 0.0005ms 0
1 3 400Gbps 0.0005ms 0
END
cat >in/small.txt <<'END'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 all_gpus: 2
1
layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1
END

# The good ones pass, or all refusals mean nothing.
spec name '"t"' >in/spec.json
for good in "plan in/spec.json" "topology info in/topology.txt" "flows in/small.txt in/topology.txt --out dag" \
  "bench flowsim --workload in/small.txt --flows 100" "run in/spec.json --out good --no-report" \
  "run in/spec.json --out good-m4 --no-report --model $tiny"; do
  # shellcheck disable=SC2086  # several words
  if ! timeout 60 "$program" $good >stdout 2>stderr </dev/null; then
    echo "FAILED: m4sweep $good"
    cat stderr
    exit 1
  fi
done

if ! "$program" topology --help >stdout 2>stderr </dev/null || [[ $(grep -c '^  topology ' stdout) -ne 4 ]]; then
  echo "FAILED: m4sweep topology --help: $(cat stdout stderr)"
  exit 1
fi

# --- command line ---
refused '"rum"' 'run' -- rum in/spec.json
refused '"topology inf"' 'topology info' -- topology inf in/topology.txt
refused '"topology"' 'gray-failure, cluster, clos, info' -- topology
refused '"bench"' 'flowsim' -- bench
refused '"model"' 'import, info' -- model
refused '"model inf"' 'model info' -- model inf in/spec.json
refused 'DIR|FILE' -- model import -o m.safetensors
refused 'needs --out FILE' -- model import in
refused '--workload: ' -- bench flowsim
refused '--time-limit: -1 is outside 0 to 1000000000 (' -- run in/spec.json --time-limit -1
refused '""' -- ''
refused '--uot' 'mean --out?' -- run in/spec.json --uot out
refused '-x' -- run -x out in/spec.json
refused '-o' -- model info -o out in/spec.json
refused '--out' 'value' -- run in/spec.json -o
refused '--out' 'value' -- run in/spec.json --out
refused 'usage' 'SPEC' -- run
refused 'usage' 'SPEC' -- run in/spec.json in/spec.json
refused '--out' -- run in/spec.json --out ''
refused '--time-limit' 'soon' -- run in/spec.json --time-limit soon
refused '--time-limit' 'nan' -- run in/spec.json --time-limit nan
refused '--time-limit' '-1' -- run in/spec.json --time-limit -1
refused '--time-limit' '1e999' -- run in/spec.json --time-limit 1e999
refused '--fresh' 'maybe' -- run in/spec.json --fresh=maybe
refused '--master-works' 'perhaps' -- run in/spec.json --out out --master-works perhaps
refused '--points-per-worker' '-1' '0 to 256' -- run in/spec.json --points-per-worker -1
refused '--points-per-worker' '257' 'nearest' -- run in/spec.json --points-per-worker 257
refused '--points-per-worker' 'many' -- run in/spec.json --points-per-worker many
refused '--device' '"gpu"' 'auto, cpu and cuda:N' -- run in/spec.json --out out --device gpu
refused '--device' 'cuda:999' -- run in/spec.json --out out --device cuda:999
refused '--gpu-products' '"bf16"' 'tf32' -- run in/spec.json --out out --gpu-products bf16
refused '--simulators' '"flowsin"' 'flowsim' -- run in/spec.json --out out --simulators flowsin
refused '--simulators' 'twice' -- run in/spec.json --out out --simulators flowsim,flowsim
refused '--simulators' -- run in/spec.json --out out --simulators ''
refused '--simulators' -- run in/spec.json --out out --simulators ,
refused '--simulators' '""' -- run in/spec.json --out out --simulators flowsim,
refused '--out' 'UTF-8' -- run in/spec.json --out $'\xff'
refused '--set' 'UTF-8' -- run in/spec.json --out out --set $'workload=\xff'
mkdir $'in/\xff' && cp in/spec.json in/workload.txt $'in/\xff'
refused 'UTF-8' -- run $'in/\xff/spec.json' --out out
refused '--set' 'reduction' -- run in/spec.json --out out --set reduction
refused '--set' '"redaction"' 'reduction' -- run in/spec.json --out out --set redaction=1
refused '--set' '7' 'nearest' -- run in/spec.json --out out --set reduction=7
refused '--set' 'two' -- run in/spec.json --out out --set gpus=two
refused 'topology.file: has no effect' -- run in/spec.json --out out --set file=in/topology.txt
refused '--set workload: ' 'in/none.txt' -- run in/spec.json --out out --set workload=in/none.txt
refused '--set' '1e30' -- run in/spec.json --out out --set gpus=1e30
refused '--set' 'twice' -- run in/spec.json --out out --set gpus=32 --set gpus=32
refused '--where' 'gpuss' 'gpus' -- run in/spec.json --out out --where 'gpuss > 1'
refused '--where' -- run in/spec.json --out out --where 'gpus >'
refused '--where' -- run in/spec.json --out out --where ''
refused '--where' -- run in/spec.json --out out --where 'gpus'
refused '--where' 'zero' -- run in/spec.json --out out --where 'gpus / 0 > 1'
refused in/spec.json 'none of the 2 points' -- run in/spec.json --out out --where 'reduction > 5'
refused '--resume' '--fresh' -- run in/spec.json --out out --resume --fresh
refused in/spec.json '2 points are left' '--set reduction=' -- simulate in/spec.json
refused '--set reduction' '7' 'nearest' -- simulate in/spec.json --set reduction=7
refused 'SPEC' -- simulate
refused 'none of the 2 values' -- simulate in/spec.json --set reduction=3 --out out
published=(--set m4.algorithm=interval --set m4.mode=published)
refused 'm4.mode: "published"' 'the network that is built in' -- simulate in/spec.json --set reduction=2 --simulators m4 --out out "${published[@]}"
refused '"flowsin"' -- simulate in/spec.json --set reduction=2 --simulators flowsin --out out
refused /proc/out -- simulate in/spec.json --set reduction=2 --out /proc/out
refused in/topology.txt -- simulate in/spec.json --set reduction=2 --out in/topology.txt/out
# Weights of m4: missing, unreadable, named twice, without effect.
printf 'no weights' >in/text.safetensors
refused in/spec.json 'the network that is built in' -- run in/spec.json --out out --simulators m4 "${published[@]}"
refused in/spec.json 'the network that is built in' -- plan in/spec.json --count --simulators flowsim,m4 "${published[@]}"
refused '--model' 'in/none' 'No such file' -- run in/spec.json --out out --model in/none
refused '--model' 'in: ' 'folder' -- run in/spec.json --out out --model in
refused '--model' -- run in/spec.json --out out --model ''
refused 'error: m4.model: ' 'in/text.safetensors' -- run in/spec.json --out out --model in/text.safetensors
refused 'error: m4.model: ' 'in/text.safetensors' -- plan in/spec.json --model in/text.safetensors
refused '--model' 'twice' -- run in/spec.json --out out --model "$tiny" --set "m4.model=$tiny"
refused '--model is given twice' -- run in/spec.json --out out --model "$tiny" --model "$tiny"
refused '--out is given twice' -- run in/spec.json --out out -o out
refused '"m4.bfzs"' 'm4.bfsz' -- run in/spec.json --out out --model "$tiny" --set m4.bfzs=3
refused '--set m4.cc' '"bbr"' -- run in/spec.json --out out --model "$tiny" --set m4.cc=bbr
refused in/spec.json 'm4.mode' '"published"' -- \
  run in/spec.json --out out --model "$tiny" --set m4.mode=published --set algorithm=event
refused '"mode"' 'flowsim.mode or m4.mode' -- run in/spec.json --out out --set mode=exact
refused '--degraded' '33' -- topology gray-failure --degraded 33
refused '--degraded' 'x' -- topology gray-failure --degraded x
refused '--reduction' '0' -- topology gray-failure --degraded 2 --reduction 0
refused '--gpus' -- topology cluster made.txt --gpus 0
refused 'FILE' -- topology cluster
refused '--racks' '9' -- bench flowsim --racks 9
refused '--workload: ' 'in/none.txt' -- bench packet --workload in/none.txt
refused '--flows' '0' 'nearest' -- bench packet --flows 0
refused '--degraded-gpus' '33' 'nearest' -- bench packet --degraded-gpus 33
refused '--batch-rows' '1' 'nearest' -- bench m4 --batch-rows 4,1
refused '--batch-rows' '""' -- bench m4 --batch-rows 4,,5
refused '--batch-rows' 'empty' -- bench m4 --batch-rows ''
refused '--batch-rows' '32 items' -- bench m4 --batch-rows "$(seq -s, 2 34)"
refused '--points' '"10"' '2x4' -- bench m4 --points 2x4,10
refused '--points' 'random weights (--model)' -- bench m4 --model random --points 2x4
refused '--workload' 'random weights (--model)' -- bench m4 --model random --workload in/small.txt
refused '--workload' 'in/none.txt' -- bench m4 --workload in/none.txt
refused '--points' '33' 'nearest' -- bench m4 --points 33x4
refused '--points' 'R' '""' -- bench m4 --points 2x
refused '--seconds' '0' 'nearest' -- bench m4 --seconds 0
refused '--model: ' 'in/none.safetensors' -- bench m4 --model in/none.safetensors
refused '"nonsense"' -- compare good good --metric nonsense

# --- in a job, where every task but the first is mute in "run" only ---
export SLURM_PROCID=1
refused nowhere -- gather nowhere
refused none.txt -- topology info in/none.txt
unset SLURM_PROCID

# --- files that cannot be read or written ---
refused in/none.json 'No such file' -- run in/none.json
refused in 'folder' -- run in
refused in/none.txt 'No such file' -- topology info in/none.txt
refused in 'folder' -- topology info in
refused in/none.safetensors 'No such file' -- model info in/none.safetensors
refused in 'folder' -- model info in
refused in/none.txt -- flows in/none.txt in/topology.txt
refused in 'folder' -- flows in in/topology.txt
refused in/none.txt -- flows in/small.txt in/none.txt
refused nowhere -- gather nowhere
refused nowhere -- status nowhere
refused nowhere -- compare nowhere good
refused in/spec.json -- gather in/spec.json
refused in 'manifest.json' -- gather in
refused in/topology.txt -- run in/spec.json --out in/topology.txt
refused in/topology.txt/below -- run in/spec.json --out in/topology.txt/below
refused /proc/out -- run in/spec.json --out /proc/out
refused /proc/out -- topology cluster /proc/out
refused in/topology.txt/g -- topology gray-failure --all --out in/topology.txt/g
refused in/topology.txt/x -- topology gray-failure --degraded 2 --out in/topology.txt/x
refused in/topology.txt/x -- flows in/small.txt in/topology.txt --out in/topology.txt/x
refused in/topology.txt/x.csv -- compare good good --csv in/topology.txt/x.csv
printf 'a\0b' >in/zero.json
refused in/zero.json 'zero byte' -- run in/zero.json
refused in/zero.json 'zero byte' -- topology info in/zero.json
# A folder with other results in it is not written to.
mkdir other && echo '{}' >other/manifest.json
refused other/manifest.json -- run in/spec.json --out other
refused other/manifest.json -- run in/spec.json --out other --fresh
mkdir mine && echo note >mine/notes.txt
refused mine -- run in/spec.json --out mine --fresh

# --- specs: text ---
bad_spec ':1:' -- ''
bad_spec ':1:' -- '{'
bad_spec '1' -- '[]'
bad_spec ':1:' -- '{"name": "t",}'
bad_spec ':1:' -- "$(spec name '"t"' | head -c 60)"
bad_spec ':2:' -- $'{"name": "t",\r\n"simulators" ["flowsim"]}\r\n'
bad_spec ':1:' -- "$(spec base '{"run": {"time_limit_s": NaN}}')"
bad_spec ':1:' -- "$(spec base '{"run": {"time_limit_s": 1e999}}')"
bad_spec ':1:' -- "$(spec base '{"topology": {"gpus": 99999999999999999999}}')"
bad_spec ':1:' 'duplicate' '"name"' -- '{"name": "t", "name": "u", "simulators": ["flowsim"]}'
bad_spec ':1:' 'duplicate' '"gpus"' -- "$(spec base '{"topology": {"gpus": 8, "gpus": 16}}')"
bad_spec ':1:' -- $'{"name": "\xff"}'

# --- specs: keys and values ---
bad_spec '"simulator"' 'simulators' -- "$(spec simulator '["flowsim"]')"
bad_spec 'unknown section "gpus" (it belongs to "topology")' -- "$(spec base '{"gpus": 64}')"
bad_spec 'nic_gbps' '"400Gbps"' 'without quotes and unit' -- "$(spec base '{"topology": {"nic_gbps": "400Gbps"}}')"
bad_spec 'base' '"topolgy"' 'topology' -- "$(spec base '{"topolgy": {}}')"
bad_spec 'base.topology' '"gpu"' 'gpus' -- "$(spec base '{"topology": {"gpu": 8}}')"
bad_spec 'axes[0]' '"reductoin"' 'reduction' -- "$(spec axes '[{"reductoin": [1]}]')"
bad_spec 'line' -- "$(spec $'li\nne' 1)"
bad_spec 'name' 'missing' -- "$(spec name)"
bad_spec 'name' -- "$(spec name '""')"
bad_spec 'name' '../up' -- "$(spec name '"../up"')"
bad_spec 'name' '7' -- "$(spec name 7)"
bad_spec 'title' 'control' -- "$(spec title '"a\nb"')"
bad_spec 'simulators' 'missing' -- "$(spec simulators)"
bad_spec 'simulators' '[]' -- "$(spec simulators '[]')"
bad_spec 'simulators[0]' '"ns3"' 'flowsim' -- "$(spec simulators '["ns3"]')"
bad_spec 'simulators[1]' 'twice' -- "$(spec simulators '["flowsim", "flowsim"]')"
bad_spec 'simulators[0]' '3' -- "$(spec simulators '[3]')"
bad_spec 'simulators' '"flowsim"' -- "$(spec simulators '"flowsim"')"
bad_spec 'base' '[]' -- "$(spec base '[]')"
bad_spec 'base.topology' '7' -- "$(spec base '{"topology": 7}')"
bad_spec 'base.topology.gpus' '"8"' -- "$(spec base '{"topology": {"gpus": "8"}}')"
bad_spec 'base.topology.gpus' '8.5' -- "$(spec base '{"topology": {"gpus": 8.5}}')"
bad_spec 'base.topology.gpus' '-8' -- "$(spec base '{"topology": {"gpus": -8}}')"
bad_spec 'base.topology.nic_gbps' '0' -- "$(spec base '{"topology": {"nic_gbps": 0}}')"
bad_spec 'base.topology.gpus' '9223372036854775807' -- "$(spec base '{"topology": {"gpus": 9223372036854775807}}')"
bad_spec 'base.topology.kind' '"close"' 'clos' -- "$(spec base '{"topology": {"kind": "close"}}')"
bad_spec 'base.flowsim.mode' '"exakt"' 'exact' -- "$(spec base '{"flowsim": {"mode": "exakt"}}')"
bad_spec 'base.m4' '"algoritm"' 'algorithm' -- "$(spec base '{"m4": {"algoritm": "event"}}')"
bad_spec 'base.m4.model' '3' -- "$(spec base '{"m4": {"model": 3}}')"
bad_spec 'axes[0].model' 'none.safetensors' -- "$(spec axes '[{"model": ["none.safetensors"]}]')"
bad_spec 'base.output.flows' '1' -- "$(spec base '{"output": {"flows": 1}}')"
bad_spec 'base.run.time_limit_s' '-1' -- "$(spec base '{"run": {"time_limit_s": -1}}')"
bad_spec 'workload' -- "$(spec base '{}')"
bad_spec 'base.traffic.workload' 'none.txt' 'No such file' -- "$(spec base '{"traffic": {"workload": "none.txt"}}')"
bad_spec 'base.traffic.workload' 'folder' -- "$(spec base '{"traffic": {"workload": "."}}')"
bad_spec 'base.traffic.workload' '3' -- "$(spec base '{"traffic": {"workload": 3}}')"
bad_spec 'spec.json' 'kind' -- "$(spec base '{"topology": {"kind": "file"}, "traffic": {"workload": "workload.txt"}}')"
bad_spec 'spec.json: topology.file: has no effect' 'set topology.kind to "file"' -- \
  "$(spec base '{"topology": {"file": "topology.txt"}, "traffic": {"workload": "workload.txt"}}')"
bad_spec 'topology.reduction: has no effect with topology.kind "file"' -- \
  "$(spec base '{"topology": {"kind": "file", "file": "topology.txt"}, "traffic": {"workload": "small.txt"}}')"
bad_spec 'gpus' -- "$(spec base '{"topology": {"gpus": 12}, "traffic": {"workload": "workload.txt"}}')"
bad_spec 'degraded' -- "$(spec base '{"topology": {"degraded_gpus": 33}, "traffic": {"workload": "workload.txt"}}')"
bad_spec 'all_gpus' '32' '16' -- "$(spec base '{"topology": {"gpus": 16}, "traffic": {"workload": "workload.txt"}}')"

# --- specs: axes ---
bad_spec 'axes' '[]' -- "$(spec axes '[]')"
bad_spec 'axes' '{}' -- "$(spec axes '{}')"
bad_spec 'axes[0]' '{}' -- "$(spec axes '[{}]')"
bad_spec 'axes[0]' '3' -- "$(spec axes '[3]')"
bad_spec 'axes[0].reduction' '[]' -- "$(spec axes '[{"reduction": []}]')"
bad_spec 'axes[0].reduction' '4' -- "$(spec axes '[{"reduction": 4}]')"
bad_spec 'axes[0].reduction[1]' '0' -- "$(spec axes '[{"reduction": [1, 0]}]')"
bad_spec 'axes[0].reduction[1]' '"2"' -- "$(spec axes '[{"reduction": [1, "2"]}]')"
bad_spec 'axes[0].reduction' 'twice' -- "$(spec axes '[{"reduction": [1, 2, 1]}]')"
bad_spec 'axes[1].topology.reduction' 'axes[0].reduction' -- "$(spec axes '[{"reduction": [1]}, {"topology.reduction": [1]}]')"
bad_spec 'axes[0].degraded_gpus' '3' '2' -- "$(spec axes '[{"reduction": [1, 2], "degraded_gpus": [1, 2, 3]}]')"
bad_spec 'axes[0].reduction.range' -- "$(spec axes '[{"reduction": {"range": [4, 1]}}]')"
bad_spec 'axes[0].reduction.range' '0' -- "$(spec axes '[{"reduction": {"range": [1, 4, 0]}}]')"
bad_spec 'axes[0].reduction.range' -- "$(spec axes '[{"reduction": {"range": [1]}}]')"
bad_spec 'axes[0].reduction.range[1]' 'null' -- "$(spec axes '[{"reduction": {"range": [1, null]}}]')"
bad_spec 'axes[0].reduction' '"rnage"' 'range' -- "$(spec axes '[{"reduction": {"rnage": [1, 4]}}]')"
bad_spec 'axes[0].reduction' -- "$(spec axes '[{"reduction": {"range": [1, 4], "linspace": [1, 4, 2]}}]')"

# Mixes and lists of flows.
mix() { spec base "{\"topology\": {\"kind\": \"clos\"}, \"traffic\": {\"kind\": \"mix\"$1}}" | sed 's/"reduction": \[1, 2\]/"seed": [1, 2]/'; }
flow_list() {
  printf '%b' "$1" >in/flows.csv
  spec base '{"topology": {"kind": "clos"}, "traffic": {"kind": "flows", "flow_list": "flows.csv"}}' |
    sed 's/"reduction": \[1, 2\]/"seed": [1, 2]/'
}
bad_spec 'base.traffic.kind' '"mixx"' 'mix' -- "$(spec base '{"traffic": {"kind": "mixx"}}')"
bad_spec 'traffic.max_load: has no effect' 'set traffic.kind to "mix"' -- "$(spec base '{"traffic": {"workload": "small.txt", "max_load": 0.5}}')"
bad_spec 'max_load: 1.5 is 1 or above' 'nearest valid: 0.99' -- "$(mix ', "max_load": 1.5')"
bad_spec 'host_load: 0.9 is a load of 8.23 of the most loaded link (tier1-host)' 'nearest valid: 0.108' -- "$(mix ', "host_load": 0.9, "spatial": "incast"')"
bad_spec 'base.traffic.host_load: -1 is outside 0 to 100 (nearest valid: 0)' -- "$(mix ', "host_load": -1')"
bad_spec 'traffic.in_flight_of: has no effect without traffic.in_flight' -- "$(mix ', "in_flight_of": "host"')"
bad_spec 'traffic.max_load: has no effect with traffic.host_load' -- "$(mix ', "host_load": 0.1, "max_load": 0.4')"
bad_spec 'base.traffic.max_load: 0 is outside 1e-06 to 100 (nearest valid: 1e-06)' -- "$(mix ', "max_load": 0')"
bad_spec 'traffic.sizes_file: has no effect with traffic.sizes "websearch"' 'set traffic.sizes to "file"' -- "$(mix ', "sizes_file": "small.txt"')"
bad_spec 'base.traffic.sizes' '"hadop"' 'hadoop' -- "$(mix ', "sizes": "hadop"')"
bad_spec 'base.traffic.n_flows' '-3' -- "$(mix ', "n_flows": -3')"
bad_spec 'base.traffic.matrix_file' 'none.json' 'No such file' -- "$(mix ', "spatial": "matrix", "matrix_file": "none.json"')"
bad_spec 'traffic.workload: has no effect' -- "$(mix ', "workload": "small.txt"')"
bad_spec 'axes[0].traffic.kind' 'one kind of traffic' -- "$(spec axes '[{"traffic.kind": ["mix", "workload"]}]')"
bad_spec 'flows.csv:1' '"dst"' -- "$(flow_list 'src,size_bytes,start_ns\n0,1,2\n')"
bad_spec 'flows.csv:2' 'dst 256' '255' -- "$(flow_list 'src,dst,size_bytes,start_ns\n0,256,1,2\n')"
bad_spec 'flows.csv:3' 'start_ns 1' -- "$(flow_list 'src,dst,size_bytes,start_ns\n0,1,1,2\n0,1,1,1\n')"
bad_spec 'flows.csv' 'no header' -- "$(flow_list '')"
phases() { mix "$1" | sed 's/"kind": "mix"/"kind": "phases"/'; }
bad_spec 'base.traffic.pattern' '"rotate"' 'rotation' -- "$(phases ', "pattern": "rotate"')"
bad_spec 'base.traffic.phases' '-1' -- "$(phases ', "phases": -1')"
bad_spec 'base.traffic.flow_bytes' '0' -- "$(phases ', "flow_bytes": 0')"
bad_spec 'participants: 257 of 256 hosts' 'nearest valid: 256' -- "$(phases ', "participants": 257')"
bad_spec 'incast_senders: 4' 'nearest valid: 3' -- "$(phases ', "pattern": "incast", "participants": 4, "incast_senders": 4')"
bad_spec '1000000 phases of 65280 flows' -- "$(phases ', "phases": 1000000')"
bad_spec 'traffic.in_flight: has no effect' -- "$(phases ', "in_flight": 2')"
bad_spec 'quick' '"max_lod"' 'max_load' -- "$(spec quick '"max_lod < 1"')"
spec name '"t"' >in/spec.json
refused in/spec.json '--quick' -- run in/spec.json --out out --quick

bad_spec 'axes[0].sample.points' 'missing' -- "$(spec axes '[{"sample": {"reduction": [1, 2]}}]')"
bad_spec 'axes[0].sample.points: 3' 'the 2' -- "$(spec axes '[{"sample": {"points": 3, "reduction": [1, 2]}}]')"
bad_spec 'axes[0].sample.points: 0' '1' -- "$(spec axes '[{"sample": {"points": 0, "reduction": [1, 2]}}]')"
bad_spec 'axes[0].sample.seed' '1.5' -- "$(spec axes '[{"sample": {"points": 1, "seed": 1.5, "reduction": [1, 2]}}]')"
bad_spec 'axes[0].sample.reduction' '"unifrom"' 'uniform' -- "$(spec axes '[{"sample": {"points": 1, "reduction": {"unifrom": [1, 2]}}}]')"
bad_spec 'axes[0].sample.reduction.uniform' '[2,1]' -- "$(spec axes '[{"sample": {"points": 1, "reduction": {"uniform": [2, 1]}}}]')"
bad_spec 'axes[0].sample.workload[0]' 'none.txt' -- "$(spec axes '[{"sample": {"points": 1, "workload": ["none.txt"]}}]')"
bad_spec 'axes[0].reduction.linspace' '1000001' -- "$(spec axes '[{"reduction": {"linspace": [1, 1000000.6, 3]}}]')"
bad_spec 'axes[0].reduction.linspace' '0' -- "$(spec axes '[{"reduction": {"linspace": [1, 2, 0]}}]')"
bad_spec 'axes[0].reduction.logspace' '0' -- "$(spec axes '[{"reduction": {"logspace": [0, 2, 2]}}]')"
bad_spec 'axes[0].seed.range' -- "$(spec axes '[{"seed": {"range": [-9223372036854775808, 9223372036854775807]}}]')"
bad_spec 'axes[0].topology.kind' -- "$(spec axes '[{"topology.kind": {"range": [1, 2]}}]')"
bad_spec 'axes[0].time_limit_s' -- "$(spec axes '[{"time_limit_s": [1, 2]}]')"
bad_spec 'axes[0].workload' 'none.txt' -- "$(spec axes '[{"workload": ["workload.txt", "none.txt"]}]')"
bad_spec '10000000' '--yes' -- "$(spec axes '[{"seed": {"range": [1, 1000000]}}, {"cores": {"range": [1, 10]}}]')"
bad_spec '16000000000000' -- "$(spec axes '[{"seed": {"range": [1, 4000000000]}}, {"send_latency_ns": {"range": [1, 4000]}}]')"
seeds=$(spec axes '[{"seed": {"range": [0, 9007199254740991]}}]')
bad_spec '9007199254740992 points' -- "$seeds"
spec axes '[{"seed": {"range": [0, 9007199254740991, 4]}}]' >in/seeds.json
refused '--set seed' 'none of the 2251799813685248 values' 'nearest: 4' -- plan in/seeds.json --set seed=5
bad_spec 'where' 'reducton' 'reduction' -- "$(spec where '"reducton > 1"')"
bad_spec 'where' '7' -- "$(spec where '7')"
bad_spec 'where' 'none of the 2 points' -- "$(spec where '"reduction > 9"')"

# --- simulators of the user's ---
own() { spec simulators "[{\"name\": \"mine\", \"command\": \"true\"$1}]"; }
bad_spec 'simulators[0]' 'unknown key "comand"' 'did you mean command' -- "$(own ', "comand": "x"')"
bad_spec 'simulators[0]' 'name is missing' -- "$(spec simulators '[{"command": "true"}]')"
bad_spec 'simulators[0]' 'command is missing' -- "$(spec simulators '[{"name": "mine"}]')"
bad_spec 'simulators[0].name' '"m4" is a built-in simulator' -- "$(spec simulators '[{"name": "m4", "command": "x"}]')"
bad_spec 'simulators[0].name' '"../x"' 'letters' -- "$(spec simulators '[{"name": "../x", "command": "x"}]')"
bad_spec 'simulators[1]' '"mine" stands twice' -- \
  "$(spec simulators '[{"name": "mine", "command": "x"}, {"name": "mine", "command": "y"}]')"
bad_spec 'simulators[0].command' '{workloat}' 'did you mean workload' -- \
  "$(spec simulators '[{"name": "mine", "command": "x {workloat}"}]')"
bad_spec 'simulators[0].command' '{topology.gpu}' 'did you mean topology.gpus' -- \
  "$(spec simulators '[{"name": "mine", "command": "x {topology.gpu}"}]')"
bad_spec 'simulators[0].command' '{out}' 'within "' -- \
  "$(spec simulators '[{"name": "mine", "command": "x \"{out}\""}]')"
bad_spec 'mine: {flows}' '"workload"' -- "$(spec simulators '[{"name": "mine", "command": "x {flows}"}]')"
bad_spec 'simulators[0].flow_ids' '1' -- "$(spec simulators '[{"name": "mine", "command": "x", "flow_ids": 1}]')"
bad_spec 'simulators[0].command' 'byte 3' '{{' -- "$(spec simulators '[{"name": "mine", "command": "x {out"}]')"
bad_spec 'simulators[0].time_limit_s' '-1' 'nearest valid: 0' -- "$(own ', "time_limit_s": -1')"
bad_spec 'simulators[0].end_to_end' '"../x.csv"' -- "$(own ', "end_to_end": "../x.csv"')"
bad_spec 'simulators[0].environment' '"1A"' -- "$(own ', "environment": {"1A": "x"}')"
bad_spec 'simulators[0].environment.A' '[1]' 'string' -- "$(own ', "environment": {"A": [1]}')"
bad_spec 'mine' 'a closed loop' -- "$(own '' | sed 's/"traffic": {[^}]*}/"traffic": {"kind": "mix", "in_flight": 2}/')"
bad_spec 'reference' '"min"' 'did you mean mine' -- "$(own '' | sed 's/}$/, "reference": "min"}/')"

# --- references ---
printf 'reduction,simulator,total_us\n1,ns3,5\n2,ns3,x\n' >in/reference.csv
mkdir -p in/published/n_2_r_4_ns3
table='"table": "reference.csv", "simulator": "ns3"'
bad_reference() {
  printf '%s' "${*: -1}" >in/spec.json
  refused in/spec.json "${@:1:$#-1}" -- run in/spec.json --out out
  refused in/spec.json "${@:1:$#-1}" -- plan in/spec.json --count
}
bad_reference 'reference' '"tabel"' 'table' "$(spec reference '{"tabel": "reference.csv"}')"
bad_reference 'reference' '7' "$(spec reference 7)"
bad_reference 'reference' '"ns3"' "$(spec reference '"ns3"')"
bad_reference 'reference.simulator' 'missing' "$(spec reference '{"table": "reference.csv"}')"
bad_reference 'reference' 'none.csv' "$(spec reference '{"table": "none.csv", "simulator": "ns3"}')"
bad_reference 'reference' 'none' "$(spec reference '{"folder": "none", "backend": "ns3"}')"
bad_reference 'reference.csv:3' '"x"' "$(spec reference "{$table}")"
printf 'reduction,simulator,total_us\n1,ns3,5\n2,ns3\n' >in/reference.csv
bad_reference 'reference.csv:3' "$(spec reference "{$table}")"
printf 'reduction,simulator,total_us\n1,ns3,nan\n' >in/reference.csv
bad_reference 'reference.csv:2' 'nan' "$(spec reference "{$table}")"
printf 'reduction,simulator,total_us\n1,ns3,5\n1,ns3,6\n' >in/reference.csv
bad_reference 'reference.csv:3' "$(spec reference "{$table}")"
printf 'reduction,simulator,total_us,total_us\n1,ns3,5,6\n' >in/reference.csv
bad_reference 'reference.csv:1' 'total_us' "$(spec reference "{$table}")"
printf 'reduction,simulator,total_us\n1,ns,5\n' >in/reference.csv
bad_reference 'reference.csv' 'ns3' "$(spec reference "{$table}")"
: >in/reference.csv
bad_reference 'reference.csv' "$(spec reference "{$table}")"
bad_reference 'reference' "$(spec reference '{"table": ".", "simulator": "ns3"}')"

# A table may have any of the metrics.
printf 'reduction,simulator,comm_1_us\n1,ns3,5\n' >in/reference.csv
spec reference "{$table}" >in/spec.json
"$program" run in/spec.json --out good-table --no-report >stdout 2>stderr || {
  n_failed=$((n_failed + 1))
  echo "FAILED: a table of comm_1_us: $(cat stderr)"
}

# With both kinds of topology in one sweep, the settings of both have an effect.
spec base '{"topology": {"file": "topology.txt", "cores": 2}, "traffic": {"workload": "small.txt"}}' |
  sed 's/"reduction": \[1, 2\]/"topology.kind": ["gpu-cluster", "file"]/' >in/kinds.json
"$program" plan in/kinds.json >stdout 2>stderr || {
  n_failed=$((n_failed + 1))
  echo "FAILED: both kinds of topology: $(cat stderr)"
}

# GPUs without work are told once.
spec base '{"topology": {"gpus": 64}, "traffic": {"workload": "workload.txt"}}' >in/idle.json
for command in "plan in/idle.json" "run in/idle.json --out idle --no-report"; do
  # shellcheck disable=SC2086  # several words
  "$program" $command >stdout 2>stderr
  if [[ $(grep -c 'the workload uses 32 of 64 GPUs' stderr) -ne 1 ]]; then
    n_failed=$((n_failed + 1))
    echo "FAILED: $command: no single warning of idle GPUs: $(cat stderr)"
  fi
done

# So are settings and axes of simulators that do not run; what the base has for them is not.
cat >in/unused.json <<'END'
{"name": "t", "simulators": ["flowsim"], "axes": [{"m4.bfsz": [1, 2]}],
 "base": {"traffic": {"workload": "workload.txt"}, "m4": {"fwin": 3}}}
END
for simulators in flowsim packet,m4; do
  "$program" plan in/unused.json --simulators "$simulators" --set m4.cc=hpcc --model "$tiny" >stdout 2>stderr
  wanted=$([[ $simulators == flowsim ]] && echo 3 || echo 0)
  if [[ $(grep -c 'm4.*: has no effect: the sweep does not run m4' stderr) -ne $wanted ]]; then
    n_failed=$((n_failed + 1))
    echo "FAILED: $simulators: other warnings than $wanted of settings without effect: $(cat stderr)"
  fi
done

# A file of sizes is warned of where others are chosen, settings of an absent simulator that move
# together with one that has an effect are not.
spec base '{"topology": {"kind": "clos"}, "traffic": {"kind": "mix", "sizes": "hadoop"}}' |
  sed 's/"reduction": \[1, 2\]/"packet.cc": ["dctcp", "hpcc"], "m4.cc": ["dctcp", "hpcc"]/' >in/unused.json
printf '100 0\n200 100\n' >in/sizes.txt
"$program" plan in/unused.json --simulators packet --set sizes_file=in/sizes.txt >stdout 2>stderr
if [[ $(cat stderr) != *'warning: --set traffic.sizes_file: has no effect with traffic.sizes "hadoop"' ||
  $(grep -c warning stderr) -ne 1 ]]; then
  n_failed=$((n_failed + 1))
  echo "FAILED: no single warning of a file of sizes: $(cat stderr)"
fi

# So is whose flows are limited in flight where 0 are said to be.
spec base '{"topology": {"kind": "clos"}, "traffic": {"kind": "mix", "in_flight": 0, "n_flows": 9}}' |
  sed 's/"reduction": \[1, 2\]/"in_flight_of": ["rack", "host"]/' >in/unused.json
for in_flight in 0 2; do
  "$program" plan in/unused.json --set in_flight=$in_flight >stdout 2>stderr
  wanted=$([[ $in_flight == 0 ]] && echo 1 || echo 0)
  if [[ $(grep -c 'axis traffic.in_flight_of: has no effect with traffic.in_flight 0' stderr) -ne $wanted ||
    $(grep -c warning stderr) -ne $wanted ]]; then
    n_failed=$((n_failed + 1))
    echo "FAILED: in_flight $in_flight: other warnings than $wanted: $(cat stderr)"
  fi
done

# --- topologies ---
# bad_topology FRAGMENT… -- TEXT: refused by itself and as a sweep's topology.
spec base '{"topology": {"kind": "file", "file": "bad.txt"}, "traffic": {"workload": "small.txt"}}' |
  sed 's/"reduction": \[1, 2\]/"seed": [1, 2]/' >in/file-spec.json
bad_topology() {
  local fragments=()
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  printf '%s' "$2" >in/bad.txt
  refused in/bad.txt "${fragments[@]}" -- topology info in/bad.txt
  refused in/bad.txt "${fragments[@]}" -- flows in/small.txt in/bad.txt --out out
  refused bad.txt "${fragments[@]}" -- run in/file-spec.json --out out
}
# edited SED-SCRIPT: the good topology, changed.
edited() { sed "$1" in/topology.txt; }
bad_topology ':1:' 'ends' -- ''
bad_topology ':1:' 'words' -- '4 2 1 1 4'
bad_topology ':1:1:' '"four"' -- "$(edited '1s/^4/four/')"
bad_topology ':1:1:' '"0"' -- "$(edited '1s/^4/0/')"
bad_topology ':1:1:' '"99999999999999999999"' -- "$(edited '1s/^4/99999999999999999999/')"
bad_topology ':1:9:' '"2000000000"' -- "$(edited '1s/4 A100/2000000000 A100/')"
bad_topology ':2:' '1 word,' -- "$(edited '2s/.*/2/')"
bad_topology ':2:3:' '"2"' 'twice' -- "$(edited '2s/.*/2 2/')"
bad_topology ':2:1:' '"0"' -- "$(edited '2s/.*/0 3/')"
bad_topology ':3:3:' '"7"' -- "$(edited '3s/2/7/')"
bad_topology ':3:1:' '"-1"' -- "$(edited '3s/0/-1/')"
bad_topology ':3:3:' '"0"' 'itself' -- "$(edited '3s/^0 2/0 0/')"
bad_topology ':4:' 'line 3' -- "$(edited '4s/^1 2/2 0/')"
bad_topology ':3:5:' '"0Gbps"' -- "$(edited '3s/2400Gbps/0Gbps/')"
bad_topology ':3:5:' '"-5Gbps"' -- "$(edited '3s/2400Gbps/-5Gbps/')"
bad_topology ':3:5:' '"nanGbps"' -- "$(edited '3s/2400Gbps/nanGbps/')"
bad_topology ':3:5:' '"1e300Gbps"' -- "$(edited '3s/2400Gbps/1e300Gbps/')"
bad_topology ':3:5:' '"2400"' -- "$(edited '3s/2400Gbps/2400/')"
bad_topology ':3:14:' '"-1ms"' -- "$(edited '3s/0.000025ms/-1ms/')"
bad_topology ':3:14:' '"0.3ns"' -- "$(edited '3s/0.000025ms/0.3ns/')"
bad_topology ':3:25:' '"2"' -- "$(edited '3s/0$/2/')"
bad_topology ':3:25:' '"nan"' -- "$(edited '3s/0$/nan/')"
bad_topology ':3:' 'words' -- "$(edited '3s/$/ 0/')"
bad_topology ':5:' 'ends' -- "$(edited '5,$d')"
bad_topology ':7:1:' -- "$(edited '$a0 1 1Gbps 1ns 0')"
bad_topology ':5:' -- "$(edited '5s/400.*//')"
# CRLF by itself is fine; an error in such a file stands at the same place.
bad_topology ':3:5:' '"0Gbps"' -- "$(edited '3s/2400Gbps/0Gbps/' | sed 's/$/\r/')"
# GPUs that cannot reach each other.
printf '4 1 0 2 2 A100\n2 3\n0 2 1Gbps 1ns 0\n1 3 1Gbps 1ns 0\n' >in/bad.txt
refused 'file-spec.json' 'seed 1' 'GPU 0 to GPU 1' -- run in/file-spec.json --out out
refused 'file-spec.json' 'seed 1' 'GPU 0 to GPU 1' -- plan in/file-spec.json
# Error rates are refused by the simulators alone; the second file of an axis is looked at, too.
edited '3s/0$/0.5/' >in/lossy.txt
sed 's/"seed": \[1, 2\]/"topology.file": ["topology.txt", "lossy.txt"]/; s/"file": "bad.txt"/"file": "topology.txt"/' \
  in/file-spec.json >in/lossy-spec.json
for simulator in flowsim packet; do
  refused 'lossy.txt' 'error rate 0.5' -- run in/lossy-spec.json --simulators "$simulator" --out out
done

# --- workloads ---
spec base '{"traffic": {"workload": "bad.txt"}}' >in/workload-spec.json
bad_workload() {
  local fragments=()
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  printf '%s' "$2" >in/bad.txt
  refused bad.txt "${fragments[@]}" -- flows in/bad.txt in/topology.txt --out out
  refused bad.txt "${fragments[@]}" -- run in/workload-spec.json --out out
}
edited() { sed "$1" in/workload.txt; }
bad_workload ':1:' 'ends' -- ''
bad_workload ':1:1:' '"HYBRID"' -- "$(edited '1s/^[A-Z_]*/HYBRID/')"
bad_workload ':1:1:' '"DATA"' 'not simulated' -- "$(edited '1s/^[A-Z_]*/DATA/')"
bad_workload ':1:' '"ap:"' -- "$(edited '1s/ ep:/ ap:/')"
bad_workload ':1:' '"ep:"' 'twice' -- "$(edited '1s/ pp:/ ep:/')"
bad_workload ':1:' 'all_gpus:' 'missing' -- "$(edited '1s/ all_gpus: 32//')"
bad_workload ':1:' '"0"' -- "$(edited '1s/pp: 1 /pp: 0 /')"
bad_workload ':1:' '"x"' -- "$(edited '1s/pp: 1 /pp: x /')"
bad_workload ':1:' '"99999999999"' -- "$(edited '1s/all_gpus: 32/all_gpus: 99999999999/')"
bad_workload ':1:' '33' '16' -- "$(edited '1s/all_gpus: 32/all_gpus: 33/')"
bad_workload ':1:' 'ep' '3' -- "$(edited '1s/ep: 1/ep: 3/')"
bad_workload ':1:' 'checkpoint' -- "$(edited '1s/checkpoints: 0/checkpoints: 1/')"
bad_workload ':2:' '"0"' -- "$(edited '2s/1/0/')"
bad_workload ':2:' '"1.5"' -- "$(edited '2s/1/1.5/')"
bad_workload ':4:' 'ends' -- "$(edited '2s/1/2/')"
bad_workload ':3:' 'words' -- "$(edited '3s/ 1$//')"
bad_workload ':3:13:' '"ALREDUCE"' 'ALLREDUCE' -- "$(edited '3s/ALLREDUCE/ALREDUCE/')"
bad_workload ':3:23:' '"-5"' -- "$(edited '3s/65536/-5/')"
bad_workload ':3:23:' '"1e9"' -- "$(edited '3s/65536/1e9/')"
bad_workload ':3:10:' '"nan"' -- "$(edited '3s/10/nan/')"
bad_workload ':4:1:' -- "$(edited '$aextra')"
bad_workload ':3:13:' '"ALREDUCE"' -- "$(edited '3s/ALLREDUCE/ALREDUCE/' | sed 's/$/\r/')"
cp in/workload.txt in/bad.txt
refused '32' '2' -- flows in/bad.txt in/topology.txt --out out

# --- weights ---
# weights HEADER [N]: a safetensors file with this header and N (4) bytes of data.
weights() {
  local n=${#1}
  # shellcheck disable=SC2059  # the format holds the escapes
  printf "\\x$(printf %02x $((n % 256)))\\x$(printf %02x $((n / 256)))\\0\\0\\0\\0\\0\\0"
  printf '%s' "$1"
  head -c "${2:-4}" /dev/zero
}
# bad_weights FRAGMENT… -- HEADER [N]
bad_weights() {
  local fragments=()
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  weights "${@:2}" >in/bad.safetensors
  refused in/bad.safetensors "${fragments[@]}" -- model info in/bad.safetensors
}
refused in/spec.json 'at most 16777216' 'not a safetensors file' -- model info in/spec.json
: >in/empty.safetensors
refused in/empty.safetensors '0 bytes' -- model info in/empty.safetensors
bad_weights 'header, byte' 'duplicate' '"a"' -- '{"a": {}, "a": {}}'
bad_weights '"lstmcell_time.seq_cell.weight_hh" is missing' -- '{}' 0
bad_weights '4 bytes follow' -- '{}'
bad_weights '"a"' '"BF16"' 'F32' -- '{"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}'
bad_weights '"a"' '"dtyp"' 'did you mean dtype?' -- '{"a": {"dtyp": "F32", "shape": [1], "data_offsets": [0, 4]}}'
bad_weights '"a"' '[-1]' -- '{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}'
bad_weights '"a"' '[4294967296,4294967296]' -- \
  '{"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}}'
bad_weights '"a"' '[0, 4]' '3 bytes' -- '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}' 3
bad_weights '"a"' '[2]' '4 bytes' -- '{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}'
bad_weights '"n"' '200' -- '{"__metadata__": {"n": 200}}' 0
bad_weights '"lstmcell_time.seq_cell.weight_hh"' '[1]' '1 to 4096' -- \
  '{"lstmcell_time.seq_cell.weight_hh": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'

# --- archives ---
if ! "$program" model import "$checkpoints/scripted" -o model.safetensors >stdout 2>stderr ||
  ! "$program" model info model.safetensors >stdout 2>stderr; then
  n_failed=$((n_failed + 1))
  echo "FAILED: m4sweep model import: $(cat stderr)"
fi
# bad_archive FRAGMENT… -- FILE: the network with the archive in/new instead of this one.
bad_archive() {
  local fragments=()
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  rm -rf in/m4
  cp -r "$checkpoints/state" in/m4
  mv in/new "in/m4/$2"
  refused "in/m4" "${fragments[@]}" -- model import in/m4 --out out.safetensors
}
# edited_archive NAME OFFSET BYTES: an archive of the network with these bytes changed, in in/new.
edited_archive() {
  cp "$checkpoints/state/$1" in/new
  printf '%b' "$3" | dd of=in/new bs=1 seek="$2" conv=notrunc status=none
}
# offset NAME TEXT [N]: where the text stands for the Nth time in that archive.
offset() { grep -abo -- "$2" "$checkpoints/state/$1" | sed -n "${3:-1}s/:.*//p"; }
refused in/none.pt 'No such file' -- model import in/none.pt -o out.safetensors
refused in 'no files *.pt' -- model import in -o out.safetensors
refused in/spec.json 'no zip archive' -- model import in/spec.json -o out.safetensors
: >in/new
bad_archive output_layer.pt 'is empty' -- output_layer.pt
head -c 1000 "$checkpoints/state/output_layer.pt" >in/new
bad_archive output_layer.pt 'no zip archive' -- output_layer.pt
cp "$checkpoints/state/lstmcell_rate.pt" in/new
bad_archive weights.pt '"weights" is no module' -- weights.pt
cp "$checkpoints/state/lstmcell_rate.pt" in/new
bad_archive lstmcell_rates.pt 'did you mean lstmcell_rate?' -- lstmcell_rates.pt
cp "$checkpoints/network/network.pt" in/new
bad_archive network.pt 'is also in in/m4/gnn_layer_0.pt' '"gnn_layer_0.' -- network.pt
cp "$checkpoints/traced/lstmcell_rate.pt" in/new
bad_archive '"lstmcell_rate.seq_cell.weight_ih"' '[18, 10]' '[6, 10]' -- lstmcell_rate.pt
cp "$checkpoints/state/gnn_layer_0.pt" in/new
bad_archive 'module gnn_layer_2 is missing' -- gnn_layer_3.pt
edited_archive output_layer.pt "$(offset output_layer.pt FloatStorage)" 'Xloat'
bad_archive output_layer.pt 'CRC' -- output_layer.pt
edited_archive output_layer.pt "$(offset output_layer.pt output_layer/data/0 2)" 'x'
bad_archive 'output_layer/data/0: is missing' -- output_layer.pt
refused "$checkpoints/state/output_layer.pt and 1 more" 'lstmcell_time' 'missing' -- \
  model import "$checkpoints"/state/output_layer.pt "$checkpoints"/state/lstmcell_rate.pt -o out.safetensors
refused in/topology.txt/x 'cannot be written' -- model import "$checkpoints/state" -o in/topology.txt/x
refused /proc/out 'cannot be written' -- model import "$checkpoints/state" -o /proc/out
cp "$checkpoints/network/network.pt" in/network.pt
refused in/network.pt 'one of the archives' -- model import in/network.pt -o in/network.pt

# --- packets, from files of the HPCC family ---
mkdir in/packet
cat >in/packet/config.txt <<'END'
CC_MODE 8
HAS_WIN 1
MIN_RATE 100Mb/s
TOPOLOGY_FILE star.txt
FLOW_FILE flows.txt
KMIN_MAP 1 10000000000 30
KMAX_MAP 1 10000000000 30
PMAX_MAP 1 10000000000 1.0
END
printf '3 1 2\n2\n0 2 10Gbps 1000ns 0\n1 2 10Gbps 1000ns 0\n' >in/packet/star.txt
printf '2\n0 1 3 100 1000 0.001\n1 0 3 100 20000 0.001\n' >in/packet/flows.txt
if ! "$program" packet in/packet/config.txt --fct fct.txt --paths path_1.txt --pfc pfc.txt \
  --qlen qlen.txt >stdout 2>stderr || ! grep -q '^flows  *2 of 2 completed' stdout ||
  [[ $(cat fct.txt path_1.txt pfc.txt | wc -l) -ne 4 ]]; then
  n_failed=$((n_failed + 1))
  echo "FAILED: packet: $(cat stdout stderr)"
fi
# bad_packet FRAGMENT… -- FILE SED-SCRIPT: one of the three files, changed.
bad_packet() {
  local fragments=() name
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  name=$2
  rm -rf in/changed && cp -r in/packet in/changed && sed -i "$3" "in/changed/$name"
  refused "in/changed/$name" "${fragments[@]}" -- packet in/changed/config.txt --fct new.txt
}
bad_packet 'CC_MODE is missing' -- config.txt '1d'
bad_packet ':1:9:' '"10"' 'PINT' -- config.txt '1s/8/10/'
bad_packet ':2:1:' '"HAS_WINN"' 'HAS_WIN?' -- config.txt '2s/HAS_WIN/HAS_WINN/'
bad_packet ':2:9:' '"nan"' 'not a number' -- config.txt '2s/1/nan/'
bad_packet ':3:10:' '"-5Mb/s"' -- config.txt '3s/100/-5/'
bad_packet ':9:1:' 'HAS_WIN' 'line 2' -- config.txt '$aHAS_WIN 0'
bad_packet ':9:17:' '"1"' 'not simulated' -- config.txt '$aL2_BACK_TO_ZERO 1'
bad_packet ':9:21:' '"0"' 'nearest valid: 1' -- config.txt '$aPACKET_PAYLOAD_SIZE 0'
bad_packet ':7:' 'less than the 30 KB' -- config.txt '7s/30$/29/'
bad_packet 'lack 10000000000 b/s' -- config.txt 's/10000000000/20000000000/'
bad_packet ':1:' 'words' -- star.txt '1s/$/ 4/'
bad_packet 'error rate 0.5' '1 to 2' -- star.txt '4s/0$/0.5/'
bad_packet ':3:5:' '"nanGbps"' -- star.txt '3s/10Gbps/nanGbps/'
bad_packet ':2:' 'words' -- flows.txt '2s/ 3 / /'
bad_packet ':3:' 'ends' -- flows.txt '3d'
bad_packet ':2:3:' '"2"' 'nearest valid: 1' -- flows.txt '2s/0 1/0 2/'
bad_packet ':3:17:' '"0.0009"' 'before' -- flows.txt '3s/0.001/0.0009/'
bad_packet ':2:11:' '"1e99"' -- flows.txt '2s/1000/1e99/'
sed 's/100Mb/20000Mb/' in/packet/config.txt >in/packet/fast.txt
refused 'min_rate (20000000000 b/s)' 'link from host 0' -- packet in/packet/fast.txt --fct new.txt
refused in/none.txt 'No such file' -- packet in/none.txt
refused in 'folder' -- packet in
refused in/none.txt 'No such file' -- packet in/packet/config.txt --flows in/none.txt
refused in/none.txt 'No such file' -- packet in/packet/config.txt --topology in/none.txt
refused '--profile' '"hpc"' 'hpcc' -- packet in/packet/config.txt --profile hpc
refused '--seed' '-1' -- packet in/packet/config.txt --seed -1
refused '--fct' 'in is a folder' -- packet in/packet/config.txt --fct in
refused '--paths' 'none/x' -- packet in/packet/config.txt --paths none/x
refused '--pfc' 'in/topology.txt/x' -- packet in/packet/config.txt --pfc in/topology.txt/x
refused '--qlen' -- packet in/packet/config.txt --qlen ''

# --- mix files ---
mix_file() {
  printf '%s' "$1" >in/mixes.json
  shift
  refused in/mixes.json "$@" -- import mixes in/mixes.json -o new.json
}
first='{"id": 0, "spatial": "uniform", "size_dist": "hadoop", "lognorm_sigma": 1, "max_load": 0.5, "cluster": "1-to-1", "duration": 1000}'
mix_file '[' 'mixes.json:1:1'
mix_file '[]' 'no mixes'
mix_file '{}' 'spatials' 'missing'
mix_file "[$first, $first]" '[1].id: 0' 'twice'
mix_file "[${first/uniform/unifrom}]" '[0].spatial' '"unifrom"' 'uniform'
mix_file "[${first/hadoop/hadop.txt}]" '[0].size_dist' '"hadop.txt"' 'hadoop'
mix_file "[${first/1-to-1/one}]" '[0].cluster' '"one"' '2-to-1'
mix_file "[${first/1000/999}]" '[0].duration: 999' '1000'
mix_file "[${first/0.5/-1}]" '[0].max_load: -1' 'nearest valid: 1e-06'
mix_file "[${first/0.5/1.5}]" '[0].max_load: 1.5' 'nearest valid: 0.99'
printf '[%s]' "$first" >in/mixes.json
refused 'needs --out' -- import mixes in/mixes.json
refused '--size: "big"' 'small' -- import mixes in/mixes.json -o new.json --size big
refused '--points: 0' '1' -- import mixes in/mixes.json -o new.json --points 0
refused in/none.json 'No such file' -- import mixes in/none.json -o new.json
refused 'none/new.json' -- import mixes in/mixes.json -o none/new.json
refused 'mixes' -- import
refused '"import mixs"' 'import mixes' -- import mixs in/mixes.json

# --- flows as arrays ---
# npy FILE TYPE SHAPE BYTES: an array, whose bytes are printf's.
npy() {
  local header
  header=$(printf "%-117s" "{'descr': '$2', 'fortran_order': False, 'shape': $3, }")
  printf '\x93NUMPY\x01\x00\x76\x00%s\n%b' "$header" "$4" >"in/arrays/$1.npy"
}
eight() { for number in "$@"; do printf '\\x%02x\\0\\0\\0\\0\\0\\0\\0' "$number"; done; }
mkdir -p in/arrays
printf '3 1 2\n2\n0 2 10Gbps 1000ns 0\n1 2 10Gbps 1000ns 0\n' >in/arrays/topology.txt
good_arrays() {
  npy fat '<i8' '(2,)' "$(eight 5 9)"
  npy fsize '<i8' '(2,)' "$(eight 70 80)"
  npy fsd '<i8' '(2, 2)' "$(eight 0 1 1 0)"
  npy fct_ns3 '<i8' '(2,)' "$(eight 100 120)"
}
good_arrays
n_cases=$((n_cases + 1))
if ! "$program" import flows in/arrays -o in/imported >stdout 2>stderr || [[ $(wc -l <in/imported/flows.csv) -ne 3 ]]; then
  n_failed=$((n_failed + 1))
  echo "FAILED: import flows: $(cat stderr)"
fi
# bad_array FRAGMENT… -- ARGUMENTS-OF-npy
bad_array() {
  local fragments=()
  while [[ $1 != -- ]]; do
    fragments+=("$1")
    shift
  done
  shift
  npy "$@"
  refused "in/arrays/$1.npy" "${fragments[@]}" -- import flows in/arrays -o new
  good_arrays
}
bad_array 'dtype <f4' '<f8' -- fat '<f4' '(2,)' "$(eight 1)"
bad_array 'dtype |O' '<i8' -- fsize '|O' '(2,)' "$(eight 1 2)"
bad_array 'shape (2, 1)' '(n,)' -- fat '<i8' '(2, 1)' "$(eight 1 2)"
bad_array 'shape (4,)' '(n, 2)' -- fsd '<i8' '(4,)' "$(eight 0 1 1 0)"
bad_array '16 bytes' '24' -- fat '<i8' '(3,)' "$(eight 1 2)"
bad_array '1 rows' 'fat.npy has 2' -- fct_ns3 '<i8' '(1,)' "$(eight 1)"
bad_array 'row 1: 3 ns' 'order' -- fat '<i8' '(2,)' "$(eight 5 3)"
bad_array 'row 0: 2' '0 to 1' -- fsd '<i8' '(2, 2)' "$(eight 2 1 1 0)"
bad_array 'row 1: 0' '1 to' -- fct_ns3 '<i8' '(2,)' "$(eight 1 0)"
printf 'x' >in/arrays/fat.npy
refused in/arrays/fat.npy 'no' 'npy file' -- import flows in/arrays -o new
rm in/arrays/fat.npy
refused in/arrays/fat.npy 'No such file' -- import flows in/arrays -o new
good_arrays
refused 'needs --out' -- import flows in/arrays
refused 'in/packet' 'already' -- import flows in/arrays -o in/packet
refused '--reference' 'fct_ns4.npy' 'ns3' -- import flows in/arrays -o new --reference ns4
refused in/none 'No such file' -- import flows in/none -o new
refused in/none.txt 'No such file' -- import flows in/arrays -o new --topology in/none.txt
refused 'needs --out' -- export in
refused in/none 'No such' -- export in/none -o new
refused in 'manifest' -- export in -o new

# --- under mpirun: the line stands once, whatever the number of ranks ---
if command -v mpirun >/dev/null; then
  spec simulators '["ns3"]' >in/spec.json
  status=0
  # MPI itself leaks.
  ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" mpirun --quiet --oversubscribe -n 4 \
    "$program" run in/spec.json --out out >stdout 2>stderr </dev/null || status=$?
  n_cases=$((n_cases + 1))
  if [[ $status -ne 2 || $(grep -c 'ns3' stderr) -ne 1 || -e out ]]; then
    n_failed=$((n_failed + 1))
    echo "FAILED: mpirun -n 4, exit status $status:"
    cat stderr
  fi
fi

echo "$n_cases cases, $n_failed failed"
[[ $n_failed -eq 0 ]]
