// Block sizes of the matrix product. They change speed, never bits (mk1 §2).
#pragma once

/// Depth of one block. The best of 192, 256, 320, 384 on Zen 4 (1 MiB level 2) for sides 512–1024.
#define MK_DEPTH_BLOCK 384
/// Rows of one block of A: 6 · 14 (AVX-512 tile) = 14 · 6 (AVX2); 126 KiB of level 2.
#define MK_ROW_BLOCK 84
/// Columns of one block of B: 1.5 MiB of level 3.
#define MK_COLUMN_BLOCK 1024
/// One block of B, one of A.
#define MK_WORKSPACE_FLOATS \
  (MK_DEPTH_BLOCK * MK_COLUMN_BLOCK + MK_ROW_BLOCK * MK_DEPTH_BLOCK + 64)
/// Columns of a panel of pre-packed weights: a whole number of vectors of every variant.
#define MK_PANEL 64
