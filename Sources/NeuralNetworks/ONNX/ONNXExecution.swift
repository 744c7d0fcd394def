extension ONNXModel {
  /// Computes the graph's outputs from its inputs; nodes run in the file's order.
  ///
  /// Arithmetic is Float32 with our matrix kernel, so results differ from other programs' in the
  /// last digits, and are the same bits on every machine.
  public func run(
    _ given: [String: ONNXTensor], multiplyAddsMax: Int = ONNXLimits.multiplyAddsMax
  ) throws(ONNXError) -> [String: ONNXTensor] {
    var values = initializers
    for port in inputs {
      guard let tensor = given[port.name] else { throw .missingValue(port.name) }
      try port.check(tensor)
      values[port.name] = tensor
    }
    let lastUses = lastUses
    var budget = multiplyAddsMax
    for (index, node) in nodes.enumerated() {
      let operands = node.inputs.map { $0.isEmpty ? nil : values[$0] }
      var call = ONNXCall(node: node, inputs: operands, opset: opset, budget: budget)
      let results = try call.results()
      budget = call.budget
      guard results.count >= node.outputs.lastIndex(where: { !$0.isEmpty }).map({ $0 + 1 }) ?? 0
      else { throw .unsupported(node: node.name, reason: "its second output") }
      for (name, tensor) in zip(node.outputs, results) where !name.isEmpty { values[name] = tensor }
      // Values that nobody reads any more leave their memory to the next ones.
      for name in lastUses[index] ?? [] { values[name] = nil }
    }
    var answers: [String: ONNXTensor] = [:]
    for port in outputs {
      guard let tensor = values[port.name] else { throw .missingValue(port.name) }
      if case .floats(let numbers) = tensor.elements, numbers.contains(where: { !$0.isFinite }) {
        throw .notFinite(port.name)
      }
      answers[port.name] = tensor
    }
    return answers
  }

  /// Values to forget after each node: those it is the last to read or that nobody reads.
  private var lastUses: [Int: [String]] {
    var last: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for name in node.inputs + node.outputs where !name.isEmpty { last[name] = index }
    }
    for port in outputs { last[port.name] = nil }
    return Dictionary(grouping: last.keys, by: { last[$0] ?? 0 })
  }
}

extension ONNXModel.Port {
  /// Checks sizes and kind of what a caller gives.
  func check(_ tensor: ONNXTensor) throws(ONNXError) {
    let isFloats = if case .floats = tensor.elements { true } else { false }
    guard isFloats == isFloat else {
      throw .mismatch(node: name, reason: "its elements are of the other kind")
    }
    let fits =
      shape.isEmpty
      || (shape.count == tensor.shape.count
        && zip(shape, tensor.shape).allSatisfy { $0 == nil || $0 == $1 })
    guard fits else {
      throw .mismatch(node: name, reason: "its shape is \(shape.map { $0 ?? -1 })")
    }
    if case .floats(let values) = tensor.elements, values.contains(where: { !$0.isFinite }) {
      throw .notFinite(name)
    }
    _ = try ONNXTensor.elementCount(tensor.shape)
  }
}

/// One node with its operands: what the operators' functions work on.
struct ONNXCall {
  let node: ONNXModel.Node
  let inputs: [ONNXTensor?]
  let opset: Int64
  /// Multiply-adds that the run may still do.
  var budget: Int

  func mismatch(_ reason: String) -> ONNXError { .mismatch(node: node.name, reason: reason) }

  func unsupported(_ reason: String) -> ONNXError { .unsupported(node: node.name, reason: reason) }

  /// Takes from the budget before the work is done.
  mutating func spend(_ factors: [Int]) throws(ONNXError) {
    var work = 1
    for factor in factors {
      let (product, overflow) = work.multipliedReportingOverflow(by: max(1, factor))
      guard !overflow else {
        throw .tooLarge(what: "multiply-adds", limit: ONNXLimits.multiplyAddsMax)
      }
      work = product
    }
    guard work <= budget else {
      throw .tooLarge(what: "multiply-adds", limit: ONNXLimits.multiplyAddsMax)
    }
    budget -= work
  }

  func optional(_ index: Int) -> ONNXTensor? { index < inputs.count ? inputs[index] : nil }

  func input(_ index: Int) throws(ONNXError) -> ONNXTensor {
    guard let tensor = optional(index) else { throw mismatch("input \(index) is missing") }
    return tensor
  }

  func floats(_ index: Int) throws(ONNXError) -> (shape: [Int], values: [Float]) {
    let tensor = try input(index)
    guard case .floats(let values) = tensor.elements else {
      throw mismatch("input \(index) holds integers")
    }
    return (tensor.shape, values)
  }

  func integers(_ index: Int) throws(ONNXError) -> [Int64] {
    guard case .integers(let values) = try input(index).elements else {
      throw mismatch("input \(index) holds floats")
    }
    return values
  }

  func integer(_ name: String, default standard: Int64) throws(ONNXError) -> Int64 {
    switch node.attributes[name] {
    case nil: return standard
    case .integer(let value): return value
    default: throw mismatch("attribute \(name) is no integer")
    }
  }

  func flag(_ name: String, default standard: Bool = false) throws(ONNXError) -> Bool {
    try integer(name, default: standard ? 1 : 0) != 0
  }

  func float(_ name: String, default standard: Float) throws(ONNXError) -> Float {
    switch node.attributes[name] {
    case nil: return standard
    case .float(let value) where !value.isNaN: return value
    default: throw mismatch("attribute \(name) is no number")
    }
  }

  func text(_ name: String, default standard: String) throws(ONNXError) -> String {
    switch node.attributes[name] {
    case nil: return standard
    case .text(let value): return value
    default: throw mismatch("attribute \(name) is no text")
    }
  }

  func list(_ name: String) throws(ONNXError) -> [Int64]? {
    switch node.attributes[name] {
    case nil: return nil
    case .integers(let values): return values
    default: throw mismatch("attribute \(name) is no list of integers")
    }
  }

  /// A place among `rank` dimensions, counted from the end if negative.
  func axis(_ value: Int64, rank: Int, allowsEnd: Bool = false) throws(ONNXError) -> Int {
    let bound = Int64(rank)
    guard value >= -bound, value < bound || (allowsEnd && value == bound) else {
      throw mismatch("the axis \(value) is outside \(rank) dimensions")
    }
    return Int(value < 0 ? value + bound : value)
  }

  /// A list from an attribute, or from an input in later operator sets.
  func listed(_ name: String, input index: Int) throws(ONNXError) -> [Int64]? {
    if let list = try list(name) { return list }
    return optional(index) == nil ? nil : try integers(index)
  }
}

extension ONNXCall {
  /// Computes the node's outputs.
  mutating func results() throws(ONNXError) -> [ONNXTensor] {
    if let result = try elementwiseResult() { return [result] }
    if let result = try shapeResult() { return [result] }
    switch node.operatorName {
    case "MatMul": return [try matrixProduct()]
    case "Gemm": return [try affineProduct()]
    case "Conv": return [try convolution()]
    case "MaxPool": return [try pooling(isMaximum: true)]
    case "AveragePool": return [try pooling(isMaximum: false)]
    case "GlobalAveragePool": return [try globalAverage()]
    case "BatchNormalization": return [try batchNormalization()]
    case "LayerNormalization": return [try layerNormalization()]
    case "Softmax": return [try softmax()]
    case "ReduceMean": return [try mean()]
    case "Split": return try split()
    default:
      throw .unsupportedOperator(node.operatorName, node: node.name)
    }
  }
}
