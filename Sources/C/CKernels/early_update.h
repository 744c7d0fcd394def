// SGD's step on weights while the product that is their gradient is computed, so that the gradient
// need not be written and read again.
#pragma once
#include "steps.h"

/// Elements of an SGD operation that have their step already. One range is enough: only the weights
/// of a network's first layer are not read again going backward.
typedef struct {
  /// Null if there are none.
  const mk_operation *update;
  int64_t first, count;
} mk_early;

/// Does the product operations[index] and the step on its weights at once, if one of the operations
/// after it is that step and nothing can tell the difference but the cells of the gradient, which
/// keep what they hold. If not, nothing is done and `update` is null. For runs on one thread.
mk_early mk_update_early(const mk_kernels *kernels, const mk_operation *operations, int64_t index,
                         int64_t count, float *arena);

/// Runs the rest of the SGD operation.
void mk_update_rest(const mk_kernels *kernels, mk_early early, float *arena);
