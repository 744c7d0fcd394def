#!/bin/sh
# Measures training steps beside PyTorch and LibTorch (Debian) and jax (Scripts/bootstrap
# --benchmark), one thread each, tokens that are generated, and what a commitment and its replay cost.
# Usage: Benchmarks/training/run.sh [--smoke]
set -eu
cd "$(dirname "$0")/../.."
swift build -c release --product TrainingBench >&2
rivals=.build/rivals
mkdir -p "$rivals"
torch=/usr/include/torch/csrc/api/include
rival="$rivals/libtorch_steps" source=Benchmarks/training/libtorch_steps.cpp
if [ -d "$torch" ] && { [ ! -x "$rival" ] || [ "$source" -nt "$rival" ]; }; then
  g++ -O2 -std=c++17 -I"$torch" "$source" -ltorch -ltorch_cpu -lc10 -o "$rival" >&2
fi
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 .build/release/TrainingBench "$@"
