# What the scripts of this folder share; sourced after `program` and `work`, the folder that is
# emptied and worked in, are set.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPENBLAS_NUM_THREADS=1
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1

fail() {
  echo "FAILED: $*"
  exit 1
}

# --- scripts that go on after a failure: what was wrong, in the end ---

problems=()

must() { # WHAT COMMAND…: it exits with 0; its output is in WHAT.out and WHAT.err
  local what=$1
  shift
  "$@" >"$what.out" 2>"$what.err" </dev/null || problems+=("$what: exit status $?: $(tail -n 1 "$what.err")")
}

refuses() { # WHAT MESSAGE COMMAND…: it exits with 2 and says so in one line
  local what=$1 message=$2 status=0
  shift 2
  "$@" >"$what.out" 2>"$what.err" </dev/null || status=$?
  [[ $status -eq 2 ]] || problems+=("$what: exit status $status, not 2")
  [[ $(wc -l <"$what.err") -eq 1 ]] || problems+=("$what: not one line: $(cat "$what.err")")
  grep -q "$message" "$what.err" || problems+=("$what: $(tail -n 1 "$what.err")")
}

tell_problems() {
  if [[ ${#problems[@]} -gt 0 ]]; then
    printf '%s\n' "${problems[@]}"
    exit 1
  fi
}
