internal import Primitives

/// A JSON object whose keys are taken one by one; `finish` refuses what is left.
struct ConfigurationObject {
  private var members: [(name: String, value: JSONValue)] = []
  private let path: String

  init(_ value: JSONValue, path: String) throws(ModelConfigurationError) {
    self.path = path
    guard let members = value.members else {
      throw .wrongType(path: path.isEmpty ? "document" : path, expected: "an object")
    }
    for member in members {
      guard !self.members.contains(where: { $0.name == member.name }) else {
        throw .duplicateKey(path: full(member.name))
      }
      self.members.append((member.name, member.value))
    }
  }

  /// The key with those above it: "optimizer.momentum".
  func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  mutating func optional(_ name: String) -> JSONValue? {
    guard let index = members.firstIndex(where: { $0.name == name }) else { return nil }
    return members.remove(at: index).value
  }

  mutating func take(_ name: String) throws(ModelConfigurationError) -> JSONValue {
    guard let value = optional(name) else { throw .missing(path: full(name)) }
    return value
  }

  mutating func object(_ name: String) throws(ModelConfigurationError) -> ConfigurationObject {
    try ConfigurationObject(try take(name), path: full(name))
  }

  mutating func optionalObject(
    _ name: String
  ) throws(ModelConfigurationError) -> ConfigurationObject? {
    guard let value = optional(name) else { return nil }
    return try ConfigurationObject(value, path: full(name))
  }

  mutating func integer(_ name: String) throws(ModelConfigurationError) -> Int {
    guard let number = try take(name).integer else {
      throw .wrongType(path: full(name), expected: "an integer")
    }
    return Int(number)
  }

  mutating func optionalInteger(_ name: String) throws(ModelConfigurationError) -> Int? {
    guard let value = optional(name) else { return nil }
    guard let number = value.integer else {
      throw .wrongType(path: full(name), expected: "an integer")
    }
    return Int(number)
  }

  /// One integer, or a list of at most `max`.
  mutating func integers(_ name: String, max: Int) throws(ModelConfigurationError) -> [Int]? {
    guard let value = optional(name) else { return nil }
    if let single = value.integer { return [Int(single)] }
    guard let list = value.elements, list.count <= max else {
      throw .wrongType(path: full(name), expected: "an integer or a short list of integers")
    }
    var numbers: [Int] = []
    for (index, element) in list.enumerated() {
      guard let number = element.integer else {
        throw .wrongType(path: "\(full(name))[\(index)]", expected: "an integer")
      }
      numbers.append(Int(number))
    }
    return numbers
  }

  mutating func optionalNumber(_ name: String) throws(ModelConfigurationError) -> Double? {
    guard let value = optional(name) else { return nil }
    guard let number = value.double else {
      throw .wrongType(path: full(name), expected: "a number")
    }
    return number
  }

  mutating func number(
    _ name: String, default standard: Float
  ) throws(ModelConfigurationError) -> Float {
    try optionalNumber(name).map { Float($0) } ?? standard
  }

  mutating func flag(
    _ name: String, default standard: Bool
  ) throws(ModelConfigurationError) -> Bool {
    guard let value = optional(name) else { return standard }
    guard case .bool(let flag) = value else {
      throw .wrongType(path: full(name), expected: "true or false")
    }
    return flag
  }

  /// One of `supported`; nil if the key is absent.
  mutating func optionalWord(
    _ name: String, oneOf supported: [String]
  ) throws(ModelConfigurationError) -> String? {
    guard let value = optional(name) else { return nil }
    guard let text = value.text else {
      throw .wrongType(path: full(name), expected: "a name")
    }
    guard supported.contains(text) else {
      throw .unsupported(path: full(name), value: text, supported: supported)
    }
    return text
  }

  mutating func word(
    _ name: String, oneOf supported: [String]
  ) throws(ModelConfigurationError) -> String {
    guard let text = try optionalWord(name, oneOf: supported) else {
      throw .missing(path: full(name))
    }
    return text
  }

  /// A case of an enumeration of names.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, default standard: Choice
  ) throws(ModelConfigurationError) -> Choice {
    let supported = Choice.allCases.map(\.rawValue)
    guard let text = try optionalWord(name, oneOf: supported),
      let choice = Choice(rawValue: text)
    else { return standard }
    return choice
  }

  func finish() throws(ModelConfigurationError) {
    if let left = members.first { throw .unknownKey(path: full(left.name)) }
  }
}
