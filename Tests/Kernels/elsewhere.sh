#!/bin/sh
# Runs the kernels' self-test and replays traces of training (docs/specs/mk1.md §16) on other
# compilers and processors: clang and gcc at several levels, with sanitizers, an x86-64 without AVX
# and FMA, and AArch64 with NEON. The traces are those of hand-written programs, and those that lie
# in Tests/Kernels/traces. Last, variants that compute something else must be refused.
# Needs of Debian: clang gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user; skips what is
# missing. Usage: Tests/Kernels/elsewhere.sh
set -eu
cd "$(dirname "$0")/../.."
directory=$(mktemp -d "${TMPDIR:-/tmp}/martlet-kernels-XXXXXX")
trap 'rm -rf "$directory"' EXIT
source="Sources/C/CKernels"
options="-ffp-contract=off -Wno-unknown-pragmas -Wno-pass-failed"
options="$options -I $source/include -I $source -I Tests/Kernels"
failed=0

# compile COMPILER FLAG…: the kernels' objects, once for all programs of a compiler.
compile() {
  rm -f "$directory"/*.o
  # $options is a list of words.
  for file in "$source"/*.c; do
    "$@" $options -c "$file" -o "$directory/$(basename "$file").o"
  done
}

# build PROGRAM SOURCE… -- COMPILER FLAG…: a program of sources and the objects at hand.
build() {
  program=$1 sources=
  shift
  while [ "$1" != -- ]; do sources="$sources $1"; shift; done
  shift
  "$@" $options $sources "$directory"/*.o -o "$directory/$program" -lm -lpthread
}

# check NAME RUNNER COMPILER [FLAG…]: an empty RUNNER runs the programs themselves.
check() {
  name=$1 runner=$2 tool=$3
  shift 3
  for command in $tool ${runner%% *}; do
    command -v "$command" >/dev/null || { echo "$name: skipped, no $command"; return 0; }
  done
  compile "$tool" "$@"
  build self_test Tests/Kernels/self_test_main.c -- "$tool" "$@"
  build replay Tests/Kernels/replay_trace.c -- "$tool" "$@"
  echo "$name:"
  $runner "$directory/self_test" || failed=1
  $runner "$directory/replay" $traces || failed=1
}

compile cc -O2
build make_trace Tests/Kernels/make_trace.c Tests/Kernels/programs*.c -- cc -O2
"$directory/make_trace" "$directory" > "$directory/hashes"
echo "traces of ten steps:"
diff Tests/Kernels/golden_traces.txt "$directory/hashes" && cat "$directory/hashes" || failed=1
traces=$(ls "$directory"/*.mktrace Tests/Kernels/traces/*.mktrace 2>/dev/null || true)

check "clang -O3" "" clang -O3
check "clang -O0" "" clang -O0
check "clang with sanitizers" "" clang -O1 -fuse-ld=bfd \
  -fsanitize=address,undefined -fno-sanitize-recover=all
check "gcc -O2" "" gcc -O2
check "gcc -O3" "" gcc -O3
check "x86-64 without AVX" "qemu-x86_64 -cpu core2duo" gcc -O3 -static
check "AArch64" "qemu-aarch64" aarch64-linux-gnu-gcc -O3 -static

# With -ffast-math sums are reordered: every variant so compiled must differ and be refused.
refuse() {
  compile clang -O3
  for wide in avx2 avx512; do
    clang -O3 -ffast-math $options -Wno-overriding-option -c "$source/$wide.c" \
      -o "$directory/$wide.c.o"
  done
  build wrong Tests/Kernels/self_test_main.c -- clang -O3
  echo "clang -ffast-math for the wide variants:"
  if "$directory/wrong" > "$directory/out" 2> "$directory/err"; then return 1; fi
  cat "$directory/err"
  grep '^in use: portable$' "$directory/out" && grep -q 'variant avx2 differs' "$directory/err"
}
if [ "$(uname -m)" = x86_64 ] && grep -q avx2 /proc/cpuinfo && command -v clang >/dev/null; then
  refuse || { echo "a wrong variant was not refused"; failed=1; }
fi
exit $failed
