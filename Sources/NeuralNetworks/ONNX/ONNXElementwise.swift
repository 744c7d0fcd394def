internal import CKernels
internal import Primitives

extension ONNXCall {
  /// Operators that work number by number; nil for all others.
  mutating func elementwiseResult() throws(ONNXError) -> ONNXTensor? {
    switch node.operatorName {
    case "Add": return try broadcast({ $0 + $1 }, { $0 &+ $1 })
    case "Sub": return try broadcast({ $0 - $1 }, { $0 &- $1 })
    case "Mul": return try broadcast({ $0 * $1 }, { $0 &* $1 })
    case "Div":
      // Integer division truncates; by zero the result is 0 here, as nothing better is defined.
      return try broadcast({ $0 / $1 }, { $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).0 })
    case "Pow": return try power()
    case "Relu": return try map { max($0, 0) }
    case "LeakyRelu":
      let slope = try float("alpha", default: 0.01)
      return try map { $0 < 0 ? $0 * slope : $0 }
    case "Sigmoid": return try map(sigmoid)
    case "Tanh": return try map(hyperbolicTangent)
    case "Erf": return try map { Float(errorFunction(Double($0))) }
    case "Sqrt": return try map { $0.squareRoot() }
    case "Exp": return try exponential()
    case "Neg": return try map { -$0 }
    case "Gelu": return try gelu()
    case "Clip": return try clip()
    case "Cast": return try cast()
    case "Identity", "Dropout": return try input(0)
    case "Constant": return try constant()
    default: return nil
    }
  }

  private func map(_ body: (Float) -> Float) throws(ONNXError) -> ONNXTensor {
    let (shape, values) = try floats(0)
    return ONNXTensor(shape: shape, floats: values.map(body))
  }

  private func exponential() throws(ONNXError) -> ONNXTensor {
    let (shape, values) = try floats(0)
    var result = values
    Kernels.active.pointee.exponential(&result, values, Int64(values.count))
    return ONNXTensor(shape: shape, floats: result)
  }

  private func power() throws(ONNXError) -> ONNXTensor {
    // The exponent may be of another kind than the base; an integer base stays one.
    guard case .floats = try input(0).elements else { throw unsupported("a power of integers") }
    var call = self
    call = ONNXCall(
      node: node, inputs: [try input(0), try input(1).asFloats], opset: opset, budget: budget)
    return try call.broadcast(realPower) { base, _ in base }
  }

  private func gelu() throws(ONNXError) -> ONNXTensor {
    switch try text("approximate", default: "none") {
    case "none":
      // x · Φ(x) (Hendrycks and Gimpel 2016, arXiv:1606.08415).
      return try map { x in
        Float(0.5 * Double(x) * (1 + errorFunction(Double(x) * 0.5.squareRoot())))
      }
    case "tanh":
      return try map { x in
        let inner = 0.7978845608028654 * (Double(x) + 0.044715 * Double(x * x * x))
        return Float(0.5 * Double(x) * (1 + Double(hyperbolicTangent(Float(inner)))))
      }
    default: throw unsupported("this form of Gelu")
    }
  }

  private func clip() throws(ONNXError) -> ONNXTensor {
    func bound(_ name: String, _ index: Int, _ standard: Float) throws(ONNXError) -> Float {
      guard optional(index) != nil else { return try float(name, default: standard) }
      guard let value = try floats(index).values.first, try floats(index).values.count == 1 else {
        throw mismatch("a bound is no single number")
      }
      return value
    }
    let low = try bound("min", 1, -.infinity)
    let high = try bound("max", 2, .infinity)
    return try map { min(max($0, low), high) }
  }

  private func cast() throws(ONNXError) -> ONNXTensor {
    let tensor = try input(0)
    switch try integer("to", default: 0) {
    case ONNXTensor.DataType.float, ONNXTensor.DataType.double: return tensor.asFloats
    case ONNXTensor.DataType.int64, ONNXTensor.DataType.int32:
      guard case .floats(let values) = tensor.elements else { return tensor }
      guard values.allSatisfy({ abs($0) < 0x1p31 }) else {
        throw mismatch("a number is beyond 32 bits")
      }
      return ONNXTensor(shape: tensor.shape, integers: values.map { Int64($0) })
    case ONNXTensor.DataType.bool:
      switch tensor.elements {
      case .floats(let values):
        return ONNXTensor(shape: tensor.shape, integers: values.map { $0 == 0 ? 0 : 1 })
      case .integers(let values):
        return ONNXTensor(shape: tensor.shape, integers: values.map { $0 == 0 ? 0 : 1 })
      }
    default: throw unsupported("a cast to this type")
    }
  }

  private func constant() throws(ONNXError) -> ONNXTensor {
    guard node.attributes.count == 1 else { throw mismatch("a constant has one value") }
    switch (node.attributes.keys.first, node.attributes.values.first) {
    case ("value", .tensor(let tensor)): return tensor
    case ("value_float", .float(let value)): return ONNXTensor(shape: [], floats: [value])
    case ("value_floats", .floats(let values)):
      return ONNXTensor(shape: [values.count], floats: values)
    case ("value_int", .integer(let value)): return ONNXTensor(shape: [], integers: [value])
    case ("value_ints", .integers(let values)):
      return ONNXTensor(shape: [values.count], integers: values)
    default: throw unsupported("this kind of constant")
    }
  }

  /// Applies an operation to two tensors whose sizes are equal or 1, aligned at the last one.
  mutating func broadcast(
    _ onFloats: (Float, Float) -> Float, _ onIntegers: (Int64, Int64) -> Int64
  ) throws(ONNXError) -> ONNXTensor {
    let a = try input(0)
    let b = try input(1)
    let shape = try broadcastShape(a.shape, b.shape)
    let count = try ONNXTensor.elementCount(shape)
    try spend([count])
    let left = BroadcastWalk(a.shape, in: shape)
    let right = BroadcastWalk(b.shape, in: shape)
    switch (a.elements, b.elements) {
    case (.floats(let x), .floats(let y)):
      return ONNXTensor(
        shape: shape,
        floats: combined(x, y, isEqual: a.shape == b.shape, left, right, count, onFloats))
    case (.integers(let x), .integers(let y)):
      return ONNXTensor(
        shape: shape,
        integers: combined(x, y, isEqual: a.shape == b.shape, left, right, count, onIntegers))
    default: throw mismatch("one input holds floats, the other integers")
    }
  }

  func broadcastShape(_ a: [Int], _ b: [Int]) throws(ONNXError) -> [Int] {
    var shape: [Int] = []
    for place in 0..<max(a.count, b.count) {
      let x = place < a.count ? a[a.count - 1 - place] : 1
      let y = place < b.count ? b[b.count - 1 - place] : 1
      guard x == y || x == 1 || y == 1 else { throw mismatch("the sizes \(a) and \(b)") }
      shape.append(x == 1 ? y : x)
    }
    return shape.reversed()
  }
}

private func combined<Number>(
  _ x: [Number], _ y: [Number], isEqual: Bool, _ left: BroadcastWalk, _ right: BroadcastWalk,
  _ count: Int, _ body: (Number, Number) -> Number
) -> [Number] {
  if isEqual { return zip(x, y).map(body) }
  var left = left
  var right = right
  return (0..<count).map { _ in
    let result = body(x[left.place], y[right.place])
    left.advance()
    right.advance()
    return result
  }
}

/// Walks through a smaller tensor as if it had a larger shape.
struct BroadcastWalk {
  private(set) var place = 0
  private var index: [Int]
  private let shape: [Int]
  private let steps: [Int]

  init(_ sizes: [Int], in shape: [Int]) {
    self.shape = shape
    index = [Int](repeating: 0, count: shape.count)
    var steps = [Int](repeating: 0, count: shape.count)
    var step = 1
    for offset in 0..<sizes.count {
      let size = sizes[sizes.count - 1 - offset]
      steps[shape.count - 1 - offset] = size == 1 ? 0 : step
      step *= size
    }
    self.steps = steps
  }

  /// Goes to the next place of the larger shape, row-major.
  mutating func advance() {
    for dimension in shape.indices.reversed() {
      index[dimension] += 1
      place += steps[dimension]
      guard index[dimension] == shape[dimension] else { return }
      place -= steps[dimension] * shape[dimension]
      index[dimension] = 0
    }
  }
}

extension ONNXTensor {
  /// The numbers as floats.
  var asFloats: ONNXTensor {
    guard case .integers(let values) = elements else { return self }
    return ONNXTensor(shape: shape, floats: values.map { Float($0) })
  }
}

private func sigmoid(_ x: Float) -> Float {
  Float(1 / (1 + Elementary.exponential(-Double(x))))
}

private func hyperbolicTangent(_ x: Float) -> Float {
  // Below 2⁻¹² tanh x is x to Float32, and the quotient would lose digits.
  guard abs(x) > 0x1p-12 else { return x }
  let e = Elementary.exponential(2 * Double(x))
  return e == .infinity ? 1 : Float((e - 1) / (e + 1))
}

private func realPower(_ base: Float, _ exponent: Float) -> Float {
  if exponent == 0 { return 1 }
  if base > 0 { return Float(Elementary.power(Double(base), Double(exponent))) }
  if base == 0 { return exponent > 0 ? 0 : .infinity }
  guard exponent == exponent.rounded() else { return .nan }
  let size = Float(Elementary.power(Double(-base), Double(exponent)))
  return exponent.truncatingRemainder(dividingBy: 2) == 0 ? size : -size
}

/// erf x = 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n + 1)), all terms positive (DLMF 7.6.2).
private func errorFunction(_ x: Double) -> Double {
  // Beyond 4 the difference to ±1 is below half a unit of Float32.
  guard abs(x) < 4 else { return x.isNaN ? x : x < 0 ? -1 : 1 }
  var term = x
  var sum = x
  var factor = 3.0
  while abs(term) > abs(sum) * 1e-17 {
    term *= 2 * x * x / factor
    sum += term
    factor += 2
  }
  return 1.1283791670955126 * Elementary.exponential(-x * x) * sum
}
