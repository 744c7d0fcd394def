// The processor's state of floating-point arithmetic: a host program may have switched on
// flush-to-zero or another rounding, which would change bits (mk1 §1).
#include "CKernels.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

/// MXCSR as a process finds it: round to nearest, subnormal numbers kept, exceptions masked.
enum { plain_state = 0x1f80 };

uint64_t mk_float_begin(void) {
  const uint32_t saved = _mm_getcsr();
  if (saved != plain_state) _mm_setcsr(plain_state);
  return saved;
}

void mk_float_end(uint64_t saved) {
  if (saved != plain_state) _mm_setcsr((uint32_t)saved);
}
#elif defined(__aarch64__)
uint64_t mk_float_begin(void) {
  uint64_t saved;
  const uint64_t plain_state = 0;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  if (saved != plain_state) __asm__ volatile("msr fpcr, %0" : : "r"(plain_state) : "memory");
  return saved;
}

void mk_float_end(uint64_t saved) {
  if (saved != 0) __asm__ volatile("msr fpcr, %0" : : "r"(saved) : "memory");
}
#else
uint64_t mk_float_begin(void) { return 0; }

void mk_float_end(uint64_t saved) { (void)saved; }
#endif
