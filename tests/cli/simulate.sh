#!/usr/bin/env bash
# simulate.sh PROGRAM FOLDER: m4sweep simulate tells what m4sweep run finds, and writes the same
# files. FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

cat >workload.txt <<'END'
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 16
2
layer -1 10 ALLREDUCE 655360000 1 NONE 0 1 NONE 0 1
layer -1 10 ALLREDUCE 6553600 1 NONE 0 1 NONE 0 1
END
printf 'reduction,simulator,total_us\n2,ns3,5000\n' >reference.csv
cat >spec.json <<END
{"name": "t", "title": "A small one", "simulators": ["flowsim"],
 "reference": {"table": "reference.csv", "simulator": "ns3"},
 "base": {"topology": {"gpus": 16}, "traffic": {"workload": "workload.txt"}, "output": {"links": true}},
 "axes": [{"degraded_gpus": [1, 2, 3]}, {"reduction": [2, 3]}]}
END
point=(spec.json --set degraded_gpus=3 --set reduction=2 --model "$root/tests/m4/tiny.safetensors")
"$program" run "${point[@]}" --out run --no-report 2>log || fail "run: $(cat log)"
"$program" gather run >gather.log || fail "gather"
"$program" simulate "${point[@]}" --out files >shown || fail "simulate"
for simulator in flowsim m4; do
  for name in flows.npy EndToEnd.csv links.csv; do
    cmp run/points/*/$simulator/$name files/$simulator/$name || fail "$simulator/$name differs"
  done
done
[[ $(find files -type f | wc -l) -eq 6 ]] || fail "files: $(find files)"

# value ROW COLUMN: of the table that was shown; total SIMULATOR: of the results, in ms.
value() { grep "^ *$1 " shown | head -1 | sed "s/^ *$1 *//" | awk -v n="$2" '{ print $n }'; }
total() { awk -F, -v simulator="$1" '$2 == simulator { printf "%.6f\n", $6 / 1000 }' run/summary.csv; }
[[ $(head -1 run/summary.csv | cut -d, -f6) == total_us ]] || fail "$(head -1 run/summary.csv)"
[[ $(head -1 shown) == "A small one" ]] || fail "title: $(head -1 shown)"
[[ $(sed -n 2p shown) == "degraded_gpus 3, reduction 2" ]] || fail "point: $(sed -n 2p shown)"
[[ $(value 'total time of rank 0 \[ms\]' 1) == "$(total flowsim)" ]] || fail "total of flowsim: $(cat shown)"
[[ $(value 'total time of rank 0 \[ms\]' 2) == "$(total m4)" ]] || fail "total of m4: $(cat shown)"
[[ $(value 'total time of rank 0 \[ms\]' 3) == 5.000000 ]] || fail "total of the reference: $(cat shown)"
[[ $(value 'error \[%\]' 1) == "$(awk -v t="$(total flowsim)" 'BEGIN { printf "%+.2f", 100 * (t / 5 - 1) }')" ]] ||
  fail "error of flowsim: $(cat shown)"
[[ $(value flows 1) -eq 3584 && $(value flows 2) -eq 3584 ]] || fail "flows: $(cat shown)"
[[ $(value 'steps of the network' 1) == - && $(value 'steps of the network' 2) -gt 10 ]] || fail "steps: $(cat shown)"
grep -q '^errors are against ns3 of reference.csv$' shown || fail "reference: $(cat shown)"
grep -q ' $' shown && fail "blanks at the end of a line"

# Without --out nothing is written; a point that the reference lacks has no errors.
before=$(find . -type f | sort)
"$program" simulate spec.json --set degraded_gpus=1 --set reduction=3 >shown || fail "simulate without --out"
[[ $(find . -type f | sort) == "$before" ]] || fail "files were written"
grep -q '^no errors: the reference, ns3 of reference.csv, does not have this point$' shown || fail "$(cat shown)"
grep -q 'steps of the network' shown && fail "steps without m4"

# A point that fails ends with its reason.
"$program" simulate spec.json --set degraded_gpus=1 --set reduction=3 --set time_limit_s=1e-9 >shown 2>log
[[ $? -eq 1 && ! -s shown ]] || fail "a failed point: $(cat shown log)"
grep -q 'error: flowsim: time limit of 1e-09 s passed' log || fail "a failed point: $(cat log)"
# Of a mix: the expected load of the link that is to be loaded most, that of the flows within three
# standard deviations of it, and the largest; of phases none of them.
cat >mix.json <<'END'
{"name": "t", "simulators": ["flowsim", "packet"],
 "base": {"topology": {"kind": "clos", "size": "training"},
          "traffic": {"kind": "mix", "sizes": "exponential", "n_flows": 3000, "max_load": 0.4}}}
END
"$program" simulate mix.json >shown || fail "simulate mix.json"
grep -qE '^expected load of the most loaded link +0\.400 +0\.400$' shown || fail "expected load: $(cat shown)"
realised=$(value 'of the flows that were drawn' 1)
deviation=$(value 'standard deviation of that' 1)
awk -v l="$realised" -v d="$deviation" \
  'BEGIN { exit !(d > 0 && d < 0.1 && l - 0.4 <= 3 * d && 0.4 - l <= 3 * d) }' ||
  fail "load $realised, deviation $deviation"
awk -v l="$realised" -v most="$(value 'largest load of a link' 2)" 'BEGIN { exit !(most >= l) }' ||
  fail "largest load: $(cat shown)"
sed 's/"kind": "mix".*/"kind": "phases", "flow_bytes": 1000}}}/' mix.json >phases.json
"$program" simulate phases.json >shown || fail "simulate phases.json"
grep -q 'load' shown && fail "loads of phases: $(cat shown)"
grep -q '^makespan \[ms\]' shown || fail "makespan of phases: $(cat shown)"
echo "the same as m4sweep run"
