internal import CKernels

extension ONNXCall {
  /// NumPy's matmul: products of the last two dimensions, the others broadcast.
  mutating func matrixProduct() throws(ONNXError) -> ONNXTensor {
    var (left, a) = try floats(0)
    var (right, b) = try floats(1)
    guard !left.isEmpty, !right.isEmpty else { throw mismatch("a product with a single number") }
    let isRow = left.count == 1
    let isColumn = right.count == 1
    if isRow { left = [1] + left }
    if isColumn { right += [1] }
    let (rows, depth) = (left[left.count - 2], left[left.count - 1])
    let columns = right[right.count - 1]
    guard right[right.count - 2] == depth else { throw mismatch("the sizes \(left) and \(right)") }
    let batch = try broadcastShape(Array(left.dropLast(2)), Array(right.dropLast(2)))
    let shape = batch + [rows, columns]
    let count = try ONNXTensor.elementCount(shape)
    try spend([batch.reduce(1, *), rows, columns, depth])
    var result = [Float](repeating: 0, count: count)
    var walkA = BroadcastWalk(Array(left.dropLast(2)), in: batch)
    var walkB = BroadcastWalk(Array(right.dropLast(2)), in: batch)
    for number in 0..<batch.reduce(1, *) {
      multiply(
        MatrixView(offset: walkA.place * rows * depth, rows: rows, columns: depth), of: a,
        MatrixView(offset: walkB.place * depth * columns, rows: depth, columns: columns), of: b,
        into: &result, at: number * rows * columns)
      walkA.advance()
      walkB.advance()
    }
    a = []
    b = []
    var final = shape
    if isColumn { final.removeLast() }
    if isRow { final.remove(at: isColumn ? final.count - 1 : final.count - 2) }
    return ONNXTensor(shape: final, floats: result)
  }

  /// alpha · A·B + beta · C, A and B transposed if so marked.
  mutating func affineProduct() throws(ONNXError) -> ONNXTensor {
    let (left, a) = try floats(0)
    let (right, b) = try floats(1)
    guard left.count == 2, right.count == 2 else { throw mismatch("Gemm takes two matrices") }
    let first = MatrixView(
      offset: 0, rows: left[0], columns: left[1], isTransposed: try flag("transA"))
    let second = MatrixView(
      offset: 0, rows: right[0], columns: right[1], isTransposed: try flag("transB"))
    guard first.width == second.height else { throw mismatch("the sizes \(left) and \(right)") }
    let shape = [first.height, second.width]
    let count = try ONNXTensor.elementCount(shape)
    try spend([first.height, second.width, first.width])
    var result = [Float](repeating: 0, count: count)
    multiply(first, of: a, second, of: b, into: &result, at: 0)
    let alpha = try float("alpha", default: 1)
    if alpha != 1 { result = result.map { $0 * alpha } }
    if optional(2) != nil {
      let (sizes, c) = try floats(2)
      guard try broadcastShape(sizes, shape) == shape else { throw mismatch("the sizes of C") }
      let beta = try float("beta", default: 1)
      var walk = BroadcastWalk(sizes, in: shape)
      for place in result.indices {
        result[place] += beta * c[walk.place]
        walk.advance()
      }
    }
    return ONNXTensor(shape: shape, floats: result)
  }
}

/// A matrix inside a list of numbers.
struct MatrixView {
  let offset: Int
  /// As stored.
  let rows: Int
  /// As stored.
  let columns: Int
  var isTransposed = false

  /// Rows as used.
  var height: Int { isTransposed ? columns : rows }
  /// Columns as used.
  var width: Int { isTransposed ? rows : columns }

  func matrix(in base: UnsafePointer<Float>) -> mk_matrix {
    mk_matrix(
      base: base + offset, row_stride: isTransposed ? 1 : Int64(columns),
      column_stride: isTransposed ? Int64(columns) : 1)
  }
}

/// C = A·B with the matrix kernel; C is [A's height, B's width] at `place` of `result`.
func multiply(
  _ a: MatrixView, of left: [Float], _ b: MatrixView, of right: [Float],
  into result: inout [Float], at place: Int
) {
  guard a.height > 0, b.width > 0, a.width > 0 else { return }
  let workspace = UnsafeMutablePointer<Float>.allocate(
    capacity: Int(mk_gemm_workspace_floats()))
  defer { workspace.deallocate() }
  left.withUnsafeBufferPointer { left in
    right.withUnsafeBufferPointer { right in
      result.withUnsafeMutableBufferPointer { result in
        guard let x = left.baseAddress, let y = right.baseAddress, let z = result.baseAddress
        else { return }
        Kernels.active.pointee.gemm(
          mk_shape(rows: Int64(a.height), columns: Int64(b.width), depth: Int64(a.width)),
          a.matrix(in: x), b.matrix(in: y), z + place, Int64(b.width), 0, workspace)
      }
    }
  }
}
