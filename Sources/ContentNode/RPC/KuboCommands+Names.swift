import ContentStore
import Primitives

/// `key/…` and `name/…`.
extension KuboCommands {
  static let keys: [KuboCommand] = [
    KuboCommand("key/list", options: ["l", "ipns-base"]) { call in
      try keyList(try await call.node.online().keys(), call)
    },
    KuboCommand("key/gen", ["name"], options: ["type", "size", "ipns-base"]) { call in
      let type = call.text("type", "t").flatMap { $0.isEmpty ? nil : $0 }
      return .object(
        try object(try await call.node.online().makeKey(named: call.arguments[0], type: type), call)
      )
    },
    KuboCommand("key/rename", ["name", "newName"], options: ["force", "ipns-base"]) { call in
      let renamed = try await call.node.online().renameKey(
        call.arguments[0], to: call.arguments[1], force: call.flag("force", short: "f"))
      return .object([
        "Was": .string(call.arguments[0]), "Now": .string(renamed.key.name),
        "Id": .string(try text(of: renamed.key.id, call)),
        "Overwrite": .bool(renamed.hasReplaced),
      ])
    },
    KuboCommand("key/rm", ["name"], more: true, options: ["l", "ipns-base"]) { call in
      let network = try call.node.online()
      var removed: [ContentKey] = []
      for name in call.arguments { removed.append(try await network.removeKey(named: name)) }
      return try keyList(removed, call)
    },
    KuboCommand("key/import", ["name"], file: "key", options: ["format", "ipns-base"], importKey),
    KuboCommand("key/export", ["name"], options: ["output", "format"]) { call in
      try refuseForeignFormat(call)
      let key = try await call.node.online().exportKey(named: call.arguments[0])
      return .bytes(KuboList(key), type: "application/octet-stream", length: UInt64(key.count))
    },
  ]

  private static func refuseForeignFormat(_ call: KuboCall) throws(KuboError) {
    try call.refuse(
      "format", unless: ["", "libp2p-protobuf-cleartext"],
      hint: "keys are libp2p-protobuf-cleartext")
  }

  @Sendable private static func importKey(_ call: KuboCall) async throws -> KuboReply {
    try refuseForeignFormat(call)
    let network = try call.node.online()
    var uploads = try MultipartReading(call)
    guard let key = try await uploads.nextPart(byteCountMax: KuboLimits.keyByteCountMax) else {
      throw KuboError.fileMissing(name: "key")
    }
    return .object(try object(try await network.importKey(named: call.arguments[0], key), call))
  }

  private static func keyList(_ keys: [ContentKey], _ call: KuboCall) throws -> KuboReply {
    .object(["Keys": .array(try keys.map { try object($0, call) })])
  }

  private static func object(_ key: ContentKey, _ call: KuboCall) throws -> JSONValue {
    ["Name": .string(key.name), "Id": .string(try text(of: key.id, call))]
  }

  /// A key's name in the base that Kubo writes it in, or that of `ipns-base`.
  private static func text(of key: CID, _ call: KuboCall) throws(KuboError) -> String {
    let name = call.text("ipns-base") ?? ""
    if name == "b58mh" { return PositionalBase.base58.encode(key.multihash.bytes) }
    guard let base = name.isEmpty ? .base36 : Multibase(kuboName: name) else {
      throw .malformedOption(name: "ipns-base", value: name, expected: "a multibase")
    }
    return key.text(in: base)
  }

  // MARK: - Names

  static let names: [KuboCommand] = [
    KuboCommand(
      "name/publish", ["ipfs-path"],
      options: ["key", "resolve", "lifetime", "ttl", "quieter", "allow-offline", "ipns-base"],
      publish),
    KuboCommand(
      "name/resolve", optional: 1, options: ["recursive", "nocache", "stream"], resolveName),
  ]

  @Sendable private static func publish(_ call: KuboCall) async throws -> KuboReply {
    let network = try call.node.online()
    var settings = NamePublication()
    if let key = call.text("key", "k"), !key.isEmpty { settings.keyName = key }
    settings.lifetime = try span("lifetime", short: "t", call)
    settings.timeToLive = try span("ttl", short: "ttl", call)
    settings.allowsOffline = try call.flag("allow-offline")
    let given = call.arguments[0]
    if try call.flag("resolve", default: true) { _ = try await call.node.resolve(given) }
    let path = given.hasPrefix("/") ? given : "/ipfs/\(given)"
    let published = try await network.publish(path, settings)
    return .object([
      "Name": .string(try text(of: published.name, call)), "Value": .string(published.path),
    ])
  }

  private static func span(
    _ name: String, short: String, _ call: KuboCall
  ) throws(KuboError) -> Duration? {
    guard let text = call.text(name, short), !text.isEmpty else { return nil }
    guard let span = GoDuration.parse(text) else {
      throw .malformedOption(name: name, value: text, expected: "duration")
    }
    return span
  }

  @Sendable private static func resolveName(_ call: KuboCall) async throws -> KuboReply {
    let network = try call.node.online()
    let name: String
    if let given = call.arguments.first {
      name = given
    } else {
      name = "\(try await network.identity().peer)"
    }
    let path = try await network.resolve(
      name, isRecursive: call.flag("recursive", short: "r", default: true),
      usesCache: !call.flag("nocache", short: "n"))
    let object: JSONValue = ["Path": .string(path)]
    return try call.flag("stream", short: "s") ? .objects(KuboList([object])) : .object(object)
  }
}
