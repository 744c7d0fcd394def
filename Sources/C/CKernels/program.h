// What the files that check and run programs share.
#pragma once
#include "CKernels.h"
#include "operations.h"

/// Opcodes are below this.
enum { mk_opcode_end = 96 };

/// Cells of DROPOUT's second input.
enum { mk_dropout_cells = 4 };

/// How one opcode is written down; mk_properties has one per opcode.
typedef struct {
  const char *name;
  /// Sizes, then constants in use; the others must be 0.
  uint8_t sizes, constants;
  /// Flags that mean something.
  uint8_t flags;
  /// Bit i: input i, output i may be absent.
  uint8_t optional_inputs, optional_outputs;
  /// Bit i: output i is read too.
  uint8_t state;
  /// Bit i: output 0 may equal input i.
  uint8_t in_place;
} mk_properties;

/// The properties of an opcode, or null if there is none.
const mk_properties *mk_opcode_properties(uint32_t opcode);

/// Cells of each operand in use, 0 for the others. A product too large becomes more than
/// MK_CELLS_MAX.
void mk_operand_cells(const mk_operation *operation, int64_t *in, int64_t *out);

/// Cells of the output of a window (convolution, pooling) over size 0 … 2.
int64_t mk_window_cells(const int64_t *size, int64_t channels, int64_t kernel, int64_t stride,
                        int64_t padding);
