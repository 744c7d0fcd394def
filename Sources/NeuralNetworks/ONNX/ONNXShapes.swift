extension ONNXCall {
  /// Operators that only move numbers; nil for all others.
  mutating func shapeResult() throws(ONNXError) -> ONNXTensor? {
    switch node.operatorName {
    case "Reshape": return try reshape()
    case "Flatten": return try flatten()
    case "Squeeze": return try squeeze()
    case "Unsqueeze": return try unsqueeze()
    case "Transpose": return try transpose()
    case "Concat": return try concatenate()
    case "Gather": return try gather()
    case "Slice": return try slice()
    case "Shape":
      let shape = try input(0).shape
      return ONNXTensor(shape: [shape.count], integers: shape.map { Int64($0) })
    default: return nil
    }
  }

  /// A size of 0 keeps the input's, one size of −1 is what is left.
  private func reshape() throws(ONNXError) -> ONNXTensor {
    let tensor = try input(0)
    let wanted = try integers(1)
    guard try integer("allowzero", default: 0) == 0 else { throw unsupported("allowzero") }
    guard wanted.count <= ONNXLimits.dimensionsMax else {
      throw .tooLarge(what: "dimensions", limit: ONNXLimits.dimensionsMax)
    }
    var shape: [Int] = []
    var unknown: Int?
    for (place, size) in wanted.enumerated() {
      switch size {
      case 0:
        guard place < tensor.shape.count else { throw mismatch("size 0 at \(place)") }
        shape.append(tensor.shape[place])
      case -1:
        guard unknown == nil else { throw mismatch("two sizes are open") }
        unknown = place
        shape.append(1)
      case 1...Int64(ONNXLimits.elementsMax): shape.append(Int(size))
      default: throw mismatch("the size \(size)")
      }
    }
    let count = try ONNXTensor.elementCount(shape)
    if let unknown {
      guard count > 0, tensor.count.isMultiple(of: count) else {
        throw mismatch("\(tensor.count) numbers in the shape \(wanted)")
      }
      shape[unknown] = tensor.count / count
    }
    guard try ONNXTensor.elementCount(shape) == tensor.count else {
      throw mismatch("\(tensor.count) numbers in the shape \(wanted)")
    }
    return tensor.reshaped(shape)
  }

  private func flatten() throws(ONNXError) -> ONNXTensor {
    let tensor = try input(0)
    let axis = try axis(
      integer("axis", default: 1), rank: tensor.shape.count, allowsEnd: true)
    return tensor.reshaped([
      tensor.shape[..<axis].reduce(1, *), tensor.shape[axis...].reduce(1, *),
    ])
  }

  private func squeeze() throws(ONNXError) -> ONNXTensor {
    let tensor = try input(0)
    var removed = Set(tensor.shape.indices.filter { tensor.shape[$0] == 1 })
    if let axes = try listed("axes", input: 1) {
      removed = []
      for axis in axes {
        let place = try self.axis(axis, rank: tensor.shape.count)
        guard tensor.shape[place] == 1 else { throw mismatch("axis \(axis) is not of size 1") }
        removed.insert(place)
      }
    }
    return tensor.reshaped(
      tensor.shape.indices.filter { !removed.contains($0) }.map { tensor.shape[$0] })
  }

  private func unsqueeze() throws(ONNXError) -> ONNXTensor {
    let tensor = try input(0)
    guard let axes = try listed("axes", input: 1) else { throw mismatch("there are no axes") }
    let rank = tensor.shape.count + axes.count
    guard rank <= ONNXLimits.dimensionsMax else {
      throw .tooLarge(what: "dimensions", limit: ONNXLimits.dimensionsMax)
    }
    var added: Set<Int> = []
    for axis in axes { added.insert(try self.axis(axis, rank: rank)) }
    guard added.count == axes.count else { throw mismatch("an axis repeats") }
    var rest = tensor.shape[...]
    return tensor.reshaped((0..<rank).map { added.contains($0) ? 1 : rest.popFirst() ?? 1 })
  }

  private mutating func transpose() throws(ONNXError) -> ONNXTensor {
    let tensor = try input(0)
    let rank = tensor.shape.count
    let order = try list("perm") ?? (0..<rank).reversed().map { Int64($0) }
    guard order.sorted() == (0..<rank).map({ Int64($0) }) else {
      throw mismatch("perm is no order of \(rank) dimensions")
    }
    try spend([tensor.count])
    return tensor.transposed(order.map { Int($0) })
  }

  private mutating func concatenate() throws(ONNXError) -> ONNXTensor {
    let first = try input(0)
    let axis = try axis(integer("axis", default: 0), rank: first.shape.count)
    var shape = first.shape
    shape[axis] = 0
    var parts: [ONNXTensor] = []
    for index in inputs.indices {
      let part = try input(index)
      var others = part.shape
      guard others.count == shape.count else { throw mismatch("the sizes \(part.shape)") }
      shape[axis] += others[axis]
      others[axis] = shape[axis]
      guard others == shape else { throw mismatch("the sizes \(part.shape)") }
      parts.append(part)
    }
    try spend([ONNXTensor.elementCount(shape)])
    let outer = shape[..<axis].reduce(1, *)
    if case .integers = first.elements {
      return ONNXTensor(
        shape: shape, integers: try joined(parts, outer: outer) { $0.integerValues })
    }
    return ONNXTensor(shape: shape, floats: try joined(parts, outer: outer) { $0.floatValues })
  }

  private func joined<Number>(
    _ parts: [ONNXTensor], outer: Int, _ values: (ONNXTensor) -> [Number]?
  ) throws(ONNXError) -> [Number] {
    var lists: [[Number]] = []
    for part in parts {
      guard let list = values(part) else { throw mismatch("floats and integers are mixed") }
      lists.append(list)
    }
    return (0..<outer).flatMap { row in
      lists.flatMap { list in
        let width = list.count / max(1, outer)
        return list[row * width..<(row + 1) * width]
      }
    }
  }

  private mutating func gather() throws(ONNXError) -> ONNXTensor {
    let data = try input(0)
    let indices = try integers(1)
    let axis = try axis(integer("axis", default: 0), rank: data.shape.count)
    let size = data.shape[axis]
    var places: [Int] = []
    for index in indices { places.append(try self.axis(index, rank: size)) }
    let shape = data.shape[..<axis] + (try input(1).shape) + data.shape[(axis + 1)...]
    try spend([ONNXTensor.elementCount(Array(shape))])
    return data.selecting(places, axis: axis, shape: Array(shape))
  }

  /// Slices with inputs (operator set 10 on) or attributes; steps other than 1 are refused.
  private mutating func slice() throws(ONNXError) -> ONNXTensor {
    var tensor = try input(0)
    let starts = try listed("starts", input: 1) ?? []
    let ends = try listed("ends", input: 2) ?? []
    let axes = try listed("axes", input: 3) ?? (0..<starts.count).map { Int64($0) }
    let steps = optional(4) == nil ? [] : try integers(4)
    guard starts.count == ends.count, axes.count == starts.count else {
      throw mismatch("starts, ends and axes differ in number")
    }
    guard steps.allSatisfy({ $0 == 1 }) else { throw unsupported("a step other than 1") }
    for (place, axis) in axes.enumerated() {
      let axis = try self.axis(axis, rank: tensor.shape.count)
      let size = Int64(tensor.shape[axis])
      func bound(_ value: Int64) -> Int {
        Int(min(max(value < 0 ? value &+ size : value, 0), size))
      }
      let start = bound(starts[place])
      let places = Array(start..<max(start, bound(ends[place])))
      var shape = tensor.shape
      shape[axis] = places.count
      try spend([ONNXTensor.elementCount(shape)])
      tensor = tensor.selecting(places, axis: axis, shape: shape)
    }
    return tensor
  }

  /// Equal parts, or parts of given sizes.
  mutating func split() throws(ONNXError) -> [ONNXTensor] {
    let tensor = try input(0)
    let axis = try axis(integer("axis", default: 0), rank: tensor.shape.count)
    let count = node.outputs.count
    let size = tensor.shape[axis]
    var sizes = try listed("split", input: 1)
    if sizes == nil {
      let part = (size + count - 1) / count
      sizes = (0..<count).map { Int64(max(0, min(part, size - $0 * part))) }
    }
    let parts = sizes ?? []
    guard parts.count == count, parts.allSatisfy({ (0...Int64(size)).contains($0) }),
      parts.reduce(0, +) == Int64(size)
    else { throw mismatch("the parts \(parts) of \(size)") }
    try spend([tensor.count])
    var start = 0
    return parts.map { part in
      var shape = tensor.shape
      shape[axis] = Int(part)
      defer { start += Int(part) }
      return tensor.selecting(Array(start..<start + Int(part)), axis: axis, shape: shape)
    }
  }
}

extension ONNXTensor {
  var floatValues: [Float]? { if case .floats(let values) = elements { values } else { nil } }

  var integerValues: [Int64]? { if case .integers(let values) = elements { values } else { nil } }

  /// The dimensions in another order, a permutation.
  func transposed(_ order: [Int]) -> ONNXTensor {
    var steps = [Int](repeating: 1, count: shape.count)
    for place in shape.indices.dropLast().reversed() {
      steps[place] = steps[place + 1] * shape[place + 1]
    }
    let sizes = order.map { shape[$0] }
    let strides = order.map { steps[$0] }
    var index = [Int](repeating: 0, count: order.count)
    var place = 0
    let places = (0..<count).map { _ in
      defer {
        for dimension in sizes.indices.reversed() {
          index[dimension] += 1
          place += strides[dimension]
          if index[dimension] < sizes[dimension] { break }
          place -= strides[dimension] * sizes[dimension]
          index[dimension] = 0
        }
      }
      return place
    }
    switch elements {
    case .floats(let values): return ONNXTensor(shape: sizes, floats: places.map { values[$0] })
    case .integers(let values):
      return ONNXTensor(shape: sizes, integers: places.map { values[$0] })
    }
  }

  /// Slices of one dimension, in a result of this shape.
  func selecting(_ places: [Int], axis: Int, shape result: [Int]) -> ONNXTensor {
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    let size = shape[axis]
    func chosen<Number>(_ values: [Number]) -> [Number] {
      var list: [Number] = []
      list.reserveCapacity(outer * places.count * inner)
      for row in 0..<outer {
        for place in places {
          let start = (row * size + place) * inner
          list += values[start..<start + inner]
        }
      }
      return list
    }
    switch elements {
    case .floats(let values): return ONNXTensor(shape: result, floats: chosen(values))
    case .integers(let values): return ONNXTensor(shape: result, integers: chosen(values))
    }
  }
}
