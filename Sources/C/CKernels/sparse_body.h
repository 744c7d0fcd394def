// Products Aᵀ·B in which many elements of B are zero, as the gradients behind a ReLU are: the terms
// with a zero are left out. The bits are those of the whole chains (mk1 §2): see `may_leave_out`.
#pragma once
#include <string.h>
#include "pack_body.h"

/// Most steps of a chain: bits of a mask.
#define MK_SPARSE_DEPTH 64
/// Columns of B whose masks are computed together: 4 KiB.
#define MK_SPARSE_COLUMNS 512
/// Vectors of rows that are computed together, and the columns, so that a part of A of 32 steps and
/// the results stay in the first level cache.
#define MK_SPARSE_VECTORS 9
#define MK_SPARSE_GROUP 16
/// Fewer rows are not worth the checks.
#define MK_SPARSE_ROWS 128

MK_INLINE uint32_t float_bits(const float *x) {
  uint32_t bits;
  memcpy(&bits, x, sizeof bits);
  return bits;
}

/// What decides whether terms may be left out of chains.
typedef struct {
  int is_finite;
  /// Least biased exponent of a number that is not zero, at least 1.
  int32_t exponent;
} number_range;

static number_range range_of_lines(const float *lines, int64_t stride, int64_t count,
                                   int64_t width) {
  const uint32_t infinity = 255u << 23;
  uint32_t most = 0, least_bits = UINT32_MAX;
  for (int64_t p = 0; p < count; p++) {
    const float *x = lines + p * stride;
    for (int64_t i = 0; i < width; i++) {
      uint32_t bits = float_bits(x + i) & INT32_MAX, less = bits - 1;
      most = bits > most ? bits : most;
      // Zero has become the largest number.
      least_bits = less < least_bits ? less : least_bits;
    }
  }
  int32_t exponent = (int32_t)(least_bits >> 23);
  return (number_range){most < infinity, exponent > 1 ? exponent : 1};
}

static int64_t count_zeros(const float *lines, int64_t stride, int64_t count, int64_t width) {
  int64_t zeros = 0;
  for (int64_t p = 0; p < count; p++) {
    uint32_t of_line = 0;
    for (int64_t i = 0; i < width; i++) of_line += lines[p * stride + i] == 0.0f;
    zeros += of_line;
  }
  return zeros;
}

/// Whether chains of x·d, started at +0, are the same bits without the terms where d is zero. They
/// are if no x is infinite or NaN, so that such a term is a zero, and if no sum is ever −0, to which
/// adding +0 gives +0. A sum that is exactly zero is +0, and none is rounded to zero: a number with
/// the biased exponent E is a multiple of 2^(E − 150), so that with exponents of together 151 all
/// products and sums are multiples of 2^−149, the least number there is.
MK_INLINE int may_leave_out(number_range x, number_range d) {
  return x.is_finite && x.exponent + d.exponent >= 151;
}

/// Rows of one column of the result: x[p] · d[p] for each step p in `mask`, in order.
MK_INLINE void sparse_chains(const float *x, int64_t x_step, const float *d, int64_t d_step,
                             uint64_t mask, float *to, int vectors) {
  mk_vector sum[MK_SPARSE_VECTORS];
  MK_UNROLL for (int v = 0; v < vectors; v++) sum[v] = vector_broadcast(0.0f);
  for (; mask; mask &= mask - 1) {
    int64_t p = __builtin_ctzll(mask);
    mk_vector scalar = vector_broadcast(d[p * d_step]);
    const float *row = x + p * x_step;
    MK_UNROLL for (int v = 0; v < vectors; v++)
      sum[v] = vector_fma(scalar, vector_load(row + v * MK_LANES), sum[v]);
  }
  MK_UNROLL for (int v = 0; v < vectors; v++) vector_store(to + v * MK_LANES, sum[v]);
}

typedef void (*sparse_function)(const float *x, int64_t x_step, const float *d, int64_t d_step,
                                uint64_t mask, float *to);
#define MK_SPARSE(V)                                                                           \
  static void sparse_##V(const float *x, int64_t x_step, const float *d, int64_t d_step,       \
                         uint64_t mask, float *to) {                                           \
    sparse_chains(x, x_step, d, d_step, mask, to, V);                                          \
  }
#define MK_SPARSE_ROW(V) sparse_##V,
#define MK_TO_9(X) MK_TO_8(X) X(9)
MK_TO(MK_SPARSE_VECTORS, MK_SPARSE)
static const sparse_function sparse_functions[MK_SPARSE_VECTORS + 1] = {
  0, MK_TO(MK_SPARSE_VECTORS, MK_SPARSE_ROW)};

/// mask[j] has the steps in which d is not zero.
static void sparse_masks(uint64_t *mask, const float *d, int64_t d_step, int64_t columns,
                         int64_t depth) {
  for (int64_t j = 0; j < columns; j++) mask[j] = 0;
  for (int64_t p = 0; p < depth; p++)
    for (int64_t j = 0; j < columns; j++) mask[j] |= (uint64_t)(d[p * d_step + j] != 0.0f) << p;
}

/// Where the results of a sparse product go: to `c`, or onto weights as SGD's step.
typedef struct {
  float *c;
  int64_t stride;
  int is_update;
  float rate;
} sparse_target;

/// w ← fma(-rate, g, w) for the transpose g of `count` lines of results. `count` is
/// MK_SPARSE_GROUP.
MK_INLINE void update_transposed(const sparse_target *to, float *w, const float *result,
                                 int64_t width) {
  float gradient[MK_SPARSE_GROUP * MK_SPARSE_VECTORS * MK_LANES];
  const mk_vector rate = vector_broadcast(-to->rate);
  copy_transposed(gradient, MK_SPARSE_GROUP, result, width, MK_SPARSE_GROUP, width);
  for (int64_t r = 0; r < width; r++) {
    for (int l = 0; l < MK_SPARSE_GROUP; l += MK_LANES) {
      const mk_vector g = vector_load(gradient + r * MK_SPARSE_GROUP + l);
      float *at = w + r * to->stride + l;
      vector_store(at, vector_fma(rate, g, vector_load(at)));
    }
  }
}

/// `s.rows` are whole vectors, `s.columns` at most MK_SPARSE_COLUMNS.
static void multiply_sparse_columns(mk_shape s, mk_matrix a, mk_matrix b, sparse_target to) {
  enum { width_max = MK_SPARSE_VECTORS * MK_LANES };
  uint64_t mask[MK_SPARSE_COLUMNS];
  float result[MK_SPARSE_GROUP * width_max];
  sparse_masks(mask, b.base, b.row_stride, s.columns, s.depth);
  tile_heights split = split_rows(s.rows / MK_LANES, MK_SPARSE_VECTORS);
  for (int64_t i = 0; i < s.rows;) {
    const int64_t vectors = next_height(&split), width = vectors * MK_LANES;
    for (int64_t j = 0; j < s.columns; j += MK_SPARSE_GROUP) {
      const int64_t count = least(s.columns - j, MK_SPARSE_GROUP);
      float *c = to.c + i * to.stride + j;
      for (int64_t q = 0; q < count; q++)
        sparse_functions[vectors](a.base + i, a.column_stride, b.base + j + q, b.row_stride,
                                  mask[j + q], result + q * width);
      if (to.is_update) update_transposed(&to, c, result, width);
      else copy_transposed(c, to.stride, result, width, count, width);
    }
    i += width;
  }
}

/// Aᵀ·B without the terms where B is zero; 0 if that is not possible or not worth it, and then
/// nothing is done. The rows that are no whole vector are left to the caller.
static int multiply_sparse(mk_shape s, mk_matrix a, mk_matrix b, sparse_target to) {
  const int64_t whole = s.rows / MK_LANES * MK_LANES;
  if (a.row_stride != 1 || b.column_stride != 1 || s.depth > MK_SPARSE_DEPTH ||
      s.rows < MK_SPARSE_ROWS || s.columns < MK_SPARSE_GROUP)
    return 0;
  if (count_zeros(b.base, b.row_stride, s.depth, s.columns) < s.depth * s.columns / 4 ||
      !may_leave_out(range_of_lines(a.base, a.column_stride, s.depth, whole),
                     range_of_lines(b.base, b.row_stride, s.depth, s.columns)))
    return 0;
  for (int64_t j = 0; j < s.columns; j += MK_SPARSE_COLUMNS, to.c += MK_SPARSE_COLUMNS) {
    mk_matrix from_b = b;
    from_b.base += j;
    mk_shape part = {whole, least(s.columns - j, MK_SPARSE_COLUMNS), s.depth};
    multiply_sparse_columns(part, a, from_b, to);
  }
  return 1;
}

/// mk_step_table.sparse_sgd.
static int sparse_sgd(mk_shape s, mk_matrix a, mk_matrix b, float *w, int64_t stride, float rate) {
  if (s.rows % MK_LANES || s.columns % MK_SPARSE_GROUP) return 0;
  return multiply_sparse(s, a, b, (sparse_target){w, stride, 1, rate});
}
