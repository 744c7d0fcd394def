// The self-test: fixed inputs through every kernel, all results hashed. About 1 ms.
#pragma STDC FP_CONTRACT OFF
#include <stdlib.h>
#include <string.h>
#include "blocking.h"
#include "variants.h"

/// Made by the portable variant; equal on x86-64 (AVX2, AVX-512, baseline) and AArch64.
static const uint64_t golden = 0x6147c5258033824b;

/// Largest side of a self-test product: crosses every tile width and one depth block.
enum { side_max = 70, depth_max = 420, cases = 32 };

uint64_t mk_self_test_golden(void) { return golden; }

void mk_gemm_reference(mk_shape s, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
                       int accumulate) {
  for (int64_t i = 0; i < s.rows; i++) {
    for (int64_t j = 0; j < s.columns; j++) {
      float sum = accumulate ? c[i * c_stride + j] : 0.0f;
      for (int64_t p = 0; p < s.depth; p++) {
        sum = __builtin_fmaf(a.base[i * a.row_stride + p * a.column_stride],
                             b.base[p * b.row_stride + j * b.column_stride], sum);
      }
      c[i * c_stride + j] = sum;
    }
  }
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count) {
  const unsigned char *byte = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ byte[i]) * 1099511628211ULL;
  return hash;
}

/// Marsaglia's xorshift64: inputs must not depend on the kernels under test.
static uint32_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 32);
}

/// Uniform in [-scale, scale).
static void fill(float *x, int64_t count, float scale, uint64_t *state) {
  for (int64_t i = 0; i < count; i++)
    x[i] = ((float)(next_random(state) >> 8) * 0x1p-23f - 1.0f) * scale;
}

static uint64_t hash_products(const mk_kernels *k, float *buffer, uint64_t hash, uint64_t *state) {
  float *a = buffer, *b = a + side_max * depth_max, *c = b + side_max * depth_max;
  float *workspace = c + side_max * side_max;
  for (int test = 0; test < cases; test++) {
    int64_t m = 1 + next_random(state) % side_max, n = 1 + next_random(state) % side_max;
    int64_t depth = test % 8 ? 1 + next_random(state) % depth_max : depth_max;
    // Subnormal products, large ones, ordinary ones.
    float scale = test % 7 == 3 ? 1e-21f : test % 7 == 5 ? 1e18f : 1.0f;
    fill(a, m * depth, scale, state);
    fill(b, depth * n, scale, state);
    fill(c, m * n, 1.0f, state);
    mk_matrix from_a = {a, test & 1 ? 1 : depth, test & 1 ? m : 1};
    mk_matrix from_b = {b, test & 2 ? 1 : n, test & 2 ? depth : 1};
    k->gemm((mk_shape){m, n, depth}, from_a, from_b, c, n, (test & 4) != 0, workspace);
    hash = hash_bytes(hash, c, sizeof(float) * (size_t)(m * n));
  }
  return hash;
}

/// Whether a product with many zeros, whose terms the kernels leave out, equals the plain loops.
static int sparse_product_agrees(const mk_kernels *k, float *buffer, uint64_t *state) {
  enum { rows = 149, columns = 19, depth = 5, results = rows * columns };
  float *a = buffer, *b = a + rows * depth, *c = b + depth * columns, *expected = c + results;
  fill(a, rows * depth, 1.0f, state);
  fill(b, depth * columns, 1.0f, state);
  for (int i = 0; i < depth * columns; i++) b[i] = next_random(state) & 1 ? b[i] : 0.0f;
  const mk_shape shape = {rows, columns, depth};
  const mk_matrix from_a = {a, 1, rows}, from_b = {b, columns, 1};
  k->gemm(shape, from_a, from_b, c, columns, 0, expected + results);
  mk_gemm_reference(shape, from_a, from_b, expected, columns, 0);
  return memcmp(c, expected, sizeof(float) * results) == 0;
}

static uint64_t hash_elementwise(const mk_kernels *k, float *buffer, uint64_t hash,
                                 uint64_t *state) {
  enum { rows = 9, columns = 37, count = rows * columns };
  float *x = buffer, *y = x + count, *z = y + count;
  int32_t labels[rows], best[rows];
  // Clamped ends and subnormal results first, then results whose logarithm is defined.
  fill(x, count, 110.0f, state);
  k->exponential(y, x, count);
  hash = hash_bytes(hash, y, sizeof(float) * count);
  fill(x, count, 40.0f, state);
  k->exponential(y, x, count);
  hash = hash_bytes(hash, y, sizeof(float) * count);
  k->logarithm(z, y, count);
  hash = hash_bytes(hash, z, sizeof(float) * count);
  float total = k->sum(x, count);
  hash = hash_bytes(hash, &total, sizeof total);
  k->column_sums(z, x, rows, columns);
  k->add_bias(x, z, rows, columns);
  hash = hash_bytes(hash, x, sizeof(float) * count);
  fill(y, count, 1.0f, state);
  k->add_bias_relu(y, z, rows, columns);
  k->relu_backward(x, y, count);
  hash = hash_bytes(hash_bytes(hash, x, sizeof(float) * count), y, sizeof(float) * count);
  for (int i = 0; i < rows; i++) labels[i] = (int32_t)(next_random(state) % columns);
  k->classify(x, z, best, labels, rows, columns);
  hash = hash_bytes(hash_bytes(hash, z, sizeof(float) * rows), best, sizeof best);
  k->softmax_cross_entropy(x, z, labels, rows, columns, 0.125f);
  hash = hash_bytes(hash_bytes(hash, x, sizeof(float) * count), z, sizeof(float) * rows);
  fill(z, count, 1.0f, state);
  k->sgd(y, x, count, 0.1f);
  k->sgd_momentum(y, z, x, count, 0.1f, 0.9f, 1e-4f);
  hash = hash_bytes(hash_bytes(hash, y, sizeof(float) * count), z, sizeof(float) * count);
  k->philox((uint32_t *)(void *)z, count / 4, 0x0123456789abcdefULL, 0xfffffff0ULL, 7);
  hash = hash_bytes(hash, z, sizeof(uint32_t) * (count / 4 * 4));
  int finite = k->all_finite(x, count);
  x[count - 1] = 1.0f / 0.0f;
  finite = finite * 2 + k->all_finite(x, count);
  return hash_bytes(hash, &finite, sizeof finite);
}

uint64_t mk_self_test_hash(const mk_kernels *kernels) {
  enum { floats = 2 * side_max * depth_max + side_max * side_max + MK_WORKSPACE_FLOATS };
  float *buffer = malloc(sizeof(float) * floats);
  if (!buffer) return ~golden;
  uint64_t state = 88172645463325252ULL, hash = 14695981039346656037ULL;
  hash = hash_products(kernels, buffer, hash, &state);
  hash = hash_elementwise(kernels, buffer, hash, &state);
  if (!sparse_product_agrees(kernels, buffer, &state)) hash = ~golden;
  free(buffer);
  return hash;
}
