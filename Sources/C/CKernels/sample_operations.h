// One small instance of every operation: what the self-test runs.
#pragma once
#include "program.h"

/// An operation whose operands the self-test lays out; see self_test_operations.c.
typedef struct {
  mk_operation operation;
  /// Bit i: input i holds integers from 0 to `integer_end` - 1.
  uint8_t integer_inputs;
  /// Bit i: output i starts with numbers from 0 up, as a square's running mean does.
  uint8_t positive_outputs;
  int32_t integer_end;
  /// Inputs are in [-scale, scale), 1 if it is 0.
  float scale;
} mk_sample;

/// The samples of a group; their number goes to `count`.
const mk_sample *mk_group_samples(mk_group group, int *count);
