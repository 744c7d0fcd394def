#!/bin/sh
# Measures training steps beside PyTorch and LibTorch (Debian) and jax (Scripts/bootstrap
# --benchmark), one thread each, and what a commitment and its replay cost.
# Usage: Benchmarks/training/run.sh [--smoke]
set -eu
cd "$(dirname "$0")/../.."
swift build -c release --product TrainingBench >&2
rivals=.build/rivals
mkdir -p "$rivals"
torch=/usr/include/torch/csrc/api/include
if [ -d "$torch" ] && [ Benchmarks/training/libtorch_steps.cpp -nt "$rivals/libtorch_steps" ]; then
  g++ -O2 -std=c++17 -I"$torch" Benchmarks/training/libtorch_steps.cpp \
    -ltorch -ltorch_cpu -lc10 -o "$rivals/libtorch_steps" >&2
fi
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 .build/release/TrainingBench "$@"
