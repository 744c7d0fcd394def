#!/bin/sh
# Measures the kernels beside OpenBLAS (libopenblas0), one thread each.
# Usage: Benchmarks/kernels/run.sh [--smoke] [--avx2] [--threads]
set -eu
cd "$(dirname "$0")/../.."
swift build -c release --product KernelBench >&2
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 .build/release/KernelBench "$@"
