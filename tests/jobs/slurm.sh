#!/usr/bin/env bash
# The job script under Slurm's own daemons, one node, started here: sbatch, srun with and without PMIx, a cancelled
# job that goes on. usage: slurm.sh PROGRAM SOURCE_DIR
set -eu
program=$1
source=$2
skip() { echo "skipped: $1"; exit 77; }
fail() { echo "FAILED: $1"; exit 1; }
for tool in slurmctld slurmd sbatch srun munged; do
  PATH=$PATH:/usr/sbin command -v $tool >/dev/null || skip "$tool is not installed"
done
PATH=$PATH:/usr/sbin
[ "$(id -u)" = 0 ] || skip "Slurm's daemons need root here"

folder=$(mktemp -d "$PWD/slurm.XXXXXX")
host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf M4SWEEP=$program
stop() {
  for daemon in slurmd slurmctld munged; do
    [ -s "$folder/$daemon.pid" ] && kill "$(cat "$folder/$daemon.pid")" 2>/dev/null
  done
  sleep 1
  rm -rf "$folder"
}
trap stop EXIT

mkdir -m 700 "$folder/munge"
head -c 1024 /dev/urandom >"$folder/munge/key"
chmod 400 "$folder/munge/key"
mkdir "$folder/state" "$folder/spool"
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
  --pid-file="$folder/munged.pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldPort=26817
SlurmdPort=26818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES State=UP
CONF
slurmctld -L "$folder/slurmctld.log" || { tail -5 "$folder/slurmctld.log"; fail "slurmctld does not start"; }
slurmd -L "$folder/slurmd.log" || {
  grep -q "cgroup plugin" "$folder/slurmd.log" && skip "slurmd needs cgroup file systems"
  tail -5 "$folder/slurmd.log"
  fail "slurmd does not start"
}
for _ in $(seq 60); do
  [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && break
  sleep 0.5
done
[ "$(sinfo -h -o %t)" = idle ] || { tail -5 "$folder"/*.log; fail "the node does not come up"; }

# The gray-failure sweep with flowsim alone.
spec=$folder/gray-failure.json
sed -e 's/"simulators": .*/"simulators": ["flowsim"],/' -e "s|\"workloads/|\"$source/sweeps/workloads/|" \
  -e "s|\"\.\./results|\"$source/results|" -e "s|\"networks/|\"$source/sweeps/networks/|" \
  "$source/sweeps/gray-failure.json" >"$spec"
tasks=$(($(nproc) < 2 ? 1 : 2))
# All columns but wall_s.
rows() {
  awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "wall_s") wall = i }
    { $wall = ""; print }' "$1"
}
cd "$folder"
"$program" run "$spec" --out alone --no-report 2>/dev/null
"$program" gather alone >/dev/null

sbatch --wait --ntasks $tasks --output job.log "$source/jobs/slurm.sh" "$spec" --out job >/dev/null ||
  { cat job.log; fail "the job failed"; }
cmp <(rows alone/summary.csv) <(rows job/summary.csv) || fail "the job's summary differs"
grep -q "ranks 0-$((tasks - 1))" job.log || { cat job.log; fail "the job did not run on $tasks ranks"; }

if [ "$tasks" -gt 1 ]; then
  status=0
  srun --mpi=none --ntasks $tasks "$program" run "$spec" --out none 2>none.log || status=$?
  [ "$status" = 2 ] || fail "srun without PMIx: exit status $status instead of 2"
  [ "$(grep -c 'use srun --mpi=pmix' none.log)" = 1 ] || { cat none.log; fail "not one error line"; }
  [ ! -e none ] || fail "srun without PMIx wrote results"
fi

id=$(sbatch --parsable --ntasks $tasks --output cancel.log "$source/jobs/slurm.sh" "$spec" --out cancel)
for _ in $(seq 200); do
  [ "$(cat cancel/journal.jsonl 2>/dev/null | wc -l)" -ge 5 ] && break
  sleep 0.05
done
scancel "$id"
while squeue -h -j "$id" 2>/dev/null | grep -q .; do sleep 0.2; done
kept=$(wc -l <cancel/journal.jsonl)
[ "$kept" -ge 5 ] || fail "a cancelled job kept $kept points"
sbatch --wait --ntasks $tasks --output again.log "$source/jobs/slurm.sh" "$spec" --out cancel >/dev/null ||
  { cat again.log; fail "the job does not go on after scancel"; }
cmp <(rows alone/summary.csv) <(rows cancel/summary.csv) || fail "the summary differs after scancel"
echo "slurm: $tasks tasks, summary equal; $kept points kept by a cancelled job, which went on"
