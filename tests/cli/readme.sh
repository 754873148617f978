#!/usr/bin/env bash
# readme.sh PROGRAM FOLDER: the commands in README.md's code blocks exist. Scripts are there and can
# be executed, subcommands have a help text, and every option stands in it; specs and topologies that
# are named are there; JSON blocks are specs that m4sweep plan accepts. FOLDER is emptied first.
set -uo pipefail
program=$1
work=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rm -rf "$work"
mkdir -p "$work/sweeps"
n_checked=0
n_failed=0

check() {
  local what=$1
  shift
  n_checked=$((n_checked + 1))
  if ! "$@" >"$work/output" 2>&1 </dev/null; then
    n_failed=$((n_failed + 1))
    echo "FAILED: README.md: $what"
    head -3 "$work/output"
  fi
}

contains() { [[ $1 == *"$2"* ]]; }

# The commands: lines of code blocks that begin with "$ ", without it.
commands() { awk '/^```/ { block = !block; next } block && /^\$ / { print substr($0, 3) }' "$root/README.md"; }

# check_command LINE: after a launcher such as mpirun -n 4, a script or m4sweep.
check_command() {
  local words subcommand help word
  read -ra words <<<"${1%%#*}"
  while [[ ${#words[@]} -gt 0 && ${words[0]} != *m4sweep && ${words[0]} != jobs/* &&
    ${words[0]} != tests/* ]]; do
    words=("${words[@]:1}")
  done
  if [[ ${#words[@]} -eq 0 ]]; then
    return
  fi
  for word in "${words[@]}"; do
    case $word in
      jobs/* | tests/* | sweeps/* | topologies/* | results/reference/*) check "$1: $word" test -e "$root/$word" ;;
    esac
  done
  if [[ ${words[0]} != *m4sweep ]]; then
    check "$1: not executable" test -x "$root/${words[0]}"
    return
  fi
  [[ ${words[1]} == --* ]] && return
  subcommand=("${words[1]}")
  case ${words[1]} in topology | bench) subcommand+=("${words[2]}") ;; esac
  check "$1: unknown command" "$program" "${subcommand[@]}" --help
  help=$("$program" "${subcommand[@]}" --help)
  for word in "${words[@]}"; do
    if [[ $word == --* ]]; then
      check "$1: no option ${word%%=*}" contains "$help" "  ${word%%=*} "
    fi
  done
}

while IFS= read -r line; do
  check_command "$line"
done < <(commands)

# Specs in the text lie beside the shipped ones, so that their relative paths hold.
ln -s "$root/sweeps/workloads" "$work/sweeps/workloads"
ln -s "$root/results" "$work/results"
ln -s "$root/topologies" "$work/topologies"
awk -v folder="$work/sweeps" '
  /^```json/ { block = 1; file = folder "/" ++n ".json"; next }
  /^```/ { block = 0 }
  block { print > file }' "$root/README.md"
n_specs=0
for spec in "$work"/sweeps/*.json "$root"/sweeps/*.json; do
  [[ -e $spec ]] || continue
  n_specs=$((n_specs + 1))
  check "${spec##*/} is no valid spec" "$program" plan "$spec"
done
for name in "$root"/sweeps/*.json; do
  check "sweeps/README.md does not name ${name##*/}" grep -qF "${name##*/}" "$root/sweeps/README.md"
done

if [[ $n_specs -lt 2 || $n_checked -lt 10 ]]; then
  echo "FAILED: found $n_specs specs and $n_checked things to check: README.md is not read well"
  n_failed=$((n_failed + 1))
fi
echo "$n_checked checked, $n_failed failed"
[[ $n_failed -eq 0 ]]
