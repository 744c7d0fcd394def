import ContentStore
import Networking
import Primitives

/// One request: its command, arguments and options.
struct KuboCall: Sendable {
  let node: KuboNode
  let command: KuboCommand
  let request: HTTPRequest
  /// The values of `arg`, in order.
  let arguments: [String]
  /// The values of all other items.
  let options: [String: String]

  /// Reads the query. Of an option that is there twice the last counts, as in Kubo; options that
  /// no command knows are passed over.
  init(_ request: HTTPRequest, _ command: KuboCommand, on node: KuboNode) throws(KuboError) {
    var arguments: [String] = []
    var options: [String: String] = [:]
    let items = request.head.query.utf8.split(separator: UInt8(ascii: "&"))
    guard items.count <= KuboLimits.queryItemsMax else {
      throw .tooManyArguments(limit: KuboLimits.queryItemsMax)
    }
    for item in items {
      let pair = item.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = HTTPPercent.decode(pair[0], plusIsSpace: true),
        let value = pair.count == 2 ? HTTPPercent.decode(pair[1], plusIsSpace: true) : ""
      else {
        throw .malformedOption(
          name: "arg", value: String(decoding: item, as: UTF8.self), expected: "text")
      }
      if name == "arg" { arguments.append(value) } else { options[name] = value }
    }
    try command.check(arguments)
    self.command = command
    self.request = request
    self.arguments = arguments
    self.options = options
    let isOffline = try Self.flag(options["offline"] ?? "false", of: "offline")
    self.node = isOffline ? node.offline : node
  }

  /// The text of an option under its long or short name; nil where it is missing.
  func text(_ names: String...) -> String? {
    for name in names { if let value = options[name] { return value } }
    return nil
  }

  /// A truth value; one without a value is true, and Python's spellings are understood.
  func flag(_ name: String, short: String? = nil, default usual: Bool = false) throws(KuboError)
    -> Bool
  {
    guard let value = options[name] ?? short.flatMap({ options[$0] }) else { return usual }
    return try Self.flag(value, of: name)
  }

  private static func flag(_ value: String, of name: String) throws(KuboError) -> Bool {
    switch value.lowercased() {
    case "", "true", "t", "1": return true
    case "false", "f", "0": return false
    default: throw .malformedOption(name: name, value: value, expected: "bool")
    }
  }

  /// A whole number; nil where the option is missing or empty.
  func integer(_ name: String, short: String? = nil) throws(KuboError) -> Int64? {
    guard let value = options[name] ?? short.flatMap({ options[$0] }), !value.isEmpty else {
      return nil
    }
    guard let number = Int64(value) else {
      throw .malformedOption(name: name, value: value, expected: "integer")
    }
    return number
  }

  /// A whole number that is not negative; nil where the option is missing or empty.
  func count(_ name: String) throws(KuboError) -> UInt64? {
    guard let number = try integer(name) else { return nil }
    guard let count = UInt64(exactly: number) else { throw .negative(name: name) }
    return count
  }

  /// Refuses a flag that would change what the command does.
  func refuse(_ name: String, hint: String) throws(KuboError) {
    guard let value = options[name], try Self.flag(value, of: name) else { return }
    throw .unsupportedOption(name: name, value: value, hint: hint)
  }

  /// Refuses an option with any value but these.
  func refuse(_ name: String, unless values: [String], hint: String) throws(KuboError) {
    guard let value = options[name], !values.contains(value.lowercased()) else { return }
    throw .unsupportedOption(name: name, value: value, hint: hint)
  }

  /// A CID as the client wants to read it: version 1 in the base of `cid-base`.
  func text(of cid: CID) throws(KuboError) -> String {
    guard let name = options["cid-base"], !name.isEmpty else { return cid.text }
    guard let base = Multibase(kuboName: name) else {
      throw .malformedOption(name: "cid-base", value: name, expected: "a multibase")
    }
    if cid.version == .v0, base == .base58BTC { return cid.text }
    let upgrades = try flag("upgrade-cidv0-in-output", default: true)
    return cid.version == .v0 && !upgrades ? cid.text : cid.text(in: base)
  }

  /// `{"/": CID}`.
  func link(_ cid: CID) throws(KuboError) -> JSONValue { ["/": .string(try text(of: cid))] }
}

extension Multibase {
  /// The bases that have a use in CIDs, by the names of the multibase table or their prefix.
  init?(kuboName name: String) {
    switch name {
    case "base16", "f": self = .base16
    case "base32", "b": self = .base32
    case "base36", "k": self = .base36
    case "base58btc", "z": self = .base58BTC
    case "base64", "m": self = .base64
    case "base64url", "u": self = .base64URL
    case "base2", "0": self = .base2
    default: return nil
    }
  }
}
