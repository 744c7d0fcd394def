import Glibc
import Persistence
import Primitives

/// Every setting of the program, from flag, environment, `.env`, file or default, in this order.
struct Settings: Sendable {
  struct Row: Sendable {
    let name: String
    let value: String
    let source: String
  }

  /// Largest `config.json` or `.env`.
  private static let fileBytesMax = 64 << 10

  static let fileName = "config.json"

  private(set) var rows: [Row] = []

  init(arguments: Arguments) throws {
    let file = try Self.fileValues(Homes.selected(arguments))
    let dotenv = try Self.dotenvValues()
    for definition in SettingDefinition.all {
      rows.append(
        Self.row(definition, arguments: arguments, dotenv: dotenv, file: file))
    }
  }

  private static func row(
    _ definition: SettingDefinition, arguments: Arguments, dotenv: [String: String],
    file: [String: String]
  ) -> Row {
    let name = definition.name
    if let value = arguments.text(name) { return Row(name: name, value: value, source: "flag") }
    if let value = getenv(definition.variable) {
      return Row(
        name: name, value: String(cString: value), source: "environment \(definition.variable)")
    }
    if let value = dotenv[definition.variable] {
      return Row(name: name, value: value, source: ".env")
    }
    if let value = file[name] { return Row(name: name, value: value, source: "config.json") }
    return Row(name: name, value: definition.fallback, source: "default")
  }

  /// One setting, with where it comes from.
  func row(_ name: String) -> Row? { rows.first { $0.name == name } }

  /// The value of a setting; empty text means that it is not set.
  func text(_ name: String) -> String? {
    let value = row(name)?.value ?? ""
    return value.isEmpty ? nil : value
  }

  /// A setting that is a whole number.
  func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    let row = row(name)
    guard let row, let number = Int(row.value), range.contains(number) else {
      throw CommandFailure.usage(
        "\(name) is `\(row?.value ?? "")` (\(row?.source ?? "unset"))",
        hint: "give a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A variable of the environment or of `.env`.
  static func environment(_ name: String) -> String? {
    if let value = getenv(name) { return String(cString: value) }
    return (try? dotenvValues())?[name]
  }

  private static func fileValues(_ home: HomeDirectory) throws -> [String: String] {
    var values: [String: String] = [:]
    for member in try fileMembers(home) {
      values[member.name] = member.value.text ?? member.value.text()
    }
    return values
  }

  /// What `config.json` of a home holds, with known names only.
  static func fileMembers(_ home: HomeDirectory) throws -> [JSONValue.Member] {
    guard let bytes = try home.read(fileName, max: fileBytesMax) else { return [] }
    guard let members = try JSONValue(parsing: bytes).members else {
      throw CommandFailure("config.json is not an object", hint: "see `martlet config show`")
    }
    let names = SettingDefinition.all.map(\.name).filter { $0 != SettingDefinition.home.name }
    for member in members where !names.contains(member.name) {
      throw CommandFailure(
        "config.json has the unknown key `\(member.name)`",
        hint: NearestWord.of(member.name, in: names).map { "did you mean `\($0)`?" }
          ?? "`martlet config show` lists the keys")
    }
    return members
  }

  /// Lines `NAME=VALUE` of the file `.env` in the working directory; `#` begins a comment.
  private static func dotenvValues() throws -> [String: String] {
    guard let bytes = try AtomicFile.read(".env", byteCountMax: fileBytesMax) else { return [:] }
    var values: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !line.hasPrefix("#") else { continue }
      let value = parts[1].drop { $0 == "\"" }
      let name = parts[0].hasPrefix("export ") ? parts[0].dropFirst(7) : parts[0]
      values[String(name)] = String(value.hasSuffix("\"") ? value.dropLast() : value)
    }
    return values
  }
}
