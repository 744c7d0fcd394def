#include "early_update.h"

/// Cells of a gradient below which nothing is gained: it stays in the second level cache.
enum { cells_min = 1 << 15 };

typedef struct {
  int64_t offset, count;
} cells;

static int overlap(cells a, cells b) {
  return a.offset < b.offset + b.count && b.offset < a.offset + a.count;
}

/// Whether an operation reads or writes (or, if `only_writes`, writes) some of the cells.
static int touches(const mk_operation *o, cells some, int only_writes) {
  mk_cell_range ranges[mk_ranges_max];
  const int count = mk_operation_ranges(o, ranges);
  for (int i = 0; i < count; i++) {
    const cells range = {ranges[i].offset, ranges[i].count};
    if ((ranges[i].writes || !only_writes) && overlap(range, some)) return 1;
  }
  return 0;
}

/// Operations that may end the run, after which no weight may have changed.
static int may_stop(const mk_operation *o) {
  switch (o->opcode) {
    case mk_op_softmax_cross_entropy: case mk_op_classify: case mk_op_embedding:
    case mk_op_embedding_backward: case mk_op_max_pool_backward: return 1;
    default: return 0;
  }
}

/// The SGD operation that makes a step of the gradient, if no operation before it would notice that
/// the weights change early or that the gradient is missing.
static const mk_operation *find_update(const mk_operation *operations, int64_t index,
                                       int64_t count, cells gradient) {
  const mk_operation *product = &operations[index], *update = NULL;
  int64_t end = index + 1;
  for (; end < count && !update; end++) {
    const mk_operation *o = &operations[end];
    const cells all = {o->in[0], o->size[0]};
    if (o->opcode == mk_op_sgd && overlap(all, gradient)) update = o;
  }
  if (!update || gradient.offset < update->in[0] ||
      gradient.offset + gradient.count > update->in[0] + update->size[0])
    return NULL;
  const cells weights = {update->out[0] + gradient.offset - update->in[0], gradient.count};
  const cells rate = {update->in[1], 1};
  if (touches(product, weights, 0) || touches(product, rate, 1) || overlap(weights, rate) ||
      overlap(rate, gradient))
    return NULL;
  for (const mk_operation *o = product + 1; o < operations + count; o++) {
    if (o != update && touches(o, gradient, 0)) return NULL;
    if (o < update && (may_stop(o) || touches(o, weights, 0) || touches(o, rate, 1))) return NULL;
  }
  return update;
}

mk_early mk_update_early(const mk_kernels *kernels, const mk_operation *operations, int64_t index,
                         int64_t count, float *arena) {
  const mk_early none = {NULL, 0, 0};
  const mk_operation *o = &operations[index];
  const int64_t rows = o->size[0], columns = o->size[1], depth = o->size[2];
  const cells gradient = {o->out[0], rows * columns};
  if (o->flags != mk_flag_transpose_a || gradient.count < cells_min) return none;
  const mk_operation *update = find_update(operations, index, count, gradient);
  if (!update) return none;
  const int64_t first = gradient.offset - update->in[0];
  const mk_matrix a = {arena + o->in[0], 1, rows}, b = {arena + o->in[1], columns, 1};
  const int is_done =
    kernels->steps->sparse_sgd((mk_shape){rows, columns, depth}, a, b,
                               arena + update->out[0] + first, columns, arena[update->in[1]]);
  return is_done ? (mk_early){update, first, gradient.count} : none;
}

static void update_range(const mk_kernels *kernels, const mk_operation *update, float *arena,
                         int64_t first, int64_t end) {
  const mk_share share = {.operation = update, .arena = arena, .first = first,
                          .count = end - first};
  kernels->steps->step[mk_op_sgd][0](&share);
}

void mk_update_rest(const mk_kernels *kernels, mk_early early, float *arena) {
  update_range(kernels, early.update, arena, 0, early.first);
  update_range(kernels, early.update, arena, early.first + early.count, early.update->size[0]);
}
