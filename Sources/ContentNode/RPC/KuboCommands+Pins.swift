import ContentStore
import Persistence
import Primitives
import Telemetry

/// `pin/…`: what collections keep.
extension KuboCommands {
  private static let pathArgument = "ipfs-path"

  static let pins: [KuboCommand] = [
    KuboCommand(
      "pin/add", [pathArgument], more: true, options: ["recursive", "name", "progress"], addPins),
    KuboCommand("pin/rm", [pathArgument], more: true, options: ["recursive"], removePins),
    KuboCommand(
      "pin/ls", more: true, options: ["type", "quiet", "name", "stream", "names"], listPins),
    KuboCommand("pin/update", ["from-path", "to-path"], options: ["unpin"], updatePin),
    KuboCommand("pin/verify", more: true, options: ["verbose", "quiet"]) { call in
      var cids: Set<CID> = []
      for path in call.arguments { cids.insert(try await call.node.resolveBlock(path)) }
      return .objects(try PinVerification(of: cids, call))
    },
  ]

  @Sendable private static func addPins(_ call: KuboCall) async throws -> KuboReply {
    let kind: ContentPin.Kind =
      try call.flag("recursive", short: "r", default: true) ? .recursive : .direct
    let name = call.text("name", "n") ?? ""
    let showsProgress = try call.flag("progress")
    var pinned: [JSONValue] = []
    var cids: [CID] = []
    var blockCount = 0
    for path in call.arguments {
      let cid = try await call.node.resolveBlock(path)
      blockCount += try await call.node.pin(cid, kind, name: name).blockCount
      cids.append(cid)
      pinned.append(.string(try call.text(of: cid)))
    }
    try await call.node.provide(cids)
    let result: JSONValue = ["Pins": .array(pinned)]
    guard showsProgress else { return .object(result) }
    return .objects(KuboList([["Progress": JSONValue(blockCount)], result]))
  }

  @Sendable private static func removePins(_ call: KuboCall) async throws -> KuboReply {
    let isRecursive = try call.flag("recursive", short: "r", default: true)
    var removed: [JSONValue] = []
    for path in call.arguments {
      let cid = try await call.node.resolveBlock(path)
      guard let pin = try await call.node.run({ try $0.pin(of: cid) }),
        isRecursive || pin.kind == .direct
      else { throw KuboError.notPinned }
      try await call.node.store.unpin(cid)
      removed.append(.string(try call.text(of: cid)))
    }
    return .object(["Pins": .array(removed)])
  }

  @Sendable private static func updatePin(_ call: KuboCall) async throws -> KuboReply {
    let old = try await call.node.resolveBlock(call.arguments[0])
    let new = try await call.node.resolveBlock(call.arguments[1])
    guard let pin = try await call.node.run({ try $0.pin(of: old) }), pin.kind == .recursive else {
      throw KuboError.notPinned
    }
    try await call.node.pin(new, .recursive, name: pin.name)
    if try call.flag("unpin", default: true), new != old {
      try await call.node.store.unpin(old)
    }
    return .object([
      "Pins": [.string(try call.text(of: old)), .string(try call.text(of: new))]
    ])
  }

  @Sendable private static func listPins(_ call: KuboCall) async throws -> KuboReply {
    let isStreamed = try call.flag("stream", short: "s")
    let list: any KuboPinList =
      call.arguments.isEmpty ? try PinList(call) : try PinSearch(call)
    if isStreamed { return .objects(PinLines(list, call)) }
    var pins: [(text: String, pin: ListedPin)] = []
    while let page = try await list.next() {
      for pin in page { pins.append((try call.text(of: pin.cid), pin)) }
      guard pins.count <= KuboLimits.listedMax else {
        throw KuboError.tooLargeToList(
          limit: KuboLimits.listedMax, hint: "ask for them with stream=true")
      }
    }
    pins.sort { $0.text < $1.text }
    let members = pins.map { text, pin in
      JSONValue.Member(text, ["Type": .string(pin.type), "Name": .string(pin.name)])
    }
    // Go leaves an empty map out.
    return .object(members.isEmpty ? .object([]) : ["Keys": .object(members)])
  }
}

extension KuboNode {
  /// Pins content, after fetching what is missing of it.
  @discardableResult
  func pin(_ cid: CID, _ kind: ContentPin.Kind, name: String) async throws -> ContentPin {
    do {
      return try await store.pin(cid, kind, name: name)
    } catch ContentError.missingBlock(let missing) {
      guard network != nil else { throw KuboError.blockNotFoundOffline(missing) }
    }
    switch kind {
    case .direct: _ = try await block(cid)
    case .recursive: _ = try await complete(TreeWalk(cid, readsLeaves: true))
    }
    return try await store.pin(cid, kind, name: name)
  }
}
