#!/bin/sh
# Runs the kernels' self-test on other compilers and processors: clang and gcc at several levels,
# with sanitizers, an x86-64 without AVX and FMA, and AArch64 with NEON.
# Needs of Debian: clang gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user; skips what is
# missing. Usage: Tests/Kernels/elsewhere.sh
set -eu
cd "$(dirname "$0")/../.."
directory=$(mktemp -d "${TMPDIR:-/tmp}/martlet-kernels-XXXXXX")
trap 'rm -rf "$directory"' EXIT
source="Sources/C/CKernels"
failed=0

# check NAME RUNNER COMPILER [FLAG…]: an empty RUNNER runs the program itself.
check() {
  name=$1 runner=$2 compiler=$3
  shift 3
  for tool in $compiler ${runner%% *}; do
    command -v "$tool" >/dev/null || { echo "$name: skipped, no $tool"; return 0; }
  done
  "$compiler" -ffp-contract=off -Wno-unknown-pragmas -I "$source/include" -I "$source" "$@" \
    "$source"/*.c Tests/Kernels/self_test_main.c -o "$directory/program" -lm -lpthread
  echo "$name:"
  $runner "$directory/program" || failed=1
}

check "clang -O3" "" clang -O3
check "clang -O0" "" clang -O0
check "clang with sanitizers" "" clang -O1 -fuse-ld=bfd \
  -fsanitize=address,undefined -fno-sanitize-recover=all
check "gcc -O2" "" gcc -O2
check "gcc -O3" "" gcc -O3
check "x86-64 without AVX" "qemu-x86_64 -cpu core2duo" gcc -O3 -static
check "AArch64" "qemu-aarch64" aarch64-linux-gnu-gcc -O3 -static
exit $failed
