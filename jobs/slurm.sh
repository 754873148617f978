#!/usr/bin/env bash
# A sweep as a Slurm job: one rank a task, results in the submit folder.
#   sbatch --ntasks 64 [--gpus-per-task 1] jobs/slurm.sh sweeps/gray-failure.json [options of m4sweep run]
# or another of the sweeps that sweeps/README.md lists with their points and times.
# A job that was cancelled, requeued or ran into its time limit goes on where it ended when submitted again.
# Slurm sends SIGTERM to the ranks some time before it kills them; finished points are kept either way.
#SBATCH --job-name=m4sweep
#SBATCH --output=m4sweep-%j.log
set -eu
if [ $# -eq 0 ]; then
  echo "usage: sbatch --ntasks N jobs/slurm.sh SPEC [options of m4sweep run]" >&2
  exit 2
fi
cd "${SLURM_SUBMIT_DIR:-.}"
program=${M4SWEEP:-build/release/m4sweep}
if ! [ -x "$program" ]; then
  echo "slurm.sh: $program is missing: build it (jobs/local.sh does) or set M4SWEEP" >&2
  exit 2
fi
export OPENBLAS_NUM_THREADS=1  # or it starts a thread per core in each rank
exec srun --mpi=pmix "$program" run "$@"
