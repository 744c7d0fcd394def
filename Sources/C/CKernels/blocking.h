// Block sizes of the matrix product. They change speed, never bits (mk1 §2).
#pragma once

/// Depth of one block: 256 · 32 columns · 4 bytes = 32 KiB, one level-1 cache of B.
#define MK_DEPTH_BLOCK 256
/// Rows of one block of A: 140 = 10 · 14 (AVX-512 tile), near 144 = 24 · 6; 140 KiB of level 2.
#define MK_ROW_BLOCK 140
/// Columns of one block of B: 1 MiB of level 3.
#define MK_COLUMN_BLOCK 1024
/// A is packed in panels of at most this many rows; the packed block never exceeds the rows.
#define MK_WORKSPACE_FLOATS \
  (MK_DEPTH_BLOCK * MK_COLUMN_BLOCK + MK_ROW_BLOCK * MK_DEPTH_BLOCK + 64)
