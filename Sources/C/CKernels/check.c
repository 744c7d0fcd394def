// Checks operations from an untrusted place, and says which cells they touch.
#include "program.h"

/// Blocks of four elements are counted in 32 bits.
static const int64_t dropout_elements_max = (int64_t)1 << 34;

enum { in0 = 1, in1 = 2, in4 = 16, out1 = 2, out2 = 4, out0_state = 1 };

static const mk_properties properties[mk_opcode_end] = {
  [mk_op_matmul] = {.name = "matmul", .sizes = 3, .flags = 7},
  [mk_op_bias] = {.name = "bias", .sizes = 2, .in_place = in0},
  [mk_op_bias_relu] = {.name = "bias_relu", .sizes = 2, .in_place = in0},
  [mk_op_column_sums] = {.name = "column_sums", .sizes = 2, .flags = mk_flag_accumulate},
  [mk_op_activation] = {.name = "activation", .sizes = 2, .in_place = in0},
  [mk_op_activation_backward] = {.name = "activation_backward", .sizes = 2, .in_place = in0},
  [mk_op_add] = {.name = "add", .sizes = 1, .in_place = in0 | in1},
  [mk_op_add_broadcast] = {.name = "add_broadcast", .sizes = 3, .in_place = in0},
  [mk_op_multiply] = {.name = "multiply", .sizes = 1, .in_place = in0 | in1},
  [mk_op_scale] = {.name = "scale", .sizes = 1, .constants = 1, .in_place = in0},
  [mk_op_fill] = {.name = "fill", .sizes = 1, .constants = 1},
  [mk_op_copy] = {.name = "copy", .sizes = 4},
  [mk_op_transpose] = {.name = "transpose", .sizes = 3},
  [mk_op_dropout] = {.name = "dropout", .sizes = 3, .constants = 1, .in_place = in0},
  [mk_op_softmax] = {.name = "softmax", .sizes = 2, .in_place = in0},
  [mk_op_conv] = {.name = "conv", .sizes = 8},
  [mk_op_conv_weights] = {.name = "conv_weights", .sizes = 8},
  [mk_op_conv_input] = {.name = "conv_input", .sizes = 8},
  [mk_op_max_pool] = {.name = "max_pool", .sizes = 7},
  [mk_op_max_pool_backward] = {.name = "max_pool_backward", .sizes = 7},
  [mk_op_average_pool] = {.name = "average_pool", .sizes = 7, .constants = 1},
  [mk_op_average_pool_backward] = {.name = "average_pool_backward", .sizes = 7, .constants = 1},
  [mk_op_layer_norm] = {.name = "layer_norm", .sizes = 2, .constants = 2},
  [mk_op_layer_norm_backward] = {.name = "layer_norm_backward", .sizes = 2, .constants = 1,
                                 .optional_inputs = in4, .in_place = in0 | in4},
  [mk_op_rms_norm] = {.name = "rms_norm", .sizes = 2, .constants = 2},
  [mk_op_rms_norm_backward] = {.name = "rms_norm_backward", .sizes = 2, .constants = 1,
                               .optional_inputs = in4, .in_place = in0 | in4},
  [mk_op_batch_norm] = {.name = "batch_norm", .sizes = 2, .constants = 5, .state = out2},
  [mk_op_batch_norm_backward] = {.name = "batch_norm_backward", .sizes = 2, .constants = 1,
                                 .in_place = in0},
  [mk_op_batch_norm_inference] = {.name = "batch_norm_inference", .sizes = 2, .constants = 1,
                                  .in_place = in0},
  [mk_op_embedding] = {.name = "embedding", .sizes = 3},
  [mk_op_embedding_backward] = {.name = "embedding_backward", .sizes = 3,
                                .flags = mk_flag_accumulate},
  [mk_op_attention] = {.name = "attention", .sizes = 4, .constants = 1, .flags = mk_flag_causal},
  [mk_op_attention_backward] = {.name = "attention_backward", .sizes = 4, .constants = 1,
                                .flags = mk_flag_causal},
  [mk_op_softmax_cross_entropy] = {.name = "softmax_cross_entropy", .sizes = 2, .constants = 1,
                                   .in_place = in0},
  [mk_op_classify] = {.name = "classify", .sizes = 2},
  [mk_op_binary_cross_entropy] = {.name = "binary_cross_entropy", .sizes = 2, .constants = 2,
                                  .in_place = in0},
  [mk_op_mean_squared_error] = {.name = "mean_squared_error", .sizes = 2, .constants = 2,
                                .in_place = in0},
  [mk_op_mean_absolute_error] = {.name = "mean_absolute_error", .sizes = 2, .constants = 2,
                                 .in_place = in0},
  [mk_op_huber] = {.name = "huber", .sizes = 2, .constants = 3, .in_place = in0},
  [mk_op_mean] = {.name = "mean", .sizes = 1, .constants = 1},
  [mk_op_gradient_norm] = {.name = "gradient_norm", .sizes = 1},
  [mk_op_clip] = {.name = "clip", .sizes = 1, .constants = 1, .state = out0_state},
  [mk_op_sgd] = {.name = "sgd", .sizes = 1, .state = out0_state},
  [mk_op_momentum] = {.name = "momentum", .sizes = 1, .constants = 2, .flags = mk_flag_nesterov,
                      .state = out0_state | out1},
  [mk_op_adam] = {.name = "adam", .sizes = 1, .constants = 6, .state = out0_state | out1 | out2},
  [mk_op_adamw] = {.name = "adamw", .sizes = 1, .constants = 5, .state = out0_state | out1 | out2},
  [mk_op_rmsprop] = {.name = "rmsprop", .sizes = 1, .constants = 5, .optional_outputs = out2,
                     .state = out0_state | out1 | out2},
  [mk_op_adagrad] = {.name = "adagrad", .sizes = 1, .constants = 2, .state = out0_state | out1},
};

const mk_properties *mk_opcode_properties(uint32_t opcode) {
  return opcode < mk_opcode_end && properties[opcode].name ? &properties[opcode] : NULL;
}

const char *mk_operation_name(uint32_t opcode) {
  const mk_properties *p = mk_opcode_properties(opcode);
  return p ? p->name : "unknown";
}

static int is_window(uint32_t opcode) {
  return opcode >= mk_op_conv && opcode <= mk_op_average_pool_backward;
}

/// Kernel, stride and padding: every window touches the image, every offset fits.
static int window_fits(const int64_t *s, int64_t kernel, int64_t stride, int64_t padding) {
  return padding >= 0 && padding < kernel && stride >= 1 && kernel <= s[1] + 2 * padding &&
         kernel <= s[2] + 2 * padding;
}

/// The sizes that mean a count are from 1 to MK_CELLS_MAX, the others in their own range.
static int sizes_fit(const mk_operation *o, int used) {
  const int64_t *s = o->size;
  const int padding = !is_window(o->opcode) ? -1 : o->opcode <= mk_op_conv_input ? 7 : 6;
  for (int i = 0; i < used; i++) {
    int64_t least = i == padding || (o->opcode == mk_op_dropout && i > 0) ? 0 : 1;
    if (s[i] < least || s[i] > MK_CELLS_MAX) return 0;
  }
  switch (o->opcode) {
    case mk_op_activation: case mk_op_activation_backward: return s[1] <= (int64_t)mk_silu;
    case mk_op_copy: return s[2] >= s[1] && s[3] >= s[1];
    case mk_op_dropout: return s[0] <= dropout_elements_max && s[1] < 1 << 24 && s[2] <= UINT32_MAX;
    case mk_op_conv: case mk_op_conv_weights: case mk_op_conv_input:
      return window_fits(s, s[5], s[6], s[7]);
    default:
      // A place of an image is an int32.
      return padding < 0 || (window_fits(s, s[4], s[5], s[6]) && s[1] <= INT32_MAX / s[2]);
  }
}

static mk_operation_error check_encoding(const mk_operation *o, const mk_properties *p) {
  if (o->flags & ~(uint32_t)p->flags) return mk_bad_flag;
  for (int i = p->sizes; i < mk_size_slots; i++)
    if (o->size[i]) return mk_bad_flag;
  for (int i = p->constants; i < mk_constant_slots; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, &o->constant[i], sizeof bits);
    if (bits) return mk_bad_flag;
  }
  return sizes_fit(o, p->sizes) ? mk_valid : mk_bad_size;
}

static mk_operation_error check_operand(int64_t offset, int64_t count, int optional,
                                        int64_t arena) {
  if (offset == mk_absent) return count == 0 || optional ? mk_valid : mk_bad_operand;
  if (count == 0) return mk_bad_operand;
  if (count > MK_CELLS_MAX) return mk_bad_size;
  return offset < 0 || count > arena || offset > arena - count ? mk_out_of_arena : mk_valid;
}

static int disjoint(int64_t a, int64_t a_count, int64_t b, int64_t b_count) {
  return a + a_count <= b || b + b_count <= a;
}

/// Outputs are disjoint from one another and from the inputs, but for what `in_place` allows.
static mk_operation_error check_overlap(const mk_operation *o, const mk_properties *p,
                                        const int64_t *in, const int64_t *out) {
  for (int i = 0; i < mk_output_slots; i++) {
    if (o->out[i] == mk_absent) continue;
    for (int j = 0; j < i; j++)
      if (o->out[j] != mk_absent && !disjoint(o->out[i], out[i], o->out[j], out[j]))
        return mk_overlap;
    for (int j = 0; j < mk_input_slots; j++) {
      int same = i == 0 && (p->in_place >> j & 1) && o->out[0] == o->in[j] && out[0] == in[j];
      if (o->in[j] != mk_absent && !same && !disjoint(o->out[i], out[i], o->in[j], in[j]))
        return mk_overlap;
    }
  }
  return mk_valid;
}

/// A convolution pads one image, or one image's gradient, in scratch memory. With a large stride
/// that is much more than its operands have; of all other operations scratch memory is less. In
/// binary64, where products of sizes that are still unchecked do not overflow.
static int scratch_fits(const mk_operation *o, int64_t arena) {
  if (o->opcode < mk_op_conv || o->opcode > mk_op_conv_input) return 1;
  const int64_t *s = o->size;
  const double input = (double)(s[1] + 2 * s[7]) * (double)(s[2] + 2 * s[7]) * (double)s[3];
  const double gradient = (double)(s[1] + s[5]) * (double)(s[2] + s[5]) * (double)s[4];
  const double limit = (double)MK_SCRATCH_PER_CELL * (double)arena;
  return input <= limit && gradient <= limit;
}

mk_operation_error mk_check_operation(const mk_operation *o, int64_t arena) {
  const mk_properties *p = mk_opcode_properties(o->opcode);
  if (!p) return mk_unknown_opcode;
  mk_operation_error error = check_encoding(o, p);
  if (error) return error;
  int64_t in[mk_input_slots], out[mk_output_slots];
  mk_operand_cells(o, in, out);
  for (int i = 0; i < mk_input_slots && !error; i++)
    error = check_operand(o->in[i], in[i], p->optional_inputs >> i & 1, arena);
  for (int i = 0; i < mk_output_slots && !error; i++)
    error = check_operand(o->out[i], out[i], p->optional_outputs >> i & 1, arena);
  if (!error && !scratch_fits(o, arena)) error = mk_bad_size;
  return error ? error : check_overlap(o, p, in, out);
}

int mk_operation_ranges(const mk_operation *o, mk_cell_range *ranges) {
  if (mk_check_operation(o, MK_CELLS_MAX)) return -1;
  const mk_properties *p = mk_opcode_properties(o->opcode);
  int64_t in[mk_input_slots], out[mk_output_slots];
  int count = 0;
  mk_operand_cells(o, in, out);
  for (int i = 0; i < mk_input_slots; i++)
    if (o->in[i] != mk_absent) ranges[count++] = (mk_cell_range){o->in[i], in[i], 1, 0};
  for (int i = 0; i < mk_output_slots; i++) {
    if (o->out[i] == mk_absent) continue;
    int gaps = o->opcode == mk_op_copy && o->size[0] > 1 && o->size[3] > o->size[1];
    int reads = (p->state >> i & 1) || (o->flags & mk_flag_accumulate) != 0 || gaps;
    ranges[count++] = (mk_cell_range){o->out[i], out[i], reads, 1};
  }
  return count;
}
