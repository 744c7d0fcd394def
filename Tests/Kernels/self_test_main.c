// Prints the self-test hashes of every variant that this processor can run, then the one in use;
// exits 1 if a hash is not golden.
#include <stdio.h>
#include "CKernels.h"

static int report(const char *variant, const char *test, uint64_t hash, uint64_t golden) {
  printf("%-8s %-11s %016llx %s\n", variant, test, (unsigned long long)hash,
         hash == golden ? "ok" : "DIFFERS");
  return hash != golden;
}

int main(void) {
  static const char *const groups[mk_group_count] = {"elementwise", "windows",  "norms",
                                                     "sequences",   "losses",   "optimizers"};
  int failed = 0;
  for (int variant = 0; variant < mk_variant_count; variant++) {
    const mk_kernels *kernels = mk_variant_kernels((mk_variant)variant);
    if (!kernels) continue;
    const char *name = mk_variant_name((mk_variant)variant);
    failed |= report(name, "kernels", mk_self_test_hash(kernels), mk_self_test_golden());
    for (int group = 0; group < mk_group_count; group++) {
      uint64_t hash = mk_operations_hash(kernels, (mk_group)group);
      failed |= report(name, groups[group], hash, mk_operations_golden((mk_group)group));
    }
  }
  printf("in use: %s\n", mk_variant_name(mk_active_variant()));
  return failed;
}
