internal import Primitives

extension CanonicalValue {
  /// Sizes, each at least 0.
  static func numbers(_ numbers: [Int]) -> CanonicalValue {
    .array(numbers.map { .unsigned(UInt64($0)) })
  }

  /// A real number as the bits of its IEEE 754 form.
  static func bits(_ number: Float) -> CanonicalValue { .unsigned(UInt64(number.bitPattern)) }

  /// A real number as the bits of its IEEE 754 form.
  static func bits(_ number: Double) -> CanonicalValue { .unsigned(number.bitPattern) }
}

extension CanonicalFields {
  /// Takes a list of at most `max` sizes.
  mutating func numbers(_ name: String, max: Int) throws(DecodingFailure) -> [Int] {
    let values = try array(name)
    guard values.count <= max else {
      throw .tooLarge(what: name, size: values.count, limit: max)
    }
    var numbers: [Int] = []
    for value in values {
      guard case .unsigned(let number) = value else {
        throw .malformed(what: name, reason: "expected unsigned numbers")
      }
      numbers.append(Int(clamping: number))
    }
    return numbers
  }

  mutating func float(_ name: String) throws(DecodingFailure) -> Float {
    Float(bitPattern: UInt32(try count(name, max: Int(UInt32.max))))
  }

  mutating func double(_ name: String) throws(DecodingFailure) -> Double {
    Double(bitPattern: try unsigned(name))
  }

  /// Takes one of an enumeration's names.
  mutating func name<Name: RawRepresentable<String>>(
    _ name: String, as type: Name.Type = Name.self
  ) throws(DecodingFailure) -> Name {
    guard let value = Name(rawValue: try text(name)) else {
      throw .malformed(what: name, reason: "unknown name")
    }
    return value
  }
}
