#!/usr/bin/env bash
# On one machine: installs what is missing (Debian 12, as root or with sudo), builds, and runs the
# gray-failure sweep on all cores. Arguments are passed on to m4sweep run, so a second call with
# other settings is jobs/local.sh --out DIR --set flowsim.mode=exact. Exits with the sweep's status.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bash "$root/jobs/install-dependencies.sh"
cmake -S "$root" --preset release -DBUILD_TESTING=OFF >/dev/null
cmake --build "$root/build/release" -- --quiet

out=$root/results/gray-failure
help=
for ((i = 1; i <= $#; i++)); do
  next=$((i + 1))
  case ${!i} in
    --out=*) out=${!i#--out=} ;;
    --out) out=${!next:-} ;;
    --help | -h) help=yes ;;
  esac
done

# Containers run as root, and may have fewer cores than nproc tells; ranks bind themselves.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OPENBLAS_NUM_THREADS=1  # or it starts a thread per core in each rank
status=0
mpirun --quiet --oversubscribe --bind-to none -n "$(nproc)" "$root/build/release/m4sweep" run \
  "$root/sweeps/gray-failure.json" --out "$out" "$@" || status=$?
if [[ -z $help && ($status -eq 0 || $status -eq 3) && -f $out/summary.csv ]]; then
  echo "table: $out/summary.csv"
fi
exit "$status"
