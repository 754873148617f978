#!/usr/bin/env bash
# import.sh PROGRAM FOLDER: PyTorch saves networks of several sizes in every way, m4sweep imports
# them, all tensors must have the same bits. Skipped (77) where no Python has PyTorch. FOLDER is
# emptied first.
set -euo pipefail
program=$1
work=$2
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import torch' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [[ -z $python ]]; then
  echo "skipped: no python3 with PyTorch"
  exit 77
fi
rm -rf "$work"
mkdir -p "$work"
cd "$work"
n_cases=0

# same OPTION…: made with these options of make_checkpoints.py, imported and compared.
same() {
  n_cases=$((n_cases + 1))
  "$python" "$tests/make_checkpoints.py" made "$@"
  "$program" model import made -o imported.safetensors
  "$python" "$tests/make_checkpoints.py" --compare imported.safetensors "${expected:-made/expected.safetensors}"
  rm -r made
}

same --hidden 200 --gnn-hidden 300 --layers 3 --params 13
same --hidden 200 --gnn-hidden 300 --layers 3 --params 13 --save trace --views --no-dropout
same --hidden 64 --gnn-hidden 48 --layers 4 --params 13 --save network --training-layers --seed 2
same --hidden 33 --gnn-hidden 65 --layers 5 --params 7 --save state --views
same --hidden 4 --gnn-hidden 4 --layers 1 --params 0 --views
same --hidden 1 --gnn-hidden 2 --layers 16 --params 1 --save network --views
if [[ -r ${M4SWEEP_REFERENCE:-}/m4-published.safetensors ]]; then
  expected=$M4SWEEP_REFERENCE/m4-published.safetensors
  for save in script network; do
    same --weights "$expected" --save "$save"
  done
fi
echo "$n_cases networks are the same after import"
