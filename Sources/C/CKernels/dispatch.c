// Chooses the kernels of this process: the widest variant that the processor has and whose
// self-test hash is the golden one. The portable variant is the last resort and is tested too.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "blocking.h"
#include "variants.h"

static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;
static const mk_kernels *chosen_kernels;
static mk_variant chosen_variant;

int64_t mk_gemm_workspace_floats(void) { return MK_WORKSPACE_FLOATS; }

const mk_kernels *mk_variant_kernels(mk_variant variant) {
  switch (variant) {
    case mk_variant_portable: return &mk_kernels_portable;
#if defined(__x86_64__)
    case mk_variant_avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &mk_kernels_avx2
                                                                             : NULL;
    case mk_variant_avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("fma")
                 ? &mk_kernels_avx512
                 : NULL;
#elif defined(__aarch64__)
    case mk_variant_neon: return &mk_kernels_neon;
#endif
    default: return NULL;
  }
}

static void choose(void) {
  for (int variant = mk_variant_count - 1; variant >= 0; variant--) {
    const mk_kernels *kernels = mk_variant_kernels((mk_variant)variant);
    if (kernels && mk_self_test_hash(kernels) == mk_self_test_golden()) {
      chosen_kernels = kernels;
      chosen_variant = (mk_variant)variant;
      return;
    }
  }
  // Not a peer's or a user's doing: this processor or compiler does not compute IEEE 754.
  fputs("martlet: error: no kernel variant passes the self-test on this processor\n", stderr);
  abort();
}

const mk_kernels *mk_active(void) {
  pthread_once(&chosen_once, choose);
  return chosen_kernels;
}

mk_variant mk_active_variant(void) {
  pthread_once(&chosen_once, choose);
  return chosen_variant;
}

int64_t mk_convolution_workspace_floats(const mk_convolution *s) {
  (void)s;
  return 1;
}
