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

/// A convolution of square windows: x [images, height, width, inputs], weights [kernel, kernel,
/// inputs, outputs], y [images, mk_convolution_side(height), mk_convolution_side(width), outputs].
/// Output (oh, ow) sees input (oh · stride + kh − padding, ow · stride + kw − padding); outside of
/// x an input is +0 and its multiplication stays in the chain (docs/specs/mk1.md).
typedef struct {
  int64_t images, height, width, inputs, outputs, kernel, stride, padding;
} mk_convolution;

/// Indices first, first + 1, … first + count - 1: one part of a kernel's result.
typedef struct {
  int64_t first, count;
} mk_range;

/// One set of kernels. All pointers are non-null; arrays of length 0 are allowed.
typedef struct {
  /// C = A·B, or C += A·B if `accumulate`; C is row-major with row stride `c_stride`.
  /// c ← fma(a[i,p], b[p,j], c) for p = 0, 1, … in this order (docs/specs/mk1.md §2).
  void (*gemm)(mk_shape shape, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
               int accumulate, float *workspace);
  /// C as `gemm` computes it, from B packed by mk_pack_weights: no workspace. For one row or few.
  void (*gemm_packed)(mk_shape shape, mk_matrix a, const float *packed, float *c,
                      int64_t c_stride, int accumulate);
  /// The images `part` of y: one chain per element over (kh, kw, input) in this order.
  void (*convolution)(const mk_convolution *shape, const float *x, const float *weights, float *y,
                      mk_range part, float *workspace);
  /// Rows `part` of the gradient of the weights as a matrix [kernel · kernel · inputs, outputs]:
  /// one chain per element over (image, oh, ow) of x · dy.
  void (*convolution_weights)(const mk_convolution *shape, const float *x, const float *dy,
                              float *dweights, mk_range part, float *workspace);
  /// The images `part` of the gradient of x: one chain per element over (kh, kw, output) of
  /// dy · weights; a window position that does not exist counts as dy = +0.
  void (*convolution_input)(const mk_convolution *shape, const float *dy, const float *weights,
                            float *dx, mk_range part, float *workspace);
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
  /// The steps of all other operations; see operations.h.
  const struct mk_step_table *steps;
} mk_kernels;

/// Floats a `workspace` must hold; it needs no alignment and no initial value.
int64_t mk_gemm_workspace_floats(void);

/// Lets this thread round to nearest and keep subnormal numbers, whatever the program around it has
/// set; returns what mk_float_end takes to put that back. mk_run does so by itself.
uint64_t mk_float_begin(void);
void mk_float_end(uint64_t saved);

/// The fastest kernels that passed the self-test on this machine. Thread-safe.
const mk_kernels *mk_active(void);

/// The variant behind mk_active().
mk_variant mk_active_variant(void);

/// The variant's name: "portable", "neon", "avx2", "avx512".
const char *mk_variant_name(mk_variant variant);

/// Kernels of one variant, or null if this processor cannot run it. Not self-tested: for tests.
const mk_kernels *mk_variant_kernels(mk_variant variant);

/// Runs the self-test and returns the 64-bit FNV-1a hash of all its results.
uint64_t mk_self_test_hash(const mk_kernels *kernels);

/// The hash every correct variant has.
uint64_t mk_self_test_golden(void);

/// The operations (operations.h) by topic: the self-test has a hash for each group.
typedef enum {
  mk_group_elementwise = 0,
  mk_group_windows = 1,
  mk_group_norms = 2,
  mk_group_sequences = 3,
  mk_group_losses = 4,
  mk_group_optimizers = 5,
} mk_group;

enum { mk_group_count = 6 };

/// Runs the self-test of a group of operations; returns the FNV-1a hash of all that they wrote.
uint64_t mk_operations_hash(const mk_kernels *kernels, mk_group group);

/// The hash of a group that every correct variant has.
uint64_t mk_operations_golden(mk_group group);

/// 1 if the hashes of all self-tests are the golden ones.
int mk_passes_self_test(const mk_kernels *kernels);

/// Kernels that are used, and those that must not be.
typedef struct {
  /// Null if no candidate passes.
  const mk_kernels *kernels;
  mk_variant variant;
  /// Bit `variant`: this processor can run the variant, but its results differ.
  uint32_t refused;
} mk_choice;

/// The last candidate (by mk_variant; null where there is none) that passes the self-test.
mk_choice mk_choose(const mk_kernels *const candidates[mk_variant_count]);

/// The variants that were refused when this process chose its kernels, as mk_choice.refused: each
/// deserves a line in the log.
uint32_t mk_refused_variants(void);

/// Floats that mk_pack_weights writes for B [depth, columns].
int64_t mk_packed_floats(int64_t depth, int64_t columns);

/// Packs B [depth, columns] into panels of 64 columns, row by row inside, missing columns as 0.
void mk_pack_weights(mk_matrix b, int64_t depth, int64_t columns, float *packed);

/// Output height or width of a convolution for input height or width `side`; 0 if none fits.
int64_t mk_convolution_side(const mk_convolution *shape, int64_t side);

/// Floats of workspace for each of the three convolution kernels.
int64_t mk_convolution_workspace_floats(const mk_convolution *shape);

/// Threads that sleep until there is work. One caller at a time.
typedef struct mk_pool mk_pool;

/// Does part `part`; `thread` is below mk_pool_threads and no other part runs with it meanwhile.
typedef void (*mk_part_function)(void *context, int64_t part, int64_t thread);

/// A pool of `threads` including the caller of mk_pool_run, or null if they cannot be started.
mk_pool *mk_pool_create(int64_t threads);

int64_t mk_pool_threads(const mk_pool *pool);

/// Does parts 0 … parts - 1, in no fixed order, and returns when all are done.
void mk_pool_run(mk_pool *pool, mk_part_function function, void *context, int64_t parts);

/// Ends the threads. A null pool is allowed.
void mk_pool_destroy(mk_pool *pool);

/// `gemm` by the pool's threads, bit for bit the same. On one thread if `pool` is null or the
/// product is small. `workspace` holds mk_gemm_workspace_floats() for each thread of the pool.
void mk_gemm_threads(const mk_kernels *kernels, mk_pool *pool, mk_shape shape, mk_matrix a,
                     mk_matrix b, float *c, int64_t c_stride, int accumulate, float *workspace);

/// The convolution kernels by the pool's threads, bit for bit the same; `pool` may be null.
/// `workspace` holds mk_convolution_workspace_floats(shape) for each thread of the pool.
void mk_convolution_threads(const mk_kernels *kernels, mk_pool *pool, const mk_convolution *shape,
                            const float *x, const float *weights, float *y, float *workspace);
void mk_convolution_weights_threads(const mk_kernels *kernels, mk_pool *pool,
                                    const mk_convolution *shape, const float *x, const float *dy,
                                    float *dweights, float *workspace);
void mk_convolution_input_threads(const mk_kernels *kernels, mk_pool *pool,
                                  const mk_convolution *shape, const float *dy,
                                  const float *weights, float *dx, float *workspace);

/// The plain definitions of the convolution kernels: the oracle of the tests.
void mk_convolution_reference(const mk_convolution *shape, const float *x, const float *weights,
                              float *y);
void mk_convolution_weights_reference(const mk_convolution *shape, const float *x, const float *dy,
                                      float *dweights);
void mk_convolution_input_reference(const mk_convolution *shape, const float *dy,
                                    const float *weights, float *dx);

/// The plain definition of gemm: three loops. The oracle of the tests.
void mk_gemm_reference(mk_shape shape, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
                       int accumulate);

#include "operations.h"
