internal import CKernels

/// The weights of one product [depth, columns] in the order in which a single row reads them.
///
/// A class because it owns raw memory; never changed after it is made.
final class PackedWeights {
  private let shape: mk_shape
  private let packed: UnsafeMutablePointer<Float>

  /// Packs weights that lie row by row.
  init(_ weights: UnsafePointer<Float>, depth: Int, columns: Int) {
    shape = mk_shape(rows: 1, columns: Int64(columns), depth: Int64(depth))
    packed = StepArena.allocate(Int(mk_packed_floats(shape.depth, shape.columns)))
    mk_pack_weights(
      mk_matrix(base: weights, row_stride: shape.columns, column_stride: 1), shape.depth,
      shape.columns, packed)
  }

  deinit { packed.deallocate() }

  /// y = x · weights for one row: the bits of MATMUL (mk1 §2).
  func multiply(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
    kernels: UnsafePointer<mk_kernels>
  ) {
    let row = mk_matrix(base: x, row_stride: shape.depth, column_stride: 1)
    kernels.pointee.gemm_packed(shape, row, packed, y, shape.columns, 0)
  }
}
