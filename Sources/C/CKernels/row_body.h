// Products of one row, where B is read once: no packing.
#pragma once
#include "pack_body.h"

/// Rows of B taken together while a piece of C is in registers.
#define MK_ROW_STEPS 4

/// c[j] takes `steps` (a constant) fused multiply-adds with rows of B that lie `stride` apart.
MK_INLINE void add_rows(float *c, const float *x, const float *b, int64_t stride, int64_t columns,
                        int load, int steps) {
  mk_vector scalar[MK_ROW_STEPS];
  MK_UNROLL for (int s = 0; s < steps; s++) scalar[s] = vector_broadcast(x[s]);
  int64_t j = 0;
  for (; j + MK_TILE_COLUMNS <= columns; j += MK_TILE_COLUMNS) {
    mk_vector sum[2];
    MK_UNROLL for (int v = 0; v < 2; v++) {
      sum[v] = load ? vector_load(c + j + v * MK_LANES) : vector_broadcast(0.0f);
      MK_UNROLL for (int s = 0; s < steps; s++)
        sum[v] = vector_fma(scalar[s], vector_load(b + s * stride + j + v * MK_LANES), sum[v]);
      vector_store(c + j + v * MK_LANES, sum[v]);
    }
  }
  for (; j < columns; j += MK_LANES) {
    mk_vector sum = load ? vector_load_part(c + j, columns - j) : vector_broadcast(0.0f);
    MK_UNROLL for (int s = 0; s < steps; s++)
      sum = vector_fma(scalar[s], vector_load_part(b + s * stride + j, columns - j), sum);
    vector_store_part(c + j, sum, columns - j);
  }
}

/// One row times B whose rows are adjacent in memory: rows of B stream by, C stays near.
static void row_times_rows(mk_shape s, mk_matrix a, mk_matrix b, float *c, int load) {
  int64_t p = 0;
  for (; p + MK_ROW_STEPS <= s.depth; p += MK_ROW_STEPS) {
    float x[MK_ROW_STEPS];
    for (int i = 0; i < MK_ROW_STEPS; i++) x[i] = a.base[(p + i) * a.column_stride];
    add_rows(c, x, b.base + p * b.row_stride, b.row_stride, s.columns, load || p > 0,
             MK_ROW_STEPS);
  }
  for (; p < s.depth; p++)
    add_rows(c, a.base + p * a.column_stride, b.base + p * b.row_stride, 0, s.columns,
             load || p > 0, 1);
}

/// Groups of MK_LANES columns taken together, so that their chains of additions overlap.
#define MK_COLUMN_GROUPS 4

/// `groups` (a constant) · MK_LANES columns of B^T, each adjacent in memory, times one row.
MK_INLINE void add_columns(float *c, const float *x, int64_t x_step, const float *b,
                           int64_t stride, int64_t depth, int64_t columns, int load, int groups) {
  mk_vector sum[MK_COLUMN_GROUPS];
  MK_UNROLL for (int g = 0; g < groups; g++)
    sum[g] = load ? vector_load_part(c + g * MK_LANES, columns - g * MK_LANES)
                  : vector_broadcast(0.0f);
  for (int64_t p = 0; p < depth; p += MK_LANES) {
    int64_t steps = least(depth - p, MK_LANES);
    MK_UNROLL for (int g = 0; g < groups; g++) {
      mk_vector block[MK_LANES];
      load_transposed(block, b + g * MK_LANES * stride + p, stride, columns - g * MK_LANES,
                      steps);
      if (steps == MK_LANES) {
        MK_UNROLL for (int i = 0; i < MK_LANES; i++)
          sum[g] = vector_fma(vector_broadcast(x[(p + i) * x_step]), block[i], sum[g]);
      } else {
        for (int64_t i = 0; i < steps; i++)
          sum[g] = vector_fma(vector_broadcast(x[(p + i) * x_step]), block[i], sum[g]);
      }
    }
  }
  MK_UNROLL for (int g = 0; g < groups; g++)
    vector_store_part(c + g * MK_LANES, sum[g], columns - g * MK_LANES);
}

/// One row times B whose columns are adjacent in memory: transposed in registers.
static void row_times_columns(mk_shape s, mk_matrix a, mk_matrix b, float *c, int load) {
  enum { width = MK_COLUMN_GROUPS * MK_LANES };
  int64_t j = 0;
  for (; j + width <= s.columns; j += width)
    add_columns(c + j, a.base, a.column_stride, b.base + j * b.column_stride, b.column_stride,
                s.depth, width, load, MK_COLUMN_GROUPS);
  for (; j < s.columns; j += MK_LANES)
    add_columns(c + j, a.base, a.column_stride, b.base + j * b.column_stride, b.column_stride,
                s.depth, least(s.columns - j, MK_LANES), load, 1);
}

/// One row of a product with packed weights: each panel is read from its first float to its last.
static void row_times_panel(const float *x, int64_t x_step, const float *panel, int64_t depth,
                            float *c, int64_t columns, int load) {
  enum { vectors = MK_PANEL / MK_LANES };
  mk_vector sum[vectors];
  MK_UNROLL for (int v = 0; v < vectors; v++)
    sum[v] = load ? vector_load_part(c + v * MK_LANES, columns - v * MK_LANES)
                  : vector_broadcast(0.0f);
  for (int64_t p = 0; p < depth; p++) {
    mk_vector scalar = vector_broadcast(x[p * x_step]);
    MK_UNROLL for (int v = 0; v < vectors; v++)
      sum[v] = vector_fma(scalar, vector_load(panel + p * MK_PANEL + v * MK_LANES), sum[v]);
  }
  MK_UNROLL for (int v = 0; v < vectors; v++)
    vector_store_part(c + v * MK_LANES, sum[v], columns - v * MK_LANES);
}
