// Operations of a training step (docs/specs/mk1.md §10): a program is a flat list of them over one
// arena of 32-bit cells. The same list trains, is replayed by a verifier, and is taken apart in a
// dispute: any single operation can be run alone from the cells it reads.
//
// Operands are offsets into the arena in cells; mk_absent marks an operand that is not there. A
// cell holds a float or, where noted, an int32 or uint32, bit for bit. "[r, c]" is row-major, r
// rows of c.
// No written range may overlap another operand of the operation, except that operands noted as
// "may equal" may be the very same range.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "CKernels.h"

enum { mk_size_slots = 8, mk_input_slots = 6, mk_output_slots = 4, mk_constant_slots = 6 };

/// The offset of an operand that is not there.
enum { mk_absent = -1 };

/// One operation. Unused sizes and constants are 0, unused operands mk_absent, unused flags 0: an
/// operation has one encoding, so that programs can be compared and hashed byte for byte.
typedef struct {
  uint32_t opcode, flags;
  int64_t size[8];
  int64_t in[6];
  int64_t out[4];
  float constant[6];
} mk_operation;

/// Bits of mk_operation.flags.
enum {
  /// MATMUL: A is stored as its transpose [depth, rows].
  mk_flag_transpose_a = 1,
  /// MATMUL: B is stored as its transpose [columns, depth].
  mk_flag_transpose_b = 2,
  /// The result is added onto what the output holds (the chain starts there, not at +0).
  mk_flag_accumulate = 4,
  /// ATTENTION: row i sees columns 0…i only.
  mk_flag_causal = 8,
  /// MOMENTUM: Nesterov's step.
  mk_flag_nesterov = 16,
};

/// size[1] of ACTIVATION and ACTIVATION_BACKWARD.
typedef enum {
  mk_relu = 1,
  mk_tanh = 2,
  mk_sigmoid = 3,
  /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
  mk_gelu = 4,
  /// x · sigmoid(x).
  mk_silu = 5,
} mk_activation;

/// Opcodes. `s` = size, `c` = constant. All formulas: docs/specs/mk1.md.
typedef enum {
  // ---- Matrix product and bias ------------------------------------------------------------------
  /// C = A·B.  s0 rows, s1 columns, s2 depth.  in0 A [rows, depth], in1 B [depth, columns].
  /// out0 C [rows, columns].  Flags transpose_a, transpose_b, accumulate.
  mk_op_matmul = 1,
  /// y[i,j] = x[i,j] + b[j].  s0 rows, s1 columns.  in0 x [rows, columns], in1 b [columns].
  /// out0 y [rows, columns], may equal x.
  mk_op_bias = 2,
  /// y[i,j] = t > 0 ? t : +0 with t = x[i,j] + b[j].  As BIAS.
  mk_op_bias_relu = 3,
  /// y[j] = Σ_i x[i,j], a chain over i from +0 (accumulate: from y[j]).  s0 rows, s1 columns.
  /// in0 x [rows, columns].  out0 y [columns].  Flag accumulate.
  mk_op_column_sums = 4,

  // ---- Elementwise ------------------------------------------------------------------------------
  /// y = f(x).  s0 count, s1 mk_activation.  in0 x.  out0 y, may equal x.
  mk_op_activation = 10,
  /// dx = f'·dy.  s0 count, s1 mk_activation.  in0 dy; in1 what forward saved: y for relu, tanh,
  /// sigmoid; x for gelu, silu.  out0 dx, may equal dy.
  mk_op_activation_backward = 11,
  /// y = a + b.  s0 count.  in0 a, in1 b.  out0 y, may equal a or b.
  mk_op_add = 12,
  /// y[i,j] = a[i,j] + b[i mod period, j].  s0 rows, s1 columns, s2 period ≥ 1.
  /// in0 a [rows, columns], in1 b [period, columns].  out0 y [rows, columns], may equal a.
  /// Gradient of b where period divides rows: COLUMN_SUMS of [rows / period, period · columns].
  mk_op_add_broadcast = 13,
  /// y = a · b.  As ADD.
  mk_op_multiply = 14,
  /// y = x · c0.  s0 count.  in0 x.  out0 y, may equal x.
  mk_op_scale = 15,
  /// y = c0.  s0 count.  out0 y.
  mk_op_fill = 16,
  /// y[i,j] = x[i,j], bit for bit (any kind of cell).  s0 rows, s1 columns, s2 row stride of x,
  /// s3 row stride of y (both ≥ columns).  in0 x.  out0 y; cells between the rows stay.
  mk_op_copy = 17,
  /// y[o,j,i] = x[o,i,j], bit for bit.  s0 outer, s1 rows, s2 columns.
  /// in0 x [outer, rows, columns].  out0 y [outer, columns, rows].
  mk_op_transpose = 18,
  /// y = kept ? x · c0 : +0.  s0 count, s1 threshold = probability · 2²⁴ rounded (0 … 2²⁴ − 1), s2
  /// counter word c3 (below 2³²).  c0 = 1 / (1 − probability).  in0 x, in1 four uint32 cells: key
  /// low, key high, c1, c2.  out0 y, may equal x.  Element i is kept if
  /// (word i mod 4 of Philox block {⌊i/4⌋, c1, c2, c3}) >> 8 ≥ threshold.
  /// Backward is the same operation on the gradient.  mk1 §6: c1 = logical client, c2 = step,
  /// c3 = 4 · 2²⁸ + number of the dropout layer.
  mk_op_dropout = 19,
  /// y = softmax of each row.  s0 rows, s1 columns.  in0 x [rows, columns].  out0 y, may equal x.
  mk_op_softmax = 20,

  // ---- Convolution and pooling: NHWC ------------------------------------------------------------
  // Output height = ⌊(height + 2·padding − kernel) / stride⌋ + 1, width likewise; written oh, ow.
  /// y = x ∗ W, no bias.  s0 n, s1 height, s2 width, s3 cin, s4 cout, s5 kernel, s6 stride,
  /// s7 padding.  in0 x [n, height, width, cin], in1 W [kernel, kernel, cin, cout].
  /// out0 y [n, oh, ow, cout].  Chain over (kh, kw, cin) from +0; a padded tap is a +0 in it.
  mk_op_conv = 30,
  /// dW.  Sizes as CONV.  in0 x, in1 dy [n, oh, ow, cout].  out0 dW [kernel, kernel, cin, cout].
  /// Chain over (n, oh, ow); a padded tap is a +0 in it.
  mk_op_conv_weights = 31,
  /// dx.  Sizes as CONV.  in0 dy [n, oh, ow, cout], in1 W.  out0 dx [n, height, width, cin].
  /// Chain over (kh, kw, cout); a tap without output is a +0 in it.
  mk_op_conv_input = 32,
  /// y = largest of each window, first of equals in (kh, kw) order; padding never wins.
  /// s0 n, s1 height, s2 width, s3 channels, s4 kernel, s5 stride, s6 padding < kernel.
  /// in0 x [n, height, width, channels].  out0 y [n, oh, ow, channels]; out1 int32 places
  /// [n, oh, ow, channels]: ih · width + iw of the element taken.
  mk_op_max_pool = 33,
  /// dx = +0, then dx[n, place, c] += dy in order of (n, oh, ow).  Sizes as MAX_POOL.
  /// in0 dy [n, oh, ow, channels], in1 int32 places.  out0 dx [n, height, width, channels].
  mk_op_max_pool_backward = 34,
  /// y = (chain of additions over the taps inside the image, from +0) · c0; c0 = 1/kernel².
  /// Sizes as MAX_POOL.  in0 x.  out0 y [n, oh, ow, channels].
  mk_op_average_pool = 35,
  /// dx = chain from +0 over (oh, ow) of dx + dy · c0.  Sizes as MAX_POOL.  in0 dy.  out0 dx.
  mk_op_average_pool_backward = 36,

  // ---- Normalisation ----------------------------------------------------------------------------
  /// Layer norm of each row.  s0 rows, s1 columns.  c0 epsilon, c1 1/columns.
  /// in0 x [rows, columns], in1 gain [columns], in2 bias [columns].
  /// out0 y [rows, columns]; out1 saved [rows, 2]: mean, 1/√(variance + ε).
  mk_op_layer_norm = 40,
  /// s0 rows, s1 columns.  c0 1/columns.  in0 dy, in1 x, in2 gain, in3 saved [rows, 2], in4 addend
  /// [rows, columns] or absent.  out0 dx = addend + gradient, may equal dy or addend; out1 dgain
  /// [columns], out2 dbias [columns].
  mk_op_layer_norm_backward = 41,
  /// y = x · 1/√(mean x² + ε) · gain.  s0 rows, s1 columns.  c0 epsilon, c1 1/columns.
  /// in0 x, in1 gain.  out0 y; out1 saved [rows]: 1/√(…).
  mk_op_rms_norm = 42,
  /// s0 rows, s1 columns.  c0 1/columns.  in0 dy, in1 x, in2 gain, in3 saved [rows], in4 addend or
  /// absent.  out0 dx (as in LAYER_NORM_BACKWARD); out1 dgain [columns].
  mk_op_rms_norm_backward = 43,
  /// Batch norm over rows in training.  s0 rows (n · height · width), s1 channels.  c0 epsilon,
  /// c1 1/rows, c2 momentum, c3 1 − momentum, c4 rows/(rows − 1), or 1 where rows = 1.
  /// in0 x [rows, channels], in1 gain, in2 bias.  out0 y; out1 saved [2, channels]: means, then
  /// 1/√(variance + ε); out2 running [2, channels]: means, then variances, read and written.
  mk_op_batch_norm = 44,
  /// s0 rows, s1 channels.  c0 1/rows.  in0 dy, in1 x, in2 gain, in3 saved [2, channels].
  /// out0 dx, may equal dy; out1 dgain [channels]; out2 dbias [channels].
  mk_op_batch_norm_backward = 45,
  /// Batch norm with running statistics.  s0 rows, s1 channels.  c0 epsilon.
  /// in0 x, in1 gain, in2 bias, in3 running [2, channels].  out0 y, may equal x.
  mk_op_batch_norm_inference = 46,

  // ---- Sequence models --------------------------------------------------------------------------
  /// y[i] = table[id i].  s0 rows, s1 columns, s2 vocabulary.  in0 int32 ids [rows], in1 table
  /// [vocabulary, columns].  out0 y [rows, columns].
  mk_op_embedding = 50,
  /// dtable = +0 (accumulate: as it is), then dtable[id i] += dy[i] for i = 0, 1, ….  Sizes as
  /// EMBEDDING.  in0 int32 ids, in1 dy [rows, columns].  out0 dtable.  Flag accumulate.
  mk_op_embedding_backward = 51,
  /// Self-attention of each sequence and head.  s0 batch, s1 time, s2 heads, s3 dim.  c0 scale
  /// (1/√dim).  Flag causal.  in0 qkv [batch · time, 3 · heads · dim]: a row is all heads' queries,
  /// then keys, then values.  out0 y [batch · time, heads · dim]; out1 probabilities
  /// [batch, heads, time, time], +0 where masked.
  mk_op_attention = 52,
  /// Sizes, constant and flag as ATTENTION.  in0 dy [batch · time, heads · dim], in1 qkv,
  /// in2 probabilities.  out0 dqkv [batch · time, 3 · heads · dim].
  mk_op_attention_backward = 53,

  // ---- Losses: gradient and losses of each row --------------------------------------------------
  /// s0 rows, s1 columns.  c0 gradient scale (1/rows).  in0 logits [rows, columns], in1 int32
  /// labels [rows].  out0 (softmax − onehot) · scale, may equal logits; out1 losses [rows].
  mk_op_softmax_cross_entropy = 60,
  /// Evaluation.  s0 rows, s1 columns.  in0 logits, in1 int32 labels.  out0 losses [rows];
  /// out1 int32 best [rows], the lowest column of the largest logit.
  mk_op_classify = 61,
  /// Binary cross-entropy of logits x and targets t.  s0 rows, s1 columns.  c0 gradient scale
  /// (1/(rows · columns)), c1 1/columns.  in0 x [rows, columns], in1 t [rows, columns].
  /// out0 (sigmoid(x) − t) · c0, may equal x; out1 losses [rows] = sum over the columns · c1.
  mk_op_binary_cross_entropy = 62,
  /// loss (x − t)², gradient 2 (x − t) · c0.  As BINARY_CROSS_ENTROPY.
  mk_op_mean_squared_error = 63,
  /// loss |x − t|, gradient ±c0, +0 where x = t.  As BINARY_CROSS_ENTROPY.
  mk_op_mean_absolute_error = 64,
  /// Huber's loss with δ = c2.  As BINARY_CROSS_ENTROPY.
  mk_op_huber = 65,
  /// out0 cell = sum(x) · c0 (16 lanes, mk1 §3).  s0 count.  c0 1/count.  in0 x.
  mk_op_mean = 66,

  // ---- Optimizers: w is out0; g is in0; all of s0 = count ---------------------------------------
  /// out0 cell = √Σ x² (chunks of 4096, mk1 §3).  s0 count.  in0 x.
  mk_op_gradient_norm = 80,
  /// g ← g · min(1, c0 / (norm + 10⁻⁶)).  s0 count.  c0 largest norm.  in0 cell norm.  out0 g, read
  /// and written.
  mk_op_clip = 81,
  /// w ← fma(−η, g, w).  in0 g, in1 cell η.  out0 w.
  mk_op_sgd = 82,
  /// d = fma(λ, w, g); v ← fma(μ, v, d); w ← fma(−η, v, w), with nesterov
  /// w ← fma(−η, fma(μ, v, d), w).  c0 μ, c1 λ.  in0 g, in1 cell η.  out0 w, out1 v.  Flag nesterov.
  mk_op_momentum = 83,
  /// d = fma(λ, w, g); m ← fma(1−β₁, d, β₁·m); v ← fma((1−β₂)·d, d, β₂·v);
  /// w ← fma(−a, m / fma(√v, b, ε), w).  c0 β₁, c1 1−β₁, c2 β₂, c3 1−β₂ (each rounded from
  /// binary64), c4 ε, c5 λ.  in0 g, in1 two cells: a = η/(1−β₁ᵗ), b = 1/√(1−β₂ᵗ) (rounded from binary64).
  /// out0 w, out1 m, out2 v.
  mk_op_adam = 84,
  /// As ADAM with d = g and, before the last line, w ← w · decay.  c0 … c4 as ADAM.  in0 g, in1
  /// three cells: a, b, decay = 1 − η·λ (rounded from binary64).  out0 w, out1 m, out2 v.
  mk_op_adamw = 85,
  /// d = fma(λ, w, g); v ← fma((1−α)·d, d, α·v); s = d / (√v + ε); without velocity
  /// w ← fma(−η, s, w); with it u ← fma(μ, u, s); w ← fma(−η, u, w).
  /// c0 α, c1 1−α, c2 ε, c3 λ, c4 μ.  in0 g, in1 cell η.  out0 w, out1 v, out2 u or absent (then μ = 0).
  mk_op_rmsprop = 86,
  /// d = fma(λ, w, g); v ← fma(d, d, v); w ← fma(−η, d / (√v + ε), w).  c0 ε, c1 λ.  in0 g,
  /// in1 cell η = rate / (1 + (t−1) · rate decay).  out0 w, out1 v.
  mk_op_adagrad = 87,
} mk_opcode;

/// A range of cells that an operation reads, writes, or both.
typedef struct {
  int64_t offset, count;
  /// 1 if the operation's result depends on what the cells held. Cells of a written range that it
  /// leaves alone (the gaps of COPY) count as read too.
  int32_t reads;
  /// 1 if the operation may change the cells.
  int32_t writes;
} mk_cell_range;

/// Most ranges of one operation.
enum { mk_ranges_max = 10 };

/// The ranges of an operation in order of in0 …, out0 …; returns their number, at most
/// mk_ranges_max, or -1 if the operation is malformed. A range may appear as input and as output.
int mk_operation_ranges(const mk_operation *operation, mk_cell_range *ranges);

/// What is wrong with an operation.
typedef enum {
  mk_valid = 0,
  mk_unknown_opcode = 1,
  /// A size is out of its range, a product of sizes exceeds MK_CELLS_MAX, or the scratch memory that
  /// the operation needs is beyond MK_SCRATCH_PER_CELL.
  mk_bad_size = 2,
  /// A required operand is absent, or an unused one is not.
  mk_bad_operand = 3,
  /// A range leaves the arena.
  mk_out_of_arena = 4,
  /// A written range overlaps another operand in a way that the opcode does not allow.
  mk_overlap = 5,
  /// A flag that the opcode does not know, or a nonzero unused size or constant.
  mk_bad_flag = 6,
} mk_operation_error;

/// Most cells of an arena: every offset and count stays far from overflow.
#define MK_CELLS_MAX ((int64_t)1 << 40)

/// Floats that a checked convolution pads in scratch memory for each cell of the arena, at most:
/// twice what the largest stride of a model (31) can ask for in two directions. It keeps
/// mk_workspace_floats far from overflow and in proportion.
enum { MK_SCRATCH_PER_CELL = 2048 };

/// Checks an operation from an untrusted place against an arena of `cells` cells.
mk_operation_error mk_check_operation(const mk_operation *operation, int64_t cells);

/// The self-test's operation `index` of a group, its operands laid out and filled in an arena of
/// `arena_floats` cells; returns the cells in use, or -1 if there is no such operation or no room.
int64_t mk_sample_operation(mk_group group, int32_t index, mk_operation *operation, float *arena,
                            int64_t arena_floats);

/// The opcode's name in lower case ("matmul"), "unknown" if there is none.
const char *mk_operation_name(uint32_t opcode);

/// Floating-point operations, roughly: what decides whether an operation is shared among threads.
int64_t mk_operation_work(const mk_operation *operation);

/// Floats of scratch memory that mk_run needs for these operations, all checked, with up to
/// `threads` threads. Who runs an operation of somebody else bounds it like the arena; that it does
/// not overflow is checked (MK_SCRATCH_PER_CELL).
int64_t mk_workspace_floats(const mk_operation *operations, int64_t count, int64_t threads);

/// Runs the operations in order; all must have passed mk_check_operation. `workspace` carries
/// nothing from one operation to the next. A gradient that only an SGD operation of the same run uses
/// need not be in its cells afterwards. Returns -1, or the index of the first operation that met
/// a label, id or place out of range; that one and those after it have not been run.
///
/// `pool` is null or the threads that share the work; the bits do not depend on it. `workspace` is
/// that of mk_workspace_floats for mk_pool_threads(pool) threads.
struct mk_pool;
int64_t mk_run(const mk_kernels *kernels, const mk_operation *operations, int64_t count,
               float *arena, float *workspace, struct mk_pool *pool);
