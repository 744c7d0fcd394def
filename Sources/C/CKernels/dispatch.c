// Chooses the kernels of this process: the widest variant that the processor has and whose
// self-test hash is the golden one. The portable variant is the last resort and is tested too.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "blocking.h"
#include "variants.h"

static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;
static mk_choice chosen;

int64_t mk_gemm_workspace_floats(void) { return MK_WORKSPACE_FLOATS; }

int64_t mk_convolution_workspace_floats(const mk_convolution *s) {
  int64_t taps = s->kernel * s->kernel;
  int64_t input = (s->height + 2 * s->padding) * (s->width + 2 * s->padding) * s->inputs +
                  mk_packed_weights_floats(taps * s->inputs, s->outputs);
  int64_t gradient = (s->height + s->kernel - 1) * (s->width + s->kernel - 1) * s->outputs +
                     taps * s->inputs * s->outputs +
                     mk_packed_weights_floats(taps * s->outputs, s->inputs);
  return (input > gradient ? input : gradient) + MK_WORKSPACE_MARGIN;
}

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

mk_choice mk_choose(const mk_kernels *const candidates[mk_variant_count]) {
  mk_choice choice = {NULL, mk_variant_portable, 0};
  for (int variant = mk_variant_count - 1; variant >= 0 && !choice.kernels; variant--) {
    if (!candidates[variant]) continue;
    if (mk_passes_self_test(candidates[variant])) {
      choice.kernels = candidates[variant];
      choice.variant = (mk_variant)variant;
    } else {
      choice.refused |= 1u << variant;
    }
  }
  return choice;
}

const char *mk_variant_name(mk_variant variant) {
  switch (variant) {
    case mk_variant_neon: return "neon";
    case mk_variant_avx2: return "avx2";
    case mk_variant_avx512: return "avx512";
    default: return "portable";
  }
}

/// One line, whatever program this is part of: the machine is slower than it could be, and why.
static void report_refusal(mk_variant variant) {
  fprintf(stderr, "martlet: warning: kernel variant %s differs from %s on this processor and is "
          "not used\n", mk_variant_name(variant), MK_SPECIFICATION);
}

static void choose(void) {
  const mk_kernels *candidates[mk_variant_count];
  for (int variant = 0; variant < mk_variant_count; variant++)
    candidates[variant] = mk_variant_kernels((mk_variant)variant);
  const uint64_t state = mk_float_begin();
  chosen = mk_choose(candidates);
  mk_float_end(state);
  for (int variant = 0; variant < mk_variant_count; variant++)
    if (chosen.refused >> variant & 1) report_refusal((mk_variant)variant);
  if (chosen.kernels) return;
  // Not a peer's or a user's doing: this processor or compiler does not compute IEEE 754.
  fputs("martlet: error: no kernel variant passes the self-test on this processor\n", stderr);
  abort();
}

const mk_kernels *mk_active(void) {
  pthread_once(&chosen_once, choose);
  return chosen.kernels;
}

mk_variant mk_active_variant(void) {
  pthread_once(&chosen_once, choose);
  return chosen.variant;
}

uint32_t mk_refused_variants(void) {
  pthread_once(&chosen_once, choose);
  return chosen.refused;
}
