import ContentStore
import Persistence
import Primitives
import Telemetry

/// Commands that Kubo lacks: this program's command line asks for them while a server has the
/// store open, and gets what it would have found in the store itself.
extension KuboCommands {
  static let own: [KuboCommand] = [
    KuboCommand("martlet/stat") { call in .object(try await call.node.run { try $0.status().json })
    },
    KuboCommand("martlet/gc") { call in
      .object(try await call.node.runLong { try $0.collectBlocking(pace: .background).json })
    },
    KuboCommand("martlet/pins") { call in .objects(OwnPins(call.node)) },
    KuboCommand("martlet/ls", ["ipfs-path"]) { call in
      let cid = try await call.node.resolveBlock(call.arguments[0])
      return .objects(KuboList(try await call.node.runLong { try listing(cid, in: $0) }))
    },
  ]

  private static func listing(_ cid: CID, in store: BlockStore) throws -> Bytes {
    var (lines, count) = (Bytes(), 0)
    try store.listBlocking(cid) { line in
      count += 1
      guard count <= KuboLimits.listedMax else {
        throw KuboError.tooLargeToList(limit: KuboLimits.listedMax, hint: "use ls with stream")
      }
      lines += KuboJSON.line(line.json)
    }
    return lines
  }
}

/// Every pin with the number of its blocks.
final class OwnPins: KuboStream {
  private let node: KuboNode
  private let last = Lock<CID?>(nil)

  init(_ node: KuboNode) { self.node = node }

  func next() async throws -> Bytes? {
    let start = last.withLock { $0 }
    let page = try await node.run { try $0.pins(after: start) }
    guard let end = page.last?.cid else { return nil }
    last.withLock { $0 = end }
    return page.reduce(into: Bytes()) { $0 += KuboJSON.line($1.json) }
  }
}
