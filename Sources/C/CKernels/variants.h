// The tables of the variants compiled for this processor family.
#pragma once
#include "CKernels.h"

extern const mk_kernels mk_kernels_portable;
#if defined(__x86_64__)
extern const mk_kernels mk_kernels_avx2;
extern const mk_kernels mk_kernels_avx512;
#elif defined(__aarch64__)
extern const mk_kernels mk_kernels_neon;
#endif
