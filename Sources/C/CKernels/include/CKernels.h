// Bit-exact kernels of kernel specification "mk1" (docs/specs/mk1.md).
//
// Every variant (portable C, AVX2, AVX-512, NEON) gives the same bits for the same arguments. A
// variant is used only after it passed the self-test on this machine; see mk_active_variant.
// No function allocates, keeps state or calls libm for anything but the exact fmaf.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The version of the arithmetic. Any change of an order of operations is a new version.
#define MK_SPECIFICATION "mk1"

typedef enum {
  mk_variant_portable = 0,
  mk_variant_neon = 1,
  mk_variant_avx2 = 2,
  mk_variant_avx512 = 3,
} mk_variant;

enum { mk_variant_count = 4 };

/// A read-only matrix: element (i, j) is base[i * row_stride + j * column_stride].
typedef struct {
  const float *base;
  int64_t row_stride, column_stride;
} mk_matrix;

/// The sizes of one product: C [rows, columns] from A [rows, depth] and B [depth, columns].
typedef struct {
  int64_t rows, columns, depth;
} mk_shape;

/// One set of kernels. All pointers are non-null; arrays of length 0 are allowed.
typedef struct {
  /// C = A·B, or C += A·B if `accumulate`; C is row-major with row stride `c_stride`.
  /// c ← fma(a[i,p], b[p,j], c) for p = 0, 1, … in this order (docs/specs/mk1.md §2).
  void (*gemm)(mk_shape shape, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
               int accumulate, float *workspace);
  /// y[i,j] += bias[j] over [rows, columns].
  void (*add_bias)(float *y, const float *bias, int64_t rows, int64_t columns);
  /// y[i,j] = max(y[i,j] + bias[j], +0) over [rows, columns].
  void (*add_bias_relu)(float *y, const float *bias, int64_t rows, int64_t columns);
  /// gradient[i] = +0 where activation[i] is not above 0.
  void (*relu_backward)(float *gradient, const float *activation, int64_t count);
  /// sums[j] = x[0,j] + x[1,j] + … in row order.
  void (*column_sums)(float *sums, const float *x, int64_t rows, int64_t columns);
  /// Softmax and cross-entropy of `logits` [rows, columns] in place; see mk1 §5.
  /// logits becomes (softmax - onehot(label)) · scale, losses[i] = -log softmax[label].
  void (*softmax_cross_entropy)(float *logits, float *losses, const int32_t *labels,
                                int64_t rows, int64_t columns, float scale);
  /// losses[i] = -log softmax[label]; best[i] = lowest index of the largest logit.
  void (*classify)(const float *logits, float *losses, int32_t *best, const int32_t *labels,
                   int64_t rows, int64_t columns);
  /// w ← fma(-rate, g, w).
  void (*sgd)(float *w, const float *g, int64_t count, float rate);
  /// d ← fma(decay, w, g); v ← fma(momentum, v, d); w ← fma(-rate, v, w).
  void (*sgd_momentum)(float *w, float *v, const float *g, int64_t count, float rate,
                       float momentum, float decay);
  /// The sum in 16 lanes and a fixed tree (mk1 §3).
  float (*sum)(const float *x, int64_t count);
  void (*exponential)(float *y, const float *x, int64_t count);
  /// Natural logarithm of positive normal numbers.
  void (*logarithm)(float *y, const float *x, int64_t count);
  /// Philox4x32-10: out[4·i …] = block (counter_low + i, counter_high) under `key`.
  void (*philox)(uint32_t *out, int64_t blocks, uint64_t key, uint64_t counter_low,
                 uint64_t counter_high);
  /// 1 if no element is infinite or NaN.
  int (*all_finite)(const float *x, int64_t count);
} mk_kernels;

/// Floats a `workspace` must hold; it needs no alignment and no initial value.
int64_t mk_gemm_workspace_floats(void);

/// The fastest kernels that passed the self-test on this machine. Thread-safe.
const mk_kernels *mk_active(void);

/// The variant behind mk_active().
mk_variant mk_active_variant(void);

/// Kernels of one variant, or null if this processor cannot run it. Not self-tested: for tests.
const mk_kernels *mk_variant_kernels(mk_variant variant);

/// Runs the self-test and returns the 64-bit FNV-1a hash of all its results.
uint64_t mk_self_test_hash(const mk_kernels *kernels);

/// The hash every correct variant has.
uint64_t mk_self_test_golden(void);

/// The plain definition of gemm: three loops. The oracle of the tests.
void mk_gemm_reference(mk_shape shape, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
                       int accumulate);
