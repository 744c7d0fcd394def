// Prints the self-test hash of every variant that this processor can run; 1 if one is not golden.
#include <stdio.h>
#include "CKernels.h"

int main(void) {
  static const char *const names[mk_variant_count] = {"portable", "neon", "avx2", "avx512"};
  int failed = 0;
  for (int variant = 0; variant < mk_variant_count; variant++) {
    const mk_kernels *kernels = mk_variant_kernels((mk_variant)variant);
    if (!kernels) continue;
    uint64_t hash = mk_self_test_hash(kernels);
    int golden = hash == mk_self_test_golden();
    printf("%-8s %016llx %s\n", names[variant], (unsigned long long)hash, golden ? "ok" : "DIFFERS");
    failed |= !golden;
  }
  return failed;
}
