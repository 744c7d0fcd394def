internal import Primitives

/// A tensor of a graph: row-major Float32, or 64-bit integers for indices, shapes and truth values.
public struct ONNXTensor: Hashable, Sendable {
  /// The numbers.
  public enum Elements: Hashable, Sendable {
    /// FLOAT; DOUBLE is rounded to it.
    case floats([Float])
    /// INT64, and every smaller integer and BOOL.
    case integers([Int64])
  }

  /// Sizes, outermost first; empty for one number.
  public let shape: [Int]
  /// The numbers, row-major.
  public let elements: Elements

  /// Takes numbers that fill the shape.
  public init(shape: [Int], floats: [Float]) {
    precondition(shape.reduce(1, *) == floats.count)
    self.shape = shape
    elements = .floats(floats)
  }

  /// Takes integers that fill the shape.
  public init(shape: [Int], integers: [Int64]) {
    precondition(shape.reduce(1, *) == integers.count)
    self.shape = shape
    elements = .integers(integers)
  }

  /// How many numbers there are.
  public var count: Int {
    switch elements {
    case .floats(let values): values.count
    case .integers(let values): values.count
    }
  }

  /// The same numbers in another shape of equal size.
  func reshaped(_ shape: [Int]) -> ONNXTensor {
    switch elements {
    case .floats(let values): ONNXTensor(shape: shape, floats: values)
    case .integers(let values): ONNXTensor(shape: shape, integers: values)
    }
  }

  /// The product of sizes, refused above the limit.
  static func elementCount(_ shape: [Int]) throws(ONNXError) -> Int {
    guard shape.count <= ONNXLimits.dimensionsMax else {
      throw .tooLarge(what: "dimensions", limit: ONNXLimits.dimensionsMax)
    }
    var count = 1
    // Empty tensors too must have sizes whose products stay inside Int.
    var largest = 1
    for size in shape {
      guard size >= 0 else { throw .malformed("a negative size") }
      count *= size
      let (product, overflow) = largest.multipliedReportingOverflow(by: max(1, size))
      guard !overflow, product <= ONNXLimits.elementsMax else {
        throw .tooLarge(what: "elements", limit: ONNXLimits.elementsMax)
      }
      largest = product
    }
    return count
  }
}

extension ONNXTensor {
  /// TensorProto.DataType.
  enum DataType {
    static let float: Int64 = 1
    static let uint8: Int64 = 2
    static let int8: Int64 = 3
    static let int32: Int64 = 6
    static let int64: Int64 = 7
    static let bool: Int64 = 9
    static let double: Int64 = 11
  }

  /// Reads a TensorProto: name (8), dims (1), data_type (2), and the data as raw bytes (9) or in
  /// the field of their type.
  static func read(
    _ message: ArraySlice<UInt8>
  ) throws(ONNXError) -> (name: String, tensor: ONNXTensor) {
    var fields = try TensorFields(message)
    let name = fields.name
    var shape: [Int] = []
    for size in fields.sizes {
      guard (0...Int64(ONNXLimits.elementsMax)).contains(size) else {
        throw .tooLarge(what: "elements", limit: ONNXLimits.elementsMax)
      }
      shape.append(Int(size))
    }
    let count = try elementCount(shape)
    let type = fields.type
    let isFloat = type == DataType.float || type == DataType.double
    if let raw = fields.raw {
      guard fields.floats.isEmpty, fields.integers.isEmpty else {
        throw .malformed("tensor data twice")
      }
      try read(
        raw, type: type, name: name, count: count, floats: &fields.floats,
        integers: &fields.integers)
    } else if !isFloat {
      _ = try elementBytes(type, tensor: name)
    }
    guard (isFloat ? fields.floats.count : fields.integers.count) == count,
      isFloat ? fields.integers.isEmpty : fields.floats.isEmpty
    else { throw .malformed("the data of tensor `\(name)` do not fill its shape") }
    guard !fields.floats.contains(where: \.isNaN) else { throw .notFinite(name) }
    return (
      name,
      isFloat
        ? ONNXTensor(shape: shape, floats: fields.floats)
        : ONNXTensor(shape: shape, integers: fields.integers)
    )
  }

  private static func elementBytes(_ type: Int64, tensor: String) throws(ONNXError) -> Int {
    switch type {
    case DataType.uint8, DataType.int8, DataType.bool: 1
    case DataType.float, DataType.int32: 4
    case DataType.int64, DataType.double: 8
    default: throw .unsupportedType(type, tensor: tensor)
    }
  }

  private static func read(
    _ raw: ArraySlice<UInt8>, type: Int64, name: String, count: Int, floats: inout [Float],
    integers: inout [Int64]
  ) throws(ONNXError) {
    let bytes = try elementBytes(type, tensor: name)
    guard raw.count == count * bytes else {
      throw .malformed("the data of tensor `\(name)` do not fill its shape")
    }
    raw.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      for place in stride(from: 0, to: raw.count, by: bytes) {
        let start = base + place
        switch type {
        case DataType.float: floats.append(start.loadUnaligned(as: Float.self))
        case DataType.double: floats.append(Float(start.loadUnaligned(as: Double.self)))
        case DataType.int64: integers.append(start.loadUnaligned(as: Int64.self))
        case DataType.int32: integers.append(Int64(start.loadUnaligned(as: Int32.self)))
        case DataType.int8: integers.append(Int64(start.load(as: Int8.self)))
        default: integers.append(Int64(start.load(as: UInt8.self)))
        }
      }
    }
  }
}

/// The fields of a TensorProto as they are read.
private struct TensorFields {
  var name = ""
  var sizes: [Int64] = []
  var type: Int64 = 0
  var raw: ArraySlice<UInt8>?
  var floats: [Float] = []
  var integers: [Int64] = []

  init(_ message: ArraySlice<UInt8>) throws(ONNXError) {
    var reader = WireReader(message)
    while let (number, value) = try reader.next() {
      switch number {
      case 1: try value.integers(to: &sizes)
      case 2: type = try value.integer()
      case 4: try value.floats(to: &floats)
      case 5, 7, 11: try value.integers(to: &integers)
      case 8: name = try value.name()
      case 9: raw = try value.bytes()
      case 10: try value.doubles(to: &floats)
      case 3, 13: throw .malformed("tensor `\(name)` lies in pieces or outside the file")
      case 14:
        guard try value.integer() == 0 else { throw .malformed("tensor data outside the file") }
      default: break
      }
      guard sizes.count <= ONNXLimits.dimensionsMax else {
        throw .tooLarge(what: "dimensions", limit: ONNXLimits.dimensionsMax)
      }
    }
  }
}
