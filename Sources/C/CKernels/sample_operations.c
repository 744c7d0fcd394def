// The samples of the self-test: sizes that no vector width divides, values at the functions' ends.
#include "sample_operations.h"

#define SAMPLE(code, ...) .operation = {.opcode = code, .size = {__VA_ARGS__}}
#define WITH(...) .operation.constant = {__VA_ARGS__}
#define FLAGS(bits) .operation.flags = bits
#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

enum { rows = 9, columns = 37, count = rows * columns };

static const mk_sample elementwise[] = {
  {SAMPLE(mk_op_matmul, 7, 19, 33), FLAGS(mk_flag_transpose_b | mk_flag_accumulate)},
  {SAMPLE(mk_op_bias, rows, columns)},
  {SAMPLE(mk_op_bias_relu, rows, columns)},
  {SAMPLE(mk_op_column_sums, rows, columns)},
  {SAMPLE(mk_op_column_sums, rows, columns), FLAGS(mk_flag_accumulate)},
  {SAMPLE(mk_op_activation, count, mk_relu)},
  {SAMPLE(mk_op_activation, count, mk_tanh)},
  {SAMPLE(mk_op_activation, count, mk_tanh), .scale = 1e-19f},
  {SAMPLE(mk_op_activation, count, mk_tanh), .scale = 60},
  {SAMPLE(mk_op_activation, count, mk_sigmoid), .scale = 8},
  {SAMPLE(mk_op_activation, count, mk_sigmoid), .scale = 120},
  {SAMPLE(mk_op_activation, count, mk_gelu), .scale = 4},
  {SAMPLE(mk_op_activation, count, mk_gelu), .scale = 40},
  {SAMPLE(mk_op_activation, count, mk_silu), .scale = 8},
  {SAMPLE(mk_op_activation, count, mk_silu), .scale = 120},
  {SAMPLE(mk_op_activation_backward, count, mk_relu)},
  {SAMPLE(mk_op_activation_backward, count, mk_tanh)},
  {SAMPLE(mk_op_activation_backward, count, mk_sigmoid)},
  {SAMPLE(mk_op_activation_backward, count, mk_gelu), .scale = 4},
  {SAMPLE(mk_op_activation_backward, count, mk_gelu), .scale = 40},
  {SAMPLE(mk_op_activation_backward, count, mk_silu), .scale = 8},
  {SAMPLE(mk_op_add, count)},
  {SAMPLE(mk_op_add_broadcast, rows, columns, 4)},
  {SAMPLE(mk_op_multiply, count)},
  {SAMPLE(mk_op_scale, count), WITH(0.3f)},
  {SAMPLE(mk_op_fill, count), WITH(-0.0f)},
  {SAMPLE(mk_op_copy, rows, columns, 40, 50)},
  {SAMPLE(mk_op_transpose, 3, rows, 11)},
  {SAMPLE(mk_op_dropout, 1023, 1 << 22, 4LL << 28), WITH(4.0f / 3.0f)},
  {SAMPLE(mk_op_softmax, rows, columns), .scale = 90},
};

static const mk_sample windows[] = {
  {SAMPLE(mk_op_conv, 2, 9, 8, 3, 19, 3, 1, 1)},
  {SAMPLE(mk_op_conv, 1, 11, 12, 5, 7, 5, 2, 2)},
  {SAMPLE(mk_op_conv, 2, 6, 6, 16, 33, 1, 1, 0)},
  {SAMPLE(mk_op_conv_weights, 2, 9, 8, 3, 19, 3, 1, 1)},
  {SAMPLE(mk_op_conv_weights, 1, 11, 12, 5, 7, 5, 2, 2)},
  {SAMPLE(mk_op_conv_input, 2, 9, 8, 3, 19, 3, 1, 1)},
  {SAMPLE(mk_op_conv_input, 1, 11, 12, 5, 7, 5, 2, 2)},
  {SAMPLE(mk_op_max_pool, 2, 6, 8, 19, 2, 2, 0)},
  {SAMPLE(mk_op_max_pool, 2, 7, 5, 5, 3, 2, 1)},
  {SAMPLE(mk_op_max_pool_backward, 2, 6, 8, 19, 2, 2, 0), .integer_inputs = 2, .integer_end = 48},
  {SAMPLE(mk_op_average_pool, 2, 7, 5, 19, 3, 2, 1), WITH(1.0f / 9)},
  {SAMPLE(mk_op_average_pool_backward, 2, 7, 5, 19, 3, 2, 1), WITH(1.0f / 9)},
};

static const mk_sample norms[] = {
  {SAMPLE(mk_op_layer_norm, rows, columns), WITH(1e-5f, 1.0f / columns)},
  {SAMPLE(mk_op_layer_norm_backward, rows, columns), WITH(1.0f / columns)},
  {SAMPLE(mk_op_rms_norm, rows, columns), WITH(1e-5f, 1.0f / columns)},
  {SAMPLE(mk_op_rms_norm_backward, rows, columns), WITH(1.0f / columns)},
  {SAMPLE(mk_op_batch_norm, 600, 19), WITH(1e-5f, 1.0f / 600, 0.1f, 0.9f, 600.0f / 599)},
  {SAMPLE(mk_op_batch_norm_backward, 600, 19), WITH(1.0f / 600)},
  {SAMPLE(mk_op_batch_norm_inference, rows, columns), WITH(1.5f)},
};

static const mk_sample sequences[] = {
  {SAMPLE(mk_op_embedding, 40, columns, 11), .integer_inputs = 1, .integer_end = 11},
  {SAMPLE(mk_op_embedding_backward, 40, columns, 11), .integer_inputs = 1, .integer_end = 11},
  {SAMPLE(mk_op_embedding_backward, 40, columns, 11), FLAGS(mk_flag_accumulate),
   .integer_inputs = 1, .integer_end = 11},
  {SAMPLE(mk_op_attention, 1, 37, 2, 20), WITH(0.25f), FLAGS(mk_flag_causal), .scale = 3},
  {SAMPLE(mk_op_attention, 1, 21, 2, 8), WITH(0.5f), .scale = 3},
  {SAMPLE(mk_op_attention_backward, 1, 37, 2, 20), WITH(0.25f), FLAGS(mk_flag_causal)},
  {SAMPLE(mk_op_attention_backward, 1, 21, 2, 8), WITH(0.5f)},
};

static const mk_sample losses[] = {
  {SAMPLE(mk_op_softmax_cross_entropy, rows, columns), WITH(0.125f), .integer_inputs = 2,
   .integer_end = columns, .scale = 30},
  {SAMPLE(mk_op_classify, rows, columns), .integer_inputs = 2, .integer_end = columns},
  {SAMPLE(mk_op_binary_cross_entropy, rows, columns), WITH(0.01f, 1.0f / columns), .scale = 12},
  {SAMPLE(mk_op_binary_cross_entropy, rows, columns), WITH(0.01f, 1.0f / columns), .scale = 120},
  {SAMPLE(mk_op_mean_squared_error, rows, columns), WITH(0.01f, 1.0f / columns)},
  {SAMPLE(mk_op_mean_absolute_error, rows, columns), WITH(0.01f, 1.0f / columns)},
  {SAMPLE(mk_op_huber, rows, 300), WITH(0.01f, 1.0f / 300, 0.75f)},
  {SAMPLE(mk_op_mean, count), WITH(1.0f / count)},
};

static const mk_sample optimizers[] = {
  {SAMPLE(mk_op_gradient_norm, 13000)},
  {SAMPLE(mk_op_clip, count), WITH(0.4f)},
  {SAMPLE(mk_op_sgd, count)},
  {SAMPLE(mk_op_momentum, count), WITH(0.9f, 1e-3f)},
  {SAMPLE(mk_op_momentum, count), WITH(0.9f, 1e-3f), FLAGS(mk_flag_nesterov)},
  {SAMPLE(mk_op_adam, count), WITH(0.9f, 0.1f, 0.999f, 0.001f, 1e-8f, 1e-3f),
   .positive_outputs = 4},
  {SAMPLE(mk_op_adamw, count), WITH(0.9f, 0.1f, 0.999f, 0.001f, 1e-8f), .positive_outputs = 4},
  {SAMPLE(mk_op_rmsprop, count), WITH(0.99f, 0.01f, 1e-8f, 1e-3f, 0.5f), .positive_outputs = 2},
  {SAMPLE(mk_op_adagrad, count), WITH(1e-10f, 1e-3f), .positive_outputs = 2},
};

const mk_sample *mk_group_samples(mk_group group, int *number) {
  switch (group) {
    case mk_group_elementwise: *number = COUNT(elementwise); return elementwise;
    case mk_group_windows: *number = COUNT(windows); return windows;
    case mk_group_norms: *number = COUNT(norms); return norms;
    case mk_group_sequences: *number = COUNT(sequences); return sequences;
    case mk_group_losses: *number = COUNT(losses); return losses;
    default: *number = COUNT(optimizers); return optimizers;
  }
}
