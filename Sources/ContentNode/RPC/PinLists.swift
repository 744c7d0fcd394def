import ContentStore
import Persistence
import Primitives
import Telemetry

/// A pin as `pin ls` tells it.
struct ListedPin: Sendable {
  let cid: CID
  let type: String
  let name: String
}

/// Pins page by page.
protocol KuboPinList: Sendable {
  /// The next pins; nil at the end.
  func next() async throws -> [ListedPin]?
}

/// Which pins are asked for.
enum PinTypes: String {
  case direct, recursive, indirect, all

  init(_ call: KuboCall) throws(KuboError) {
    let text = call.text("type", "t").flatMap { $0.isEmpty ? nil : $0 } ?? "all"
    guard let types = PinTypes(rawValue: text) else { throw .invalidPinType(text) }
    self = types
  }

  func contains(_ kind: ContentPin.Kind) -> Bool {
    switch (self, kind) {
    case (.all, _), (.direct, .direct), (.recursive, .recursive): true
    case (.direct, .recursive), (.recursive, .direct), (.indirect, _): false
    }
  }

  var hasIndirect: Bool { self == .all || self == .indirect }
}

/// All pins; then, if they are asked for, the blocks below recursive ones, each once.
final class PinList: KuboPinList {
  static let indirect = "indirect"

  private struct State {
    var last: CID?
    var isBehindPins = false
    /// Recursive pins whose trees are still to be walked.
    var roots: [CID] = []
    var run: PieceWalkRun<TreeWalk>?
    /// What was told already.
    var told: Set<CID> = []
  }

  private let node: KuboNode
  private let types: PinTypes
  private let showsNames: Bool
  private let namePart: String
  private let state = Lock(State())

  init(_ call: KuboCall) throws {
    node = call.node
    types = try PinTypes(call)
    namePart = call.text("name", "n") ?? ""
    showsNames = try call.flag("names") || !namePart.isEmpty
  }

  func next() async throws -> [ListedPin]? {
    if let page = try await nextPins() { return page }
    // A block below a pin has no name to be looked for.
    guard types.hasIndirect, namePart.isEmpty else { return nil }
    return try await nextIndirect()
  }

  private func nextPins() async throws -> [ListedPin]? {
    let (last, isBehindPins) = state.withLock { ($0.last, $0.isBehindPins) }
    if isBehindPins { return nil }
    let page = try await node.run { try $0.pins(after: last) }
    return state.withLock { state in
      state.last = page.last?.cid
      state.isBehindPins = page.isEmpty
      if types.hasIndirect {
        state.told.formUnion(page.map(\.cid))
        state.roots += page.filter { $0.kind == .recursive }.map(\.cid)
      }
      return page.isEmpty ? nil : page.filter(isWanted).map(listed)
    }
  }

  private func isWanted(_ pin: ContentPin) -> Bool {
    types.contains(pin.kind) && (namePart.isEmpty || pin.name.contains(namePart))
  }

  private func listed(_ pin: ContentPin) -> ListedPin {
    ListedPin(cid: pin.cid, type: pin.kind.word, name: showsNames ? pin.name : "")
  }

  private func nextIndirect() async throws -> [ListedPin]? {
    while let run = nextRun() {
      guard let found = try await run.next() else {
        state.withLock { $0.run = nil }
        continue
      }
      return try state.withLock { state in
        let new = found.filter { state.told.insert($0).inserted }
        guard state.told.count <= KuboLimits.rememberedBlocksMax else {
          throw KuboError.tooLargeToList(
            limit: KuboLimits.rememberedBlocksMax, hint: "ask for type=recursive")
        }
        return new.map { ListedPin(cid: $0, type: Self.indirect, name: "") }
      }
    }
    return nil
  }

  private func nextRun() -> PieceWalkRun<TreeWalk>? {
    state.withLock { state in
      if state.run == nil, let root = state.roots.popLast() {
        state.run = PieceWalkRun(TreeWalk(root), on: node.offline)
      }
      return state.run
    }
  }
}

/// How some paths are pinned; one that is not is an error.
final class PinSearch: KuboPinList {
  private let call: KuboCall
  private let types: PinTypes
  private let showsNames: Bool
  private let waiting: Lock<ArraySlice<String>>

  init(_ call: KuboCall) throws {
    self.call = call
    types = try PinTypes(call)
    showsNames = try call.flag("names") || call.text("name", "n")?.isEmpty == false
    waiting = Lock(call.arguments[...])
  }

  func next() async throws -> [ListedPin]? {
    guard let path = waiting.withLock({ $0.popFirst() }) else { return nil }
    let cid = try await call.node.resolveBlock(path)
    if let pin = try await call.node.run({ try $0.pin(of: cid) }), types.contains(pin.kind) {
      return [ListedPin(cid: cid, type: pin.kind.word, name: showsNames ? pin.name : "")]
    }
    guard types.hasIndirect, let root = try await rootAbove(cid) else {
      throw KuboError.pathNotPinned(path)
    }
    let type = "indirect through \(try call.text(of: root))"
    return [ListedPin(cid: cid, type: type, name: "")]
  }

  /// A recursive pin with `cid` below it.
  private func rootAbove(_ cid: CID) async throws -> CID? {
    var last: CID?
    while true {
      let start = last
      let page = try await call.node.run { try $0.pins(after: start) }
      guard let end = page.last?.cid else { return nil }
      for pin in page where pin.kind == .recursive && pin.cid != cid {
        let run = PieceWalkRun(TreeWalk(pin.cid), on: call.node.offline)
        while let found = try await run.next() { if found.contains(cid) { return pin.cid } }
      }
      last = end
    }
  }
}

/// Pins on lines of their own.
final class PinLines: KuboStream {
  private let list: any KuboPinList
  private let call: KuboCall

  init(_ list: any KuboPinList, _ call: KuboCall) {
    self.list = list
    self.call = call
  }

  func next() async throws -> Bytes? {
    guard let page = try await list.next() else { return nil }
    return try page.reduce(into: Bytes()) { lines, pin in
      let name: [JSONValue.Member] = pin.name.isEmpty ? [] : [.init("Name", .string(pin.name))]
      let cid = JSONValue.Member("Cid", .string(try call.text(of: pin.cid)))
      lines += KuboJSON.line(.object([cid] + name + [.init("Type", .string(pin.type))]))
    }
  }
}

/// `pin verify`: walks recursive pins and names the first block that is missing or damaged.
final class PinVerification: KuboStream {
  private let call: KuboCall
  /// The pins that are asked for; none for all.
  private let wanted: Set<CID>
  private let showsWhole: Bool
  private let isQuiet: Bool
  private let last = Lock<CID?>(nil)

  init(of wanted: Set<CID>, _ call: KuboCall) throws {
    self.call = call
    self.wanted = wanted
    showsWhole = try call.flag("verbose")
    isQuiet = try call.flag("quiet", short: "q")
    guard !showsWhole || !isQuiet else {
      throw KuboError.unsupportedOption(
        name: "quiet", value: "true", hint: "it can not be used together with verbose")
    }
  }

  func next() async throws -> Bytes? {
    let start = last.withLock { $0 }
    let page = try await call.node.run { try $0.pins(after: start) }
    guard let end = page.last?.cid else { return nil }
    last.withLock { $0 = end }
    var lines = Bytes()
    for pin in page
    where pin.kind == .recursive && (wanted.isEmpty || wanted.contains(pin.cid)) {
      lines += try await check(pin.cid)
    }
    return lines
  }

  private func check(_ root: CID) async throws -> Bytes {
    let run = PieceWalkRun(TreeWalk(root, readsLeaves: true), on: call.node.offline)
    let cid = JSONValue.Member("Cid", .string(try call.text(of: root)))
    do {
      while try await run.next() != nil {}
    } catch let error as KuboError {
      return try broken(cid, run.walk.wanted ?? root, error)
    } catch let error as ContentError {
      return try broken(cid, run.walk.wanted ?? root, error)
    }
    return showsWhole ? KuboJSON.line(.object([cid, .init("Ok", true)])) : []
  }

  private func broken(
    _ root: JSONValue.Member, _ bad: CID, _ error: any Error
  ) throws -> Bytes {
    guard !isQuiet else { return KuboJSON.line(.object([root])) }
    let node: JSONValue = [
      "Cid": .string(try call.text(of: bad)), "Err": .string(KuboError.message(error)),
    ]
    return KuboJSON.line(.object([root, .init("BadNodes", [node])]))
  }
}
