// The steps of operations: one function per opcode and phase, compiled per variant.
#pragma once
#include "program.h"

/// One share of an operation: units first … first + count - 1 of one of its phases. Shares of a
/// phase write disjoint cells; a phase starts when the one before it is done.
typedef struct mk_share {
  const mk_operation *operation;
  float *arena;
  /// Scratch memory common to all shares and phases of the operation.
  float *shared;
  /// Scratch memory of this thread.
  float *scratch;
  int64_t first, count;
} mk_share;

typedef void (*mk_step)(const mk_share *share);

/// Most phases of an operation (batch norm).
enum { mk_phases_max = 5 };

/// The steps of one variant. Products and convolutions are not here: they have own kernels.
typedef struct mk_step_table {
  mk_step step[mk_opcode_end][mk_phases_max];
  /// w ← fma(-rate, g, w) with g = A·B [rows, columns], where that is fast because of many zeros in
  /// B; 0 where it is not, and then nothing is done.
  int (*sparse_sgd)(mk_shape shape, mk_matrix a, mk_matrix b, float *w, int64_t stride,
                    float rate);
} mk_step_table;

/// Elements of one chunk of a long sum (mk1 §3).
enum { mk_sum_chunk = 4096 };

/// Rows of one chunk of batch norm's sums (mk1 §11).
enum { mk_row_chunk = 256 };

/// Rows of attention that are computed together.
enum { mk_attention_rows = 16 };

/// `value` rounded up to a multiple of the 16 lanes of a sum.
static inline int64_t mk_whole_lanes(int64_t value) { return (value + 15) / 16 * 16; }

/// Floats of one thread's scratch memory for attention: one head's K or V transposed, then a row of
/// scores or, going backward, their whole gradient.
static inline int64_t mk_attention_scratch(const mk_operation *o) {
  const int64_t time = o->size[1], dim = o->size[3];
  return time * dim + (o->opcode == mk_op_attention ? mk_whole_lanes(time) : time * time);
}
