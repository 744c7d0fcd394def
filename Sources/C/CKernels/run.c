// Runs programs: one operation after the other, each phase of a large one shared among threads.
#include "early_update.h"

/// Work (floating-point operations, weighed by mk_operation_work) below which an operation stays on
/// one thread: waking a thread costs about as much.
enum { mk_shared_work = 2000000 };

/// Shares per thread, so that one slow thread does not hold up the others.
enum { mk_shares_per_thread = 2 };

/// What the units of a phase are.
typedef enum {
  unit_none = 0,
  unit_size0,
  /// Rows of size 0 and size 1.
  unit_size1,
  unit_one,
  /// Blocks of four of size 0.
  unit_blocks,
  unit_sum_chunks,
  unit_row_chunks,
  /// Batch · heads.
  unit_heads,
} unit_kind;

static const uint8_t units[mk_opcode_end][mk_phases_max] = {
  [mk_op_bias] = {unit_size0}, [mk_op_bias_relu] = {unit_size0},
  [mk_op_column_sums] = {unit_size1},
  [mk_op_activation] = {unit_size0}, [mk_op_activation_backward] = {unit_size0},
  [mk_op_add] = {unit_size0}, [mk_op_add_broadcast] = {unit_size0},
  [mk_op_multiply] = {unit_size0}, [mk_op_scale] = {unit_size0}, [mk_op_fill] = {unit_size0},
  [mk_op_copy] = {unit_size0}, [mk_op_transpose] = {unit_size0},
  [mk_op_dropout] = {unit_blocks}, [mk_op_softmax] = {unit_size0},
  [mk_op_max_pool] = {unit_size0}, [mk_op_max_pool_backward] = {unit_size0},
  [mk_op_average_pool] = {unit_size0}, [mk_op_average_pool_backward] = {unit_size0},
  [mk_op_layer_norm] = {unit_size0}, [mk_op_layer_norm_backward] = {unit_size1, unit_size0},
  [mk_op_rms_norm] = {unit_size0}, [mk_op_rms_norm_backward] = {unit_size1, unit_size0},
  [mk_op_batch_norm] = {unit_row_chunks, unit_one, unit_row_chunks, unit_one, unit_size0},
  [mk_op_batch_norm_backward] = {unit_row_chunks, unit_one, unit_size0},
  [mk_op_batch_norm_inference] = {unit_size0},
  [mk_op_embedding] = {unit_size0}, [mk_op_embedding_backward] = {unit_size1},
  [mk_op_attention] = {unit_heads}, [mk_op_attention_backward] = {unit_heads},
  [mk_op_softmax_cross_entropy] = {unit_size0}, [mk_op_classify] = {unit_size0},
  [mk_op_binary_cross_entropy] = {unit_size0}, [mk_op_mean_squared_error] = {unit_size0},
  [mk_op_mean_absolute_error] = {unit_size0}, [mk_op_huber] = {unit_size0},
  [mk_op_mean] = {unit_one},
  [mk_op_gradient_norm] = {unit_sum_chunks, unit_one}, [mk_op_clip] = {unit_size0},
  [mk_op_sgd] = {unit_size0}, [mk_op_momentum] = {unit_size0}, [mk_op_adam] = {unit_size0},
  [mk_op_adamw] = {unit_size0}, [mk_op_rmsprop] = {unit_size0}, [mk_op_adagrad] = {unit_size0},
};

static int64_t chunks(int64_t count, int64_t chunk) { return (count + chunk - 1) / chunk; }

static int64_t unit_count(const mk_operation *o, unit_kind kind) {
  switch (kind) {
    case unit_size0: return o->size[0];
    case unit_size1: return o->size[1];
    case unit_one: return 1;
    case unit_blocks: return chunks(o->size[0], 4);
    case unit_sum_chunks: return chunks(o->size[0], mk_sum_chunk);
    case unit_row_chunks: return chunks(o->size[0], mk_row_chunk);
    case unit_heads: return o->size[0] * o->size[2];
    case unit_none: break;
  }
  return 0;
}

/// Floats that all phases and shares of an operation have in common.
static int64_t shared_floats(const mk_operation *o) {
  switch (o->opcode) {
    case mk_op_gradient_norm: return chunks(o->size[0], mk_sum_chunk);
    case mk_op_batch_norm: return chunks(o->size[0], mk_row_chunk) * o->size[1];
    case mk_op_batch_norm_backward: return 2 * chunks(o->size[0], mk_row_chunk) * o->size[1];
    default: return 0;
  }
}

static mk_convolution convolution_of(const int64_t *s) {
  return (mk_convolution){.images = s[0], .height = s[1], .width = s[2], .inputs = s[3],
                          .outputs = s[4], .kernel = s[5], .stride = s[6], .padding = s[7]};
}

/// Floats of scratch memory that each thread needs of its own.
static int64_t thread_floats(const mk_operation *o) {
  switch (o->opcode) {
    case mk_op_matmul: return mk_gemm_workspace_floats();
    case mk_op_conv: case mk_op_conv_weights: case mk_op_conv_input: {
      mk_convolution shape = convolution_of(o->size);
      return mk_convolution_workspace_floats(&shape);
    }
    case mk_op_attention: case mk_op_attention_backward:
      return mk_gemm_workspace_floats() + mk_attention_scratch(o);
    case mk_op_batch_norm_inference: return o->size[1];
    default: return 0;
  }
}

int64_t mk_workspace_floats(const mk_operation *operations, int64_t count, int64_t threads) {
  int64_t most = 0;
  for (int64_t i = 0; i < count; i++) {
    int64_t needed = shared_floats(&operations[i]) + threads * thread_floats(&operations[i]);
    if (needed > most) most = needed;
  }
  return most;
}

/// A count of operations that need not be exact, but must not overflow.
static int64_t clamped(double work) { return work < 0x1p62 ? (int64_t)work : INT64_MAX; }

int64_t mk_operation_work(const mk_operation *o) {
  const int64_t *s = o->size;
  int64_t in[mk_input_slots], out[mk_output_slots], most = 0;
  mk_operand_cells(o, in, out);
  switch (o->opcode) {
    case mk_op_matmul: return clamped(2.0 * (double)in[0] * (double)s[1]);
    // Each cell of y takes as many multiplications as a filter has weights, which are W / cout.
    case mk_op_conv: return clamped(2.0 * (double)out[0] * (double)(in[1] / s[4]));
    case mk_op_conv_weights: return clamped(2.0 * (double)in[1] * (double)(out[0] / s[4]));
    case mk_op_conv_input: return clamped(2.0 * (double)in[0] * (double)(in[1] / s[4]));
    case mk_op_attention: return clamped(4.0 * (double)out[1] * (double)s[3]);
    case mk_op_attention_backward: return clamped(8.0 * (double)in[2] * (double)s[3]);
    default: break;
  }
  for (int i = 0; i < mk_input_slots; i++) most = in[i] > most ? in[i] : most;
  for (int i = 0; i < mk_output_slots; i++) most = out[i] > most ? out[i] : most;
  // An element of exp, division or Philox takes as long as some 20 multiplications of a product.
  return 20 * most;
}

typedef struct {
  mk_step step;
  mk_share share;
  int64_t units, parts, scratch_floats;
} phase;

static void run_part(void *context, int64_t part, int64_t thread) {
  const phase *p = context;
  mk_share share = p->share;
  share.first = p->units * part / p->parts;
  share.count = p->units * (part + 1) / p->parts - share.first;
  share.scratch += thread * p->scratch_floats;
  p->step(&share);
}

static void run_steps(const mk_kernels *kernels, const mk_operation *o, float *arena,
                      float *workspace, mk_pool *pool) {
  const int is_shared = pool && mk_operation_work(o) >= mk_shared_work;
  const int64_t threads = is_shared ? mk_pool_threads(pool) : 1;
  for (int number = 0; number < mk_phases_max && units[o->opcode][number]; number++) {
    phase p = {
      .step = kernels->steps->step[o->opcode][number],
      .share = {.operation = o, .arena = arena, .shared = workspace,
                .scratch = workspace + shared_floats(o)},
      .units = unit_count(o, (unit_kind)units[o->opcode][number]),
      .scratch_floats = thread_floats(o),
    };
    p.parts = threads == 1 ? 1 : threads * mk_shares_per_thread;
    if (p.parts > p.units) p.parts = p.units;
    if (p.parts <= 1) {
      p.parts = 1;
      run_part(&p, 0, 0);
    } else {
      mk_pool_run(pool, run_part, &p, p.parts);
    }
  }
}

static void run_matmul(const mk_kernels *kernels, const mk_operation *o, float *arena,
                       float *workspace, mk_pool *pool) {
  const int64_t rows = o->size[0], columns = o->size[1], depth = o->size[2];
  const int at = (o->flags & mk_flag_transpose_a) != 0, bt = (o->flags & mk_flag_transpose_b) != 0;
  mk_matrix a = {arena + o->in[0], at ? 1 : depth, at ? rows : 1};
  mk_matrix b = {arena + o->in[1], bt ? 1 : columns, bt ? depth : 1};
  mk_gemm_threads(kernels, pool, (mk_shape){rows, columns, depth}, a, b, arena + o->out[0], columns,
                  (o->flags & mk_flag_accumulate) != 0, workspace);
}

static void run_convolution(const mk_kernels *kernels, const mk_operation *o, float *arena,
                            float *workspace, mk_pool *pool) {
  const mk_convolution shape = convolution_of(o->size);
  const float *in0 = arena + o->in[0], *in1 = arena + o->in[1];
  float *out = arena + o->out[0];
  if (o->opcode == mk_op_conv)
    mk_convolution_threads(kernels, pool, &shape, in0, in1, out, workspace);
  else if (o->opcode == mk_op_conv_weights)
    mk_convolution_weights_threads(kernels, pool, &shape, in0, in1, out, workspace);
  else mk_convolution_input_threads(kernels, pool, &shape, in0, in1, out, workspace);
}

/// Integers of an operand are at least 0 and below `end`.
static int in_range(const float *cells, int64_t count, int64_t end) {
  const int32_t *value = (const int32_t *)(const void *)cells;
  uint32_t bad = 0;
  const uint32_t limit = end > INT32_MAX ? (uint32_t)INT32_MAX + 1 : (uint32_t)end;
  for (int64_t i = 0; i < count; i++) bad |= (uint32_t)value[i] >= limit;
  return !bad;
}

/// Labels, ids and places come from data that somebody sent.
static int integers_in_range(const mk_operation *o, const float *arena) {
  const int64_t *s = o->size;
  switch (o->opcode) {
    case mk_op_softmax_cross_entropy: case mk_op_classify:
      return in_range(arena + o->in[1], s[0], s[1]);
    case mk_op_embedding: case mk_op_embedding_backward:
      return in_range(arena + o->in[0], s[0], s[2]);
    case mk_op_max_pool_backward:
      return in_range(arena + o->in[1], mk_window_cells(s, s[3], s[4], s[5], s[6]), s[1] * s[2]);
    default: return 1;
  }
}

static int64_t run_all(const mk_kernels *kernels, const mk_operation *operations, int64_t count,
                       float *arena, float *workspace, mk_pool *pool) {
  const int is_alone = mk_pool_threads(pool) == 1;
  mk_early early = {NULL, 0, 0};
  for (int64_t i = 0; i < count; i++) {
    const mk_operation *o = &operations[i];
    if (!integers_in_range(o, arena)) return i;
    if (is_alone && o->opcode == mk_op_matmul && !early.update) {
      early = mk_update_early(kernels, operations, i, count, arena);
      if (early.update) continue;
    }
    switch (o->opcode) {
      case mk_op_matmul: run_matmul(kernels, o, arena, workspace, pool); break;
      case mk_op_conv: case mk_op_conv_weights: case mk_op_conv_input:
        run_convolution(kernels, o, arena, workspace, pool);
        break;
      default:
        if (o == early.update) mk_update_rest(kernels, early, arena);
        else run_steps(kernels, o, arena, workspace, pool);
    }
  }
  return -1;
}

int64_t mk_run(const mk_kernels *kernels, const mk_operation *operations, int64_t count,
               float *arena, float *workspace, struct mk_pool *pool) {
  const uint64_t state = mk_float_begin();
  const int64_t stopped = run_all(kernels, operations, count, arena, workspace, pool);
  mk_float_end(state);
  return stopped;
}
