// Training programs written by hand: the tests' stand-in for the engine, and its speed bar.
#pragma once
#include "operations.h"

enum { program_operations_max = 512 };

/// Offsets of the cells that a step's caller writes.
typedef struct {
  int64_t input, inputs, labels, labels_count, label_end, random_key, rates;
  /// 0 if inputs are numbers, else they are integers below this.
  int64_t input_end;
} program_cells;

/// One training step over one arena: parameters, their gradients and the optimizer's slots, then
/// cells and activations.
typedef struct {
  const char *name;
  mk_operation operation[program_operations_max];
  int64_t count, cells, parameters, parameters_end, parameters_max, loss;
  program_cells at;
} program;

/// Dense layers with tanh, momentum and a mean squared error or, with `classes`, cross-entropy.
void make_mlp(program *p, int64_t batch, int64_t inputs, int64_t hidden, int64_t classes);

/// Two convolutions with batch norm, ReLU and max pooling, dropout, a dense layer; RMSprop.
void make_cnn(program *p, int64_t batch, int64_t side, int64_t first, int64_t second,
              int64_t classes);

/// A language model: embeddings, `layers` blocks with layer norm before attention and GELU, Adam
/// with a limit of the gradient's norm.
void make_transformer(program *p, int64_t batch, int64_t time, int64_t layers, int64_t width,
                      int64_t heads, int64_t vocabulary);

/// Every operation that the models above do not use.
void make_others(program *p);

/// Fills an arena: parameters in [-0.2, 0.2), everything else +0.
void start_program(const program *p, float *arena);

/// Writes what changes before step `step`, 0 first: inputs, labels, random key, rates.
void prepare_step(const program *p, float *arena, int64_t step);
