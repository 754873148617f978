#!/usr/bin/env bash
# Installs what building m4sweep needs and this machine lacks, from Debian 12's packages, as root or
# with sudo. With the argument "tests": what its tests need as well. Where nothing is missing, no
# package manager is called, so the script also passes on other systems that have the tools.
set -euo pipefail

missing=()
reasons=()

# need REASON PACKAGES PROBE…: the packages are missing where the probe command fails.
need() {
  local reason=$1 packages=$2
  shift 2
  if ! "$@" >/dev/null 2>&1; then
    reasons+=("$reason")
    # shellcheck disable=SC2206  # several packages a word
    missing+=($packages)
  fi
}

has_library() { pkg-config --exists "$1"; }
can_compile() { echo 'int main(void) { return 0; }' | "$@" -x c -o /dev/null -; }
can_draw() { echo 'set terminal pngcairo' | gnuplot; }

# What is missing, in $missing and $reasons. Libraries count as missing without pkg-config.
look() {
  missing=()
  reasons=()
  need "a C compiler" "gcc libc6-dev" can_compile cc
  need cmake cmake cmake --version
  need ninja ninja-build ninja --version
  need pkg-config pkg-config pkg-config --version
  need git git git --version
  need "Open MPI's mpicc" libopenmpi-dev can_compile mpicc
  need "Open MPI's mpirun" openmpi-bin mpirun --version
  need jansson libjansson-dev has_library jansson
  need "the GNU Scientific Library" libgsl-dev has_library gsl
  need libzip libzip-dev has_library libzip
  need OpenBLAS libopenblas-dev has_library openblas
  need gnuplot "gnuplot-nox fonts-dejavu-core" can_draw
  if [[ ${1:-} == tests ]]; then
    need cmocka libcmocka-dev has_library cmocka
    need "clang with libFuzzer" "clang libclang-rt-14-dev llvm" can_fuzz
    need ps procps ps --version
    need "Slurm and MUNGE" "slurm-wlm munge" has_slurm
  fi
}

has_slurm() { PATH=$PATH:/usr/sbin command -v slurmctld && PATH=$PATH:/usr/sbin command -v munged; }
can_fuzz() {
  echo 'int LLVMFuzzerTestOneInput(const char *a, long n); int LLVMFuzzerTestOneInput(const char *a,
    long n) { return a && n < 0; }' | clang -fsanitize=fuzzer,address -x c -o /dev/null -
}

look "$@"
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi
install=(apt-get -o Acquire::Retries=3 -qq)
printf 'missing: %s\n' "$(IFS=';' && echo "${reasons[*]}" | sed 's/;/, /g')" >&2
if ! command -v apt-get >/dev/null; then
  echo "error: there is no apt-get here; install these yourself (Debian's names: ${missing[*]})" >&2
  exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "error: neither root nor sudo; as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
# An index that cannot be brought up to date may still do.
"${as_root[@]}" "${install[@]}" update >&2 || echo "warning: apt-get update failed" >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  "${install[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null >&2 || {
  echo "error: apt-get could not install ${missing[*]}" >&2
  exit 1
}
look "$@"
if [[ ${#missing[@]} -gt 0 ]]; then
  echo "error: still missing after installation: ${missing[*]}" >&2
  exit 1
fi
