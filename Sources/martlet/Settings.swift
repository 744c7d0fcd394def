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

  private struct Definition {
    let name: String
    let variable: String
    let fallback: String
  }

  /// Largest `config.json` or `.env`.
  private static let fileBytesMax = 64 << 10

  private static let definitions = [
    Definition(name: "home", variable: "MARTLET_HOME", fallback: "~/.martlet"),
    Definition(name: "host", variable: "MARTLET_HOST", fallback: "127.0.0.1"),
    Definition(name: "port", variable: "MARTLET_PORT", fallback: "8080"),
    Definition(
      name: "listen", variable: "MARTLET_LISTEN", fallback: "/ip4/127.0.0.1/tcp/4001"),
    Definition(name: "tls-cert", variable: "MARTLET_TLS_CERT", fallback: ""),
    Definition(name: "tls-key", variable: "MARTLET_TLS_KEY", fallback: ""),
    Definition(name: "stake-grants", variable: "MARTLET_STAKE_GRANTS", fallback: "8"),
    Definition(name: "threads", variable: "MARTLET_THREADS", fallback: "1"),
    Definition(name: "join", variable: "MARTLET_JOIN", fallback: ""),
    Definition(name: "role", variable: "MARTLET_ROLE", fallback: "worker"),
    Definition(name: "label", variable: "MARTLET_LABEL", fallback: ""),
    Definition(name: "server", variable: "MARTLET_SERVER", fallback: ""),
    Definition(name: "api-key-file", variable: "MARTLET_API_KEY_FILE", fallback: ""),
  ]

  private(set) var rows: [Row] = []

  init(arguments: Arguments) throws {
    let file = try Self.fileValues(Homes.selected(arguments))
    let dotenv = try Self.dotenvValues()
    for definition in Self.definitions {
      rows.append(
        Self.row(definition, arguments: arguments, dotenv: dotenv, file: file))
    }
  }

  private static func row(
    _ definition: Definition, arguments: Arguments, dotenv: [String: String],
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

  /// The value of a setting; empty text means that it is not set.
  func text(_ name: String) -> String? {
    let value = rows.first { $0.name == name }?.value ?? ""
    return value.isEmpty ? nil : value
  }

  /// A setting that is a whole number.
  func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    let row = rows.first { $0.name == name }
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
    guard let bytes = try home.read("config.json", max: fileBytesMax) else { return [:] }
    let document = try JSONValue(parsing: bytes)
    guard let members = document.members else {
      throw CommandFailure("config.json is not an object", hint: "see `martlet config show`")
    }
    var values: [String: String] = [:]
    for member in members {
      guard definitions.contains(where: { $0.name == member.name && $0.name != "home" }) else {
        throw CommandFailure(
          "config.json has the unknown key `\(member.name)`",
          hint: "`martlet config show` lists the keys")
      }
      values[member.name] = member.value.text ?? member.value.text()
    }
    return values
  }

  /// Lines `NAME=VALUE` of the file `.env` in the working directory; `#` begins a comment.
  private static func dotenvValues() throws -> [String: String] {
    guard let bytes = try AtomicFile.read(".env", byteCountMax: fileBytesMax) else { return [:] }
    var values: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !line.hasPrefix("#") else { continue }
      let value = parts[1].drop { $0 == "\"" }
      let name = parts[0].hasPrefix("export ") ? parts[0].dropFirst(7) : parts[0]
      values[String(name)] = String(value.hasSuffix("\"") ? value.dropLast() : value)
    }
    return values
  }
}
