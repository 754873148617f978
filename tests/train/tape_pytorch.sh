#!/usr/bin/env bash
# tape_pytorch.sh TAPE_GRADIENTS FOLDER: gradients of the tape against PyTorch's. Skipped (77) where
# no Python has PyTorch. FOLDER is emptied first.
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
"$program" "$work"
"$python" "$tests/tape_pytorch.py" "$work"/*.safetensors
