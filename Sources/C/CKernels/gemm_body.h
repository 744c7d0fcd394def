// The matrix product, written once and compiled per instruction set.
//
// The including file defines: MK_LANES (floats per vector), MK_TILE_ROWS, mk_vector, and the inline
// functions vector_load, vector_store, vector_load_part, vector_store_part, vector_broadcast,
// vector_fma. A tile is `rows` × (`vectors` · MK_LANES) accumulators held in registers.
#pragma once
#include "blocking.h"
#include "CKernels.h"

#define MK_INLINE static inline __attribute__((always_inline))
#define MK_UNROLL _Pragma("clang loop unroll(full)")
#define MK_TILE_COLUMNS (2 * MK_LANES)

/// Where one tile reads and writes. `columns` counts the valid ones if the tile is partial.
typedef struct {
  const float *a, *b;
  float *c;
  int64_t depth, a_row, a_step, b_step, c_stride, columns;
  int load;
} tile_arguments;

MK_INLINE mk_vector tile_load(const float *p, int vector, int partial, int64_t columns) {
  p += vector * MK_LANES;
  return partial ? vector_load_part(p, columns - vector * MK_LANES) : vector_load(p);
}

/// One chain of fused multiply-adds per element, in depth order. All int parameters are constants.
MK_INLINE void tile_body(const tile_arguments *t, int rows, int vectors, int unit_row,
                         int partial) {
  mk_vector sum[MK_TILE_ROWS][2];
  const int64_t a_row = unit_row ? 1 : t->a_row, columns = t->columns;
  const float *a = t->a, *b = t->b;
  MK_UNROLL for (int i = 0; i < rows; i++) {
    MK_UNROLL for (int v = 0; v < vectors; v++) {
      sum[i][v] = t->load ? tile_load(t->c + i * t->c_stride, v, partial, columns)
                          : vector_broadcast(0.0f);
    }
  }
  for (int64_t p = 0; p < t->depth; p++) {
    mk_vector row[2];
    MK_UNROLL for (int v = 0; v < vectors; v++) row[v] = tile_load(b, v, partial, columns);
    MK_UNROLL for (int i = 0; i < rows; i++) {
      mk_vector scalar = vector_broadcast(a[i * a_row]);
      MK_UNROLL for (int v = 0; v < vectors; v++)
        sum[i][v] = vector_fma(scalar, row[v], sum[i][v]);
    }
    a += t->a_step;
    b += t->b_step;
  }
  MK_UNROLL for (int i = 0; i < rows; i++) {
    MK_UNROLL for (int v = 0; v < vectors; v++) {
      float *c = t->c + i * t->c_stride + v * MK_LANES;
      if (partial) vector_store_part(c, sum[i][v], columns - v * MK_LANES);
      else vector_store(c, sum[i][v]);
    }
  }
}

typedef void (*tile_function)(const tile_arguments *);

/// Two vectors wide and full, two wide and partial, one wide and partial.
enum { tile_full = 0, tile_partial = 1, tile_narrow = 2, tile_kinds = 3 };

#define MK_TILES(R)                                                                     \
  static void tile_##R##_full_unit(const tile_arguments *t) { tile_body(t, R, 2, 1, 0); } \
  static void tile_##R##_full(const tile_arguments *t) { tile_body(t, R, 2, 0, 0); }      \
  static void tile_##R##_part_unit(const tile_arguments *t) { tile_body(t, R, 2, 1, 1); } \
  static void tile_##R##_part(const tile_arguments *t) { tile_body(t, R, 2, 0, 1); }      \
  static void tile_##R##_thin_unit(const tile_arguments *t) { tile_body(t, R, 1, 1, 1); } \
  static void tile_##R##_thin(const tile_arguments *t) { tile_body(t, R, 1, 0, 1); }
#define MK_TILE_ROW(R)                                        \
  {{tile_##R##_full, tile_##R##_full_unit},                   \
   {tile_##R##_part, tile_##R##_part_unit},                   \
   {tile_##R##_thin, tile_##R##_thin_unit}}
#define MK_NO_TILE {{0, 0}, {0, 0}, {0, 0}}

MK_TILES(1) MK_TILES(2) MK_TILES(3) MK_TILES(4)
#if MK_TILE_ROWS > 4
MK_TILES(5) MK_TILES(6)
#endif
#if MK_TILE_ROWS > 6
MK_TILES(7) MK_TILES(8)
#endif
#if MK_TILE_ROWS > 8
MK_TILES(9) MK_TILES(10) MK_TILES(11) MK_TILES(12) MK_TILES(13) MK_TILES(14)
#endif

static const tile_function tiles[MK_TILE_ROWS + 1][tile_kinds][2] = {
  MK_NO_TILE, MK_TILE_ROW(1), MK_TILE_ROW(2), MK_TILE_ROW(3), MK_TILE_ROW(4),
#if MK_TILE_ROWS > 4
  MK_TILE_ROW(5), MK_TILE_ROW(6),
#endif
#if MK_TILE_ROWS > 6
  MK_TILE_ROW(7), MK_TILE_ROW(8),
#endif
#if MK_TILE_ROWS > 8
  MK_TILE_ROW(9), MK_TILE_ROW(10), MK_TILE_ROW(11), MK_TILE_ROW(12), MK_TILE_ROW(13),
  MK_TILE_ROW(14),
#endif
};

MK_INLINE int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

/// The rows of the next tile: the rest is split evenly, so that no tile is much thinner.
MK_INLINE int64_t tile_rows(int64_t rest) {
  int64_t count = (rest + MK_TILE_ROWS - 1) / MK_TILE_ROWS;
  return (rest + count - 1) / count;
}

/// Packs A [rows, depth] into panels: panel after panel, depth-major inside.
static void pack_a(float *restrict to, mk_matrix a, int64_t rows, int64_t depth) {
  for (int64_t i = 0; i < rows;) {
    int64_t height = tile_rows(rows - i);
    for (int64_t r = 0; r < height; r++) {
      const float *from = a.base + (i + r) * a.row_stride;
      for (int64_t p = 0; p < depth; p++) to[p * height + r] = from[p * a.column_stride];
    }
    to += height * depth;
    i += height;
  }
}

/// Packs A whose rows are adjacent in memory (a transposed matrix): one short copy per depth.
static void pack_a_transposed(float *restrict to, mk_matrix a, int64_t rows, int64_t depth) {
  for (int64_t i = 0; i < rows;) {
    int64_t height = tile_rows(rows - i);
    for (int64_t p = 0; p < depth; p++) {
      const float *from = a.base + i + p * a.column_stride;
      for (int64_t r = 0; r < height; r++) to[p * height + r] = from[r];
    }
    to += height * depth;
    i += height;
  }
}

/// One panel of a B whose columns are not adjacent in memory.
static void pack_b_strided(float *restrict to, const float *from, mk_matrix b, int64_t depth,
                           int64_t width) {
  for (int64_t q = 0; q < MK_TILE_COLUMNS; q++) {
    for (int64_t p = 0; p < depth; p++) {
      to[p * MK_TILE_COLUMNS + q] =
        q < width ? from[p * b.row_stride + q * b.column_stride] : 0.0f;
    }
  }
}

/// Packs B [depth, columns] into panels of MK_TILE_COLUMNS, missing columns as 0 (never stored).
static void pack_b(float *restrict to, mk_matrix b, int64_t depth, int64_t columns) {
  for (int64_t j = 0; j < columns; j += MK_TILE_COLUMNS) {
    int64_t width = least(columns - j, MK_TILE_COLUMNS);
    const float *from = b.base + j * b.column_stride;
    if (b.column_stride == 1) {
      int partial = width < MK_TILE_COLUMNS;
      for (int64_t p = 0; p < depth; p++) {
        float *row = to + p * MK_TILE_COLUMNS;
        vector_store(row, tile_load(from + p * b.row_stride, 0, partial, width));
        vector_store(row + MK_LANES, tile_load(from + p * b.row_stride, 1, partial, width));
      }
    } else {
      pack_b_strided(to, from, b, depth, width);
    }
    to += MK_TILE_COLUMNS * depth;
  }
}

/// One block of A and one of B, packed or in place.
typedef struct {
  const float *a, *b;
  int64_t rows, columns, depth, a_row, a_step, b_step;
  int packed_a, packed_b;
} block_arguments;

static void multiply_block(const block_arguments *k, float *c, int64_t c_stride, int load) {
  for (int64_t j = 0; j < k->columns; j += MK_TILE_COLUMNS) {
    int64_t width = least(k->columns - j, MK_TILE_COLUMNS);
    int kind = width == MK_TILE_COLUMNS ? tile_full : width > MK_LANES ? tile_partial : tile_narrow;
    const float *panel = k->a;
    for (int64_t i = 0; i < k->rows;) {
      int64_t height = tile_rows(k->rows - i);
      tile_arguments t = {
        .a = k->packed_a ? panel : k->a + i * k->a_row,
        .b = k->packed_b ? k->b + j * k->depth : k->b + j,
        .c = c + i * c_stride + j,
        .depth = k->depth, .a_row = k->a_row, .a_step = k->packed_a ? height : k->a_step,
        .b_step = k->packed_b ? MK_TILE_COLUMNS : k->b_step,
        .c_stride = c_stride, .columns = width, .load = load,
      };
      tiles[height][kind][k->packed_a || k->a_row == 1](&t);
      panel += height * k->depth;
      i += height;
    }
  }
}

/// Up to this many rows a panel of B is read so few times that packing costs more than it saves.
#define MK_DIRECT_ROWS 64
/// Up to this many columns the same holds for A.
#define MK_DIRECT_COLUMNS 128

static void gemm(mk_shape s, mk_matrix a, mk_matrix b, float *c, int64_t c_stride, int accumulate,
                 float *workspace) {
  if (s.depth == 0 && !accumulate) {
    for (int64_t i = 0; i < s.rows; i++)
      for (int64_t j = 0; j < s.columns; j++) c[i * c_stride + j] = 0.0f;
  }
  float *b_block = workspace, *a_block = workspace + MK_DEPTH_BLOCK * MK_COLUMN_BLOCK;
  const int direct_b = s.rows <= MK_DIRECT_ROWS || s.columns <= MK_TILE_COLUMNS;
  const int packed_b = !(b.column_stride == 1 && direct_b);
  const int packed_a = s.columns > MK_DIRECT_COLUMNS;
  for (int64_t jc = 0; jc < s.columns; jc += MK_COLUMN_BLOCK) {
    int64_t columns = least(s.columns - jc, MK_COLUMN_BLOCK);
    for (int64_t pc = 0; pc < s.depth; pc += MK_DEPTH_BLOCK) {
      int64_t depth = least(s.depth - pc, MK_DEPTH_BLOCK);
      mk_matrix from_b = b;
      from_b.base += pc * b.row_stride + jc * b.column_stride;
      if (packed_b) pack_b(b_block, from_b, depth, columns);
      for (int64_t ic = 0; ic < s.rows; ic += MK_ROW_BLOCK) {
        int64_t rows = least(s.rows - ic, MK_ROW_BLOCK);
        mk_matrix from_a = a;
        from_a.base += ic * a.row_stride + pc * a.column_stride;
        if (packed_a && a.row_stride == 1) pack_a_transposed(a_block, from_a, rows, depth);
        else if (packed_a) pack_a(a_block, from_a, rows, depth);
        block_arguments block = {
          .a = packed_a ? a_block : from_a.base, .b = packed_b ? b_block : from_b.base,
          .rows = rows, .columns = columns, .depth = depth, .a_row = a.row_stride,
          .a_step = a.column_stride, .b_step = b.row_stride,
          .packed_a = packed_a, .packed_b = packed_b,
        };
        multiply_block(&block, c + ic * c_stride + jc, c_stride, accumulate || pc > 0);
      }
    }
  }
}
