// Packing: blocks of A and B copied to the order in which tiles read them.
#pragma once
#include "tile_body.h"

/// LANES × LANES elements from[q · stride + p], of which `count` lines q and `depth` steps p exist,
/// as vectors over q: block[p]. Missing elements are 0.
MK_INLINE void load_transposed(mk_vector block[MK_LANES], const float *from, int64_t stride,
                               int64_t count, int64_t depth) {
  if (count >= MK_LANES && depth >= MK_LANES) {
    MK_UNROLL for (int q = 0; q < MK_LANES; q++) block[q] = vector_load(from + q * stride);
  } else {
    for (int q = 0; q < MK_LANES; q++)
      block[q] = q < count ? vector_load_part(from + q * stride, depth) : vector_broadcast(0.0f);
  }
  vector_transpose(block);
}

/// to[p · to_stride + q] = from[q · from_stride + p] for at most MK_LANES lines q, `depth` steps p.
/// `stored` lanes of each step are written: more than `count` of them as 0.
MK_INLINE void transpose_lines(float *to, int64_t to_stride, const float *from,
                               int64_t from_stride, int64_t count, int64_t depth, int64_t stored) {
  for (int64_t p = 0; p < depth; p += MK_LANES) {
    mk_vector block[MK_LANES];
    load_transposed(block, from + p, from_stride, count, depth - p);
    int64_t steps = least(depth - p, MK_LANES);
    float *out = to + p * to_stride;
    if (stored >= MK_LANES && steps == MK_LANES) {
      MK_UNROLL for (int s = 0; s < MK_LANES; s++) vector_store(out + s * to_stride, block[s]);
    } else {
      for (int64_t s = 0; s < steps; s++) vector_store_part(out + s * to_stride, block[s], stored);
    }
  }
}

#if defined(MK_EIGHTS)
/// The whole blocks of 8 × 8 of `copy_transposed`: those of 16 lines side by side, so that a cache
/// line of the result is written at once.
static void copy_eights(float *to, int64_t to_stride, const float *from, int64_t from_stride,
                        int64_t count, int64_t depth) {
  const int64_t wide = 2 * MK_EIGHTS;
  for (int64_t q = 0; q + MK_EIGHTS <= count; q += wide) {
    for (int64_t p = 0; p + MK_EIGHTS <= depth; p += MK_EIGHTS) {
      float *out = to + p * to_stride + q;
      const float *in = from + q * from_stride + p;
      transpose_eight(out, to_stride, in, from_stride);
      if (q + wide <= count)
        transpose_eight(out + MK_EIGHTS, to_stride, in + MK_EIGHTS * from_stride, from_stride);
    }
  }
}
#endif

/// to[p · to_stride + q] = from[q · from_stride + p] for `count` lines q and `depth` steps p.
static void copy_transposed(float *to, int64_t to_stride, const float *from, int64_t from_stride,
                            int64_t count, int64_t depth) {
  int64_t lines = 0, steps = 0;
#if defined(MK_EIGHTS)
  copy_eights(to, to_stride, from, from_stride, count, depth);
  lines = count / MK_EIGHTS * MK_EIGHTS;
  steps = depth / MK_EIGHTS * MK_EIGHTS;
#endif
  for (int64_t q = 0; q < count; q += MK_LANES) {
    // Of the first lines only the last steps are left.
    int64_t p = q + MK_LANES <= lines ? steps : 0;
    transpose_lines(to + p * to_stride + q, to_stride, from + q * from_stride + p, from_stride,
                    count - q, depth - p, count - q);
  }
}

/// One panel of A whose depth is adjacent in memory. Vectors are stored whole: what they write too
/// much is overwritten by the next step or lies behind the panel.
static void pack_lines(float *restrict to, const float *from, int64_t stride, int64_t height,
                       int64_t depth) {
  for (int64_t r = 0; r < height; r += MK_LANES)
    transpose_lines(to + r, height, from + r * stride, stride, height - r, depth, MK_LANES);
}

/// One panel of A of any strides.
static void pack_scattered(float *restrict to, const float *from, mk_matrix a, int64_t height,
                           int64_t depth) {
  for (int64_t r = 0; r < height; r++)
    for (int64_t p = 0; p < depth; p++)
      to[p * height + r] = from[r * a.row_stride + p * a.column_stride];
}

/// Packs A [rows, depth] into panels: panel after panel, depth-major inside. Up to MK_LANES floats
/// behind the last panel are overwritten.
static void pack_a(float *restrict to, mk_matrix a, int64_t rows, int64_t depth) {
  tile_heights split = split_rows(rows, MK_TILE_ROWS);
  for (int64_t i = 0; i < rows;) {
    int64_t height = next_height(&split);
    const float *from = a.base + i * a.row_stride;
    if (a.row_stride == 1 && height <= MK_LANES) {
      for (int64_t p = 0; p < depth; p++)
        vector_store(to + p * height, vector_load_part(from + p * a.column_stride, height));
    } else if (a.column_stride == 1 && (height <= MK_LANES || height % MK_LANES == 0)) {
      pack_lines(to, from, a.row_stride, height, depth);
    } else {
      pack_scattered(to, from, a, height, depth);
    }
    to += height * depth;
    i += height;
  }
}

/// One panel of B of any strides.
static void pack_b_scattered(float *restrict to, const float *from, mk_matrix b, int64_t depth,
                             int64_t width) {
  for (int64_t p = 0; p < depth; p++) {
    for (int64_t q = 0; q < MK_TILE_COLUMNS; q++) {
      to[p * MK_TILE_COLUMNS + q] =
        q < width ? from[p * b.row_stride + q * b.column_stride] : 0.0f;
    }
  }
}

/// One panel of B whose rows are adjacent in memory.
static void pack_b_rows(float *restrict to, const float *from, int64_t stride, int64_t depth,
                        int64_t width) {
  int partial = width < MK_TILE_COLUMNS;
  for (int64_t p = 0; p < depth; p++) {
    vector_store(to + p * MK_TILE_COLUMNS, tile_load(from + p * stride, 0, partial, width));
    vector_store(to + p * MK_TILE_COLUMNS + MK_LANES,
                 tile_load(from + p * stride, 1, partial, width));
  }
}

/// Packs B [depth, columns] into panels of MK_TILE_COLUMNS, missing columns as 0 (never stored).
static void pack_b(float *restrict to, mk_matrix b, int64_t depth, int64_t columns) {
  for (int64_t j = 0; j < columns; j += MK_TILE_COLUMNS) {
    int64_t width = least(columns - j, MK_TILE_COLUMNS);
    const float *from = b.base + j * b.column_stride;
    if (b.column_stride == 1) {
      pack_b_rows(to, from, b.row_stride, depth, width);
    } else if (b.row_stride == 1) {
      for (int64_t q = 0; q < MK_TILE_COLUMNS; q += MK_LANES)
        transpose_lines(to + q, MK_TILE_COLUMNS, from + q * b.column_stride, b.column_stride,
                        width - q, depth, MK_LANES);
    } else {
      pack_b_scattered(to, from, b, depth, width);
    }
    to += MK_TILE_COLUMNS * depth;
  }
}
