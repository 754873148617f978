#!/usr/bin/env bash
# A sweep with m4 as a Slurm job on GPUs: one rank a task, a GPU and some cores for each.
#   sbatch --ntasks 4 jobs/slurm-gpu.sh sweeps/gray-failure-published.json --model weights.safetensors
# m4sweep takes the GPU that Slurm gives the task, or one by node-local rank where a task sees all of
# its node; m4sweep run --help tells of --device. Otherwise as jobs/slurm.sh.
#SBATCH --job-name=m4sweep
#SBATCH --output=m4sweep-%j.log
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4
set -eu
cd "${SLURM_SUBMIT_DIR:-.}"
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-4}"  # srun does not take it from the job
exec bash jobs/slurm.sh "$@"
