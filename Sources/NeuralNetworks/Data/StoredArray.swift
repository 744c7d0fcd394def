internal import Primitives

/// How the numbers of a binary file are written.
struct StoredNumber: Hashable, Sendable {
  enum Kind: Hashable, Sendable { case float, signed, unsigned, bool }
  let kind: Kind
  /// 1, 2, 4 or 8.
  let bytes: Int
  let isBigEndian: Bool

  /// The bits of one number, as an unsigned number of this processor.
  private func bits(_ place: UnsafeRawPointer) -> UInt64 {
    switch bytes {
    case 1: return UInt64(place.load(as: UInt8.self))
    case 2:
      let raw = place.loadUnaligned(as: UInt16.self)
      return UInt64(isBigEndian ? raw.bigEndian : raw)
    case 4:
      let raw = place.loadUnaligned(as: UInt32.self)
      return UInt64(isBigEndian ? raw.bigEndian : raw)
    default:
      let raw = place.loadUnaligned(as: UInt64.self)
      return isBigEndian ? raw.bigEndian : raw
    }
  }

  private func signed(_ bits: UInt64) -> Int64 {
    let unused = UInt64(64 - bytes * 8)
    return Int64(bitPattern: bits << unused) >> Int64(unused)
  }

  /// The number, rounded to Float32; integers above 2²⁴ lose their last digits.
  func float(_ place: UnsafeRawPointer) -> Float {
    let bits = bits(place)
    switch kind {
    case .float where bytes == 4: return Float(bitPattern: UInt32(truncatingIfNeeded: bits))
    case .float: return Float(Double(bitPattern: bits))
    case .signed: return Float(signed(bits))
    case .unsigned: return Float(bits)
    case .bool: return bits == 0 ? 0 : 1
    }
  }

  /// The number as a whole one, nil if it is none.
  func integer(_ place: UnsafeRawPointer) -> Int? {
    let bits = bits(place)
    switch kind {
    case .float where bytes == 4:
      return Int(exactly: Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .float: return Int(exactly: Double(bitPattern: bits))
    case .signed: return Int(signed(bits))
    case .unsigned: return Int(exactly: bits)
    case .bool: return bits == 0 ? 0 : 1
    }
  }
}

/// An array inside bytes: what the header of an NPY or IDX file says.
public struct StoredArray: Sendable {
  /// Sizes, outermost first.
  public let shape: [Int]
  let number: StoredNumber
  /// Where the numbers begin.
  let offset: Int
  /// Columns before rows (Fortran's order).
  let isColumnMajor: Bool
  /// Holds the numbers.
  let source: ByteSource
  /// "npy" or "idx", for errors.
  let format: String

  /// Dimensions of an array; NumPy's own limit is 64, images in batches have 4.
  static let dimensionsMax = 8
  /// Elements of a file larger than memory: 2⁴⁰ bytes at most.
  static let elementsMax = 1 << 40

  /// Checks that the file holds exactly the numbers that its header promises.
  init(
    shape: [Int], number: StoredNumber, offset: Int, isColumnMajor: Bool = false,
    source: ByteSource, format: String
  ) throws(DatasetError) {
    guard shape.count <= Self.dimensionsMax else {
      throw .shape(shape, expected: "at most \(Self.dimensionsMax) dimensions")
    }
    let count = try checkedProduct(shape, max: Self.elementsMax)
    let need = offset + count * number.bytes
    guard source.count >= need else {
      throw .truncated(format: format, have: source.count, need: need)
    }
    guard source.count == need else {
      throw .trailingBytes(format: format, count: source.count - need)
    }
    self.shape = shape
    self.number = number
    self.offset = offset
    self.isColumnMajor = isColumnMajor && shape.count > 1
    self.source = source
    self.format = format
  }

  /// The size of the first dimension.
  public var rows: Int { shape.first ?? 1 }
  /// Numbers of one row.
  var rowElements: Int { shape.dropFirst().reduce(1, *) }

  /// All numbers, row-major. The caller has looked at `shape`.
  public func floats() throws(DatasetError) -> [Float] {
    var values: [Float] = []
    try forEachNumber { number, place in values.append(number.float(place)) }
    return isColumnMajor ? rowMajor(values) : values
  }

  /// All numbers as whole ones in their order; a broken one is named by its place.
  func integers() throws(DatasetError) -> [Int] {
    var values: [Int] = []
    var broken: Int?
    try forEachNumber { number, place in
      let value = number.integer(place)
      if value == nil, broken == nil { broken = values.count }
      values.append(value ?? 0)
    }
    if let broken { throw .labelText("a fraction", line: broken) }
    return values
  }

  private func forEachNumber(
    _ body: (StoredNumber, UnsafeRawPointer) -> Void
  ) throws(DatasetError) {
    let count = shape.reduce(1, *)
    guard count <= Dataset.Limits.valuesMax else { throw .tooLarge(values: count) }
    let pieceNumbers = 1 << 15
    for start in stride(from: 0, to: count, by: pieceNumbers) {
      let length = min(pieceNumbers, count - start) * number.bytes
      let piece = try source.bytes(at: offset + start * number.bytes, limit: length)
      piece.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        for place in stride(from: 0, to: length, by: number.bytes) { body(number, base + place) }
      }
    }
  }

  /// Element (i, j, k) of Fortran's order stands at i + j·I + k·I·J.
  private func rowMajor(_ values: [Float]) -> [Float] {
    var index = [Int](repeating: 0, count: shape.count)
    var steps = shape
    var step = 1
    for dimension in shape.indices {
      steps[dimension] = step
      step *= shape[dimension]
    }
    return values.indices.map { _ in
      let place = zip(index, steps).reduce(0) { $0 + $1.0 * $1.1 }
      for dimension in shape.indices.reversed() {
        index[dimension] += 1
        guard index[dimension] == shape[dimension] else { break }
        index[dimension] = 0
      }
      return values[place]
    }
  }
}
