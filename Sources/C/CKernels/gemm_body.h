// The matrix product, written once and compiled per instruction set. How it is computed depends on
// the shape (blocked, one row, or as the transposed product); the chains never do.
#pragma once
#include "row_body.h"
#include "sparse_body.h"

/// One block of A and one of B, packed or in place.
typedef struct {
  const float *a, *b;
  int64_t rows, columns, depth, a_row, a_step, b_step;
  int packed_a, packed_b;
} block_arguments;

/// What all tiles of the columns that `choice` covers, from column `j` on, have in common.
MK_INLINE tile_arguments tile_of_columns(const block_arguments *k, tile_choice choice, int64_t j,
                                         float *c, int64_t c_stride, int load) {
  int64_t panel = j / MK_TILE_COLUMNS * MK_TILE_COLUMNS * k->depth + j % MK_TILE_COLUMNS;
  return (tile_arguments){
    .b = k->b + (k->packed_b ? panel : j), .c = c + j, .depth = k->depth, .segments = 1,
    .a_row = k->a_row, .a_step = k->a_step, .b_step = k->packed_b ? MK_TILE_COLUMNS : k->b_step,
    .c_stride = c_stride, .columns = choice.width, .load = load,
    .whole = k->packed_b ? k->depth
                         : whole_steps(k->depth, k->b_step, choice.width, choice.lanes),
  };
}

/// All rows of some columns, then the next columns: a panel of B stays near.
static void multiply_by_columns(const block_arguments *k, float *c, int64_t c_stride, int load) {
  tile_choice choice;
  for (int64_t j = 0; j < k->columns; j += choice.width) {
    choice = choose_tiles(k->columns - j);
    tile_arguments t = tile_of_columns(k, choice, j, c, c_stride, load);
    tile_heights split = split_rows(k->rows, k->packed_a ? MK_TILE_ROWS : choice.rows);
    int64_t height, unit = k->packed_a || k->a_row == 1;
    for (int64_t i = 0; i < k->rows; i += height) {
      height = next_height(&split);
      t.a = k->a + i * (k->packed_a ? k->depth : k->a_row);
      if (k->packed_a) t.a_step = height;
      choice.tiles[height][unit](&t);
      t.c += height * c_stride;
    }
  }
}

/// Up to this many columns A is read so few times that packing costs more than it saves.
#define MK_DIRECT_COLUMNS 128
/// Floats of a B that stays in the first level cache beside some rows of A and C: 24 of 32 KiB.
#define MK_NEAR_FLOATS 6144

/// A few rows of all columns, then the next rows: a B in place stays near as a whole.
static void multiply_by_rows(const block_arguments *k, float *c, int64_t c_stride, int load) {
  tile_arguments t[MK_DIRECT_COLUMNS / MK_TILE_COLUMNS + 2];
  tile_choice choices[MK_DIRECT_COLUMNS / MK_TILE_COLUMNS + 2];
  int count = 0;
  for (int64_t j = 0; j < k->columns; j += choices[count++].width) {
    choices[count] = choose_tiles(k->columns - j);
    t[count] = tile_of_columns(k, choices[count], j, c, c_stride, load);
  }
  tile_heights split = split_rows(k->rows, MK_TILE_ROWS);
  int64_t height, unit = k->a_row == 1;
  for (int64_t i = 0; i < k->rows; i += height) {
    height = next_height(&split);
    for (int place = 0; place < count; place++) {
      t[place].a = k->a + i * k->a_row;
      choices[place].tiles[height][unit](&t[place]);
      t[place].c += height * c_stride;
    }
  }
}

/// By rows where a B in place is near: 2 % faster with vectors of 8 lanes, which read B more often.
static void multiply_block(const block_arguments *k, float *c, int64_t c_stride, int load) {
  int is_near = MK_LANES <= 8 && k->columns >= MK_TILE_COLUMNS &&
                k->columns <= MK_DIRECT_COLUMNS && k->depth * k->b_step <= MK_NEAR_FLOATS;
  if (is_near && !k->packed_a && !k->packed_b) multiply_by_rows(k, c, c_stride, load);
  else multiply_by_columns(k, c, c_stride, load);
}

/// Up to this many rows a panel of B is read so few times that packing costs more than it saves.
#define MK_DIRECT_ROWS 64

/// Floats between addresses that share the lines of one set of the first level cache, 4 KiB, and
/// the lines of a set: a tile of more rows than that, so far apart, would push its own A out.
#define MK_SET_FLOATS 1024
#define MK_SET_LINES 8

/// Whether tiles read A from packed panels: it is read often, or in place it lies badly.
MK_INLINE int needs_packed_a(mk_shape s, mk_matrix a) {
  int collides = MK_TILE_ROWS > MK_SET_LINES && a.row_stride % MK_SET_FLOATS == 0 &&
                 s.rows > MK_DIRECT_ROWS && s.columns >= 2 * MK_TILE_COLUMNS;
  return s.columns > MK_DIRECT_COLUMNS || collides;
}

/// All rows of one block of depth: `b` in place or packed.
static void multiply_rows(mk_shape s, mk_matrix a, const block_arguments *of_b, float *c,
                          int64_t c_stride, int load, float *a_block) {
  for (int64_t i = 0; i < s.rows; i += MK_ROW_BLOCK) {
    mk_matrix from_a = a;
    from_a.base += i * a.row_stride;
    block_arguments block = *of_b;
    block.rows = least(s.rows - i, MK_ROW_BLOCK);
    if (block.packed_a) pack_a(a_block, from_a, block.rows, block.depth);
    block.a = block.packed_a ? a_block : from_a.base;
    multiply_block(&block, c + i * c_stride, c_stride, load);
  }
}

static void multiply_blocks(mk_shape s, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
                            int accumulate, float *workspace) {
  float *b_block = workspace, *a_block = workspace + MK_DEPTH_BLOCK * MK_COLUMN_BLOCK;
  const int direct_b = s.rows <= MK_DIRECT_ROWS || s.columns <= MK_TILE_COLUMNS;
  const int packed_b = !(b.column_stride == 1 && direct_b);
  for (int64_t jc = 0; jc < s.columns; jc += MK_COLUMN_BLOCK) {
    for (int64_t pc = 0; pc < s.depth; pc += MK_DEPTH_BLOCK) {
      mk_matrix from_a = a, from_b = b;
      from_a.base += pc * a.column_stride;
      from_b.base += pc * b.row_stride + jc * b.column_stride;
      block_arguments block = {
        .b = packed_b ? b_block : from_b.base, .columns = least(s.columns - jc, MK_COLUMN_BLOCK),
        .depth = least(s.depth - pc, MK_DEPTH_BLOCK), .a_row = a.row_stride,
        .a_step = a.column_stride, .b_step = b.row_stride,
        .packed_a = needs_packed_a(s, a), .packed_b = packed_b,
      };
      if (packed_b) pack_b(b_block, from_b, block.depth, block.columns);
      multiply_rows(s, from_a, &block, c + jc, c_stride, accumulate || pc > 0, a_block);
    }
  }
}

/// What transposing one vector costs, in fused multiply-adds of a vector: measured on Zen 4, where
/// 512 bits are shuffled at half the rate.
#define MK_TRANSPOSE_COST (MK_LANES > 8 ? 6 : 4)

/// About how long a product takes that vectorises over its columns, in vector operations a step.
static int64_t product_cost(int64_t rows, int64_t columns, int transposed_b) {
  int64_t vectors = (columns + MK_LANES - 1) / MK_LANES;
  return rows * vectors + (transposed_b ? vectors * MK_TRANSPOSE_COST : 0);
}

/// Whether to compute Cᵀ = Bᵀ·Aᵀ: few columns, or B needs a transposition and A a smaller one.
static int is_better_transposed(mk_shape s, mk_matrix a, mk_matrix b) {
  if (s.rows * s.columns > MK_TRANSPOSED_FLOATS || s.depth == 0) return 0;
  int64_t plain = product_cost(s.rows, s.columns, b.column_stride != 1);
  int64_t other = product_cost(s.columns, s.rows, a.row_stride != 1);
  int64_t result = s.rows * s.columns / MK_LANES * MK_TRANSPOSE_COST / s.depth;
  return 10 * (other + result) < 9 * plain;
}

static void multiply_transposed(mk_shape s, mk_matrix a, mk_matrix b, float *c, int64_t c_stride,
                                int accumulate, float *workspace) {
  float *result = workspace + MK_WORKSPACE_FLOATS - MK_TRANSPOSED_FLOATS;
  if (accumulate) copy_transposed(result, s.rows, c, c_stride, s.rows, s.columns);
  multiply_blocks((mk_shape){s.columns, s.rows, s.depth},
                  (mk_matrix){b.base, b.column_stride, b.row_stride},
                  (mk_matrix){a.base, a.column_stride, a.row_stride}, result, s.rows, accumulate,
                  workspace);
  copy_transposed(c, c_stride, result, s.rows, s.columns, s.rows);
}

static void gemm(mk_shape s, mk_matrix a, mk_matrix b, float *c, int64_t c_stride, int accumulate,
                 float *workspace) {
  if (s.depth == 0 && !accumulate) {
    for (int64_t i = 0; i < s.rows; i++)
      for (int64_t j = 0; j < s.columns; j++) c[i * c_stride + j] = 0.0f;
  } else if (s.rows == 1 && b.column_stride == 1) {
    row_times_rows(s, a, b, c, accumulate);
  } else if (s.rows == 1 && b.row_stride == 1) {
    row_times_columns(s, a, b, c, accumulate);
  } else if (is_better_transposed(s, a, b)) {
    multiply_transposed(s, a, b, c, c_stride, accumulate, workspace);
  } else {
    if (!accumulate && multiply_sparse(s, a, b, (sparse_target){c, c_stride, 0, 0})) {
      // Only rows that are no whole vector are left.
      int64_t done = s.rows / MK_LANES * MK_LANES;
      s.rows -= done;
      a.base += done * a.row_stride;
      c += done * c_stride;
    }
    if (s.rows) multiply_blocks(s, a, b, c, c_stride, accumulate, workspace);
  }
}

/// Products with packed weights: in place, block of depth after block of depth.
static void gemm_packed(mk_shape s, mk_matrix a, const float *packed, float *c, int64_t c_stride,
                        int accumulate) {
  for (int64_t j = 0; j < s.columns; j += MK_PANEL) {
    int64_t width = least(s.columns - j, MK_PANEL);
    const float *panel = packed + j * s.depth;
    if (s.rows == 1) {
      row_times_panel(a.base, a.column_stride, panel, s.depth, c + j, width, accumulate);
      continue;
    }
    // At least once, so that a depth of 0 gives 0.
    for (int64_t p = 0; p == 0 || p < s.depth; p += MK_DEPTH_BLOCK) {
      block_arguments block = {
        .a = a.base + p * a.column_stride, .b = panel + p * MK_PANEL, .rows = s.rows,
        .columns = width, .depth = least(s.depth - p, MK_DEPTH_BLOCK), .a_row = a.row_stride,
        .a_step = a.column_stride, .b_step = MK_PANEL,
      };
      multiply_block(&block, c + j, c_stride, accumulate || p > 0);
    }
  }
}
