// Block sizes of the matrix product. They change speed, never bits (mk1 §2).
#pragma once
#include <stdint.h>

/// Depth of one block. The best of 192, 256, 320, 384 on Zen 4 (1 MiB level 2) for sides 512–1024.
#define MK_DEPTH_BLOCK 384
/// Rows of one block of A: 6 · 14 (AVX-512 tile) = 14 · 6 (AVX2); 126 KiB of level 2.
#define MK_ROW_BLOCK 84
/// Columns of one block of B: 1.5 MiB of level 3.
#define MK_COLUMN_BLOCK 1024
/// Largest result that is computed transposed: 64 KiB.
#define MK_TRANSPOSED_FLOATS 16384
/// What a vector stored whole may write behind a packed block.
#define MK_WORKSPACE_MARGIN 64
/// One block of B, one of A, one transposed result.
#define MK_WORKSPACE_FLOATS                                                              \
  (MK_DEPTH_BLOCK * MK_COLUMN_BLOCK + MK_ROW_BLOCK * MK_DEPTH_BLOCK + MK_WORKSPACE_MARGIN + \
   MK_TRANSPOSED_FLOATS)
/// Columns of a panel of pre-packed weights: a whole number of vectors of every variant.
#define MK_PANEL 64
/// Columns of the widest tile: AVX-512.
#define MK_TILE_COLUMNS_MAX 32

/// Floats of weights [depth, columns] packed for tiles of any variant.
static inline int64_t mk_packed_weights_floats(int64_t depth, int64_t columns) {
  return depth * ((columns + MK_TILE_COLUMNS_MAX - 1) / MK_TILE_COLUMNS_MAX * MK_TILE_COLUMNS_MAX);
}
