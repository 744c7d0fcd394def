package import Cryptography
package import Primitives

/// Reads the members of a JSON object one by one; `finish` refuses what nobody asked for.
package struct JSONFields {
  private var members: [String: JSONValue] = [:]
  private let what: String

  /// Opens an object; a member that appears twice is refused.
  package init(_ value: JSONValue, of what: String) throws(LedgerError) {
    self.what = what
    guard let list = value.members else { throw Self.malformed(what, "not an object") }
    for member in list where members.updateValue(member.value, forKey: member.name) != nil {
      throw Self.malformed(what, "`\(member.name)` appears twice")
    }
  }

  /// Takes a member.
  package mutating func value(_ name: String) throws(LedgerError) -> JSONValue {
    guard let value = members.removeValue(forKey: name) else {
      throw .decoding(.missingField("\(what).\(name)"))
    }
    return value
  }

  /// Takes a member that may be absent.
  package mutating func optional(_ name: String) -> JSONValue? {
    members.removeValue(forKey: name)
  }

  /// Takes text.
  package mutating func text(_ name: String) throws(LedgerError) -> String {
    guard let text = try value(name).text else { throw malformed(name, "expected text") }
    return text
  }

  /// Takes an array.
  package mutating func array(_ name: String) throws(LedgerError) -> [JSONValue] {
    guard let array = try value(name).elements else { throw malformed(name, "expected an array") }
    return array
  }

  /// Takes a whole number, or its decimal digits as text where 64 bits do not fit JSON numbers.
  package mutating func unsigned(_ name: String) throws(LedgerError) -> UInt64 {
    let value = try value(name)
    if let number = value.integer.flatMap({ UInt64(exactly: $0) }) { return number }
    if let text = value.text, let number = UInt64(text), String(number) == text { return number }
    throw malformed(name, "expected a whole number")
  }

  /// Takes a whole number of at most `max`.
  package mutating func unsigned32(
    _ name: String, max: UInt32 = .max
  ) throws(LedgerError) -> UInt32 {
    let number = try unsigned(name)
    guard number <= UInt64(max) else { throw malformed(name, "expected at most \(max)") }
    return UInt32(number)
  }

  /// Takes money in decimal base units.
  package mutating func amount(_ name: String) throws(LedgerError) -> Amount {
    let text = try text(name)
    guard let amount = try? Amount(baseUnitsText: text), amount.baseUnitsText == text else {
      throw malformed(name, "expected base units in decimal digits")
    }
    return amount
  }

  /// Takes hexadecimal bytes.
  package mutating func bytes(_ name: String) throws(LedgerError) -> Bytes {
    do {
      return try Hex.decode(try text(name))
    } catch let error as LedgerError {
      throw error
    } catch {
      throw malformed(name, "expected hexadecimal text")
    }
  }

  /// Takes 32 bytes in hexadecimal.
  package mutating func digest(_ name: String) throws(LedgerError) -> Digest {
    guard let digest = try? Digest(bytes: try bytes(name)) else {
      throw malformed(name, "expected 64 hexadecimal digits")
    }
    return digest
  }

  /// Takes a public key in hexadecimal.
  package mutating func key(_ name: String) throws(LedgerError) -> PublicKey {
    guard let key = try? PublicKey(bytes: try bytes(name)) else {
      throw malformed(name, "expected a key of 64 hexadecimal digits")
    }
    return key
  }

  /// Refuses members that were not taken.
  package func finish() throws(LedgerError) {
    if let name = members.keys.min() { throw .decoding(.unknownField("\(what).\(name)")) }
  }

  private func malformed(_ name: String, _ reason: String) -> LedgerError {
    Self.malformed("\(what).\(name)", reason)
  }

  private static func malformed(_ what: String, _ reason: String) -> LedgerError {
    .decoding(.malformed(what: what, reason: reason))
  }
}
