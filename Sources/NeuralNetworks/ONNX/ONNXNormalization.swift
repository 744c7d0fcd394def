internal import CKernels
internal import Primitives

extension ONNXCall {
  /// (x − mean) / √(variance + ε) · scale + bias per channel, with running statistics.
  mutating func batchNormalization() throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    guard shape.count > 1, try integer("training_mode", default: 0) == 0 else {
      throw unsupported("training")
    }
    let epsilon = Double(try float("epsilon", default: 1e-5))
    let channels = shape[1]
    var rows: [[Float]] = []
    for index in 1...4 {
      let values = try floats(index).values
      guard values.count == channels else { throw mismatch("\(values.count) numbers a channel") }
      rows.append(values)
    }
    let plane = shape[2...].reduce(1, *)
    var y = x
    for channel in 0..<channels {
      let factor = Double(rows[0][channel]) / (Double(rows[3][channel]) + epsilon).squareRoot()
      let offset = Double(rows[1][channel]) - Double(rows[2][channel]) * factor
      for image in 0..<shape[0] {
        let start = (image * channels + channel) * plane
        for place in start..<start + plane { y[place] = Float(Double(x[place]) * factor + offset) }
      }
    }
    return ONNXTensor(shape: shape, floats: y)
  }

  /// (x − mean) / √(variance + ε) · scale + bias over the dimensions from `axis` on.
  mutating func layerNormalization() throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    let axis = try axis(integer("axis", default: -1), rank: shape.count)
    let epsilon = Double(try float("epsilon", default: 1e-5))
    let width = shape[axis...].reduce(1, *)
    guard width > 0 else { throw mismatch("the sizes \(shape)") }
    let scale = try floats(1).values
    let bias = optional(2) == nil ? nil : try floats(2).values
    guard scale.count == width, bias.map({ $0.count == width }) ?? true else {
      throw mismatch("the number of scales or biases")
    }
    var y = x
    for start in stride(from: 0, to: x.count, by: width) {
      let row = x[start..<start + width]
      let mean = row.reduce(0.0) { $0 + Double($1) } / Double(width)
      let squares = row.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      let inverse = 1 / (squares / Double(width) + epsilon).squareRoot()
      for place in 0..<width {
        let normal = (Double(x[start + place]) - mean) * inverse
        y[start + place] = Float(normal * Double(scale[place]) + Double(bias?[place] ?? 0))
      }
    }
    return ONNXTensor(shape: shape, floats: y)
  }

  /// exp(x − max) / Σ along one dimension; up to operator set 12 along all from `axis` on.
  mutating func softmax() throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    let isFlat = opset < 13
    let axis = try axis(integer("axis", default: isFlat ? 1 : -1), rank: shape.count)
    let inner = isFlat ? 1 : shape[(axis + 1)...].reduce(1, *)
    let width = isFlat ? shape[axis...].reduce(1, *) : shape[axis]
    guard !x.isEmpty else { return try input(0) }
    var y = x
    for block in stride(from: 0, to: x.count, by: width * inner) {
      for offset in block..<block + inner {
        let places = stride(from: offset, to: offset + width * inner, by: inner)
        let largest = places.reduce(-Float.infinity) { max($0, x[$1]) }
        guard largest > -.infinity else { throw .notFinite(node.name) }
        var sum = 0.0
        for place in places {
          let value = Elementary.exponential(Double(x[place] - largest))
          y[place] = Float(value)
          sum += value
        }
        for place in places { y[place] = Float(Double(y[place]) / sum) }
      }
    }
    return ONNXTensor(shape: shape, floats: y)
  }

  /// The mean over some dimensions, all without axes.
  mutating func mean() throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    let given = try listed("axes", input: 1)
    if given == nil || given == [], try flag("noop_with_empty_axes") { return try input(0) }
    var reduced: Set<Int> = []
    for axis in given ?? [] { reduced.insert(try self.axis(axis, rank: shape.count)) }
    if reduced.isEmpty { reduced = Set(shape.indices) }
    let kept = shape.indices.map { reduced.contains($0) ? 1 : shape[$0] }
    let divisor = reduced.reduce(1) { $0 * shape[$1] }
    guard divisor > 0 else { throw mismatch("the sizes \(shape)") }
    var sums = [Double](repeating: 0, count: kept.reduce(1, *))
    var walk = BroadcastWalk(kept, in: shape)
    for value in x {
      sums[walk.place] += Double(value)
      walk.advance()
    }
    let result =
      try flag("keepdims", default: true)
      ? kept : shape.indices.filter { !reduced.contains($0) }.map { shape[$0] }
    return ONNXTensor(shape: result, floats: sums.map { Float($0 / Double(divisor)) })
  }
}
