// Weights packed once and multiplied often (mk_kernels.gemm_packed).
#include "blocking.h"
#include "CKernels.h"

int64_t mk_packed_floats(int64_t depth, int64_t columns) {
  return (columns + MK_PANEL - 1) / MK_PANEL * MK_PANEL * depth;
}

void mk_pack_weights(mk_matrix b, int64_t depth, int64_t columns, float *packed) {
  for (int64_t j = 0; j < columns; j += MK_PANEL) {
    for (int64_t p = 0; p < depth; p++) {
      const float *from = b.base + p * b.row_stride + j * b.column_stride;
      for (int64_t q = 0; q < MK_PANEL; q++)
        *packed++ = j + q < columns ? from[q * b.column_stride] : 0.0f;
    }
  }
}
