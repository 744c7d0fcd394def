import ContentStore
import Primitives

/// The links below some roots in the order in which Kubo's `refs` tells them.
struct RefsWalk: PieceWalk {
  /// What is told of each link.
  struct Settings: Sendable {
    /// How deep links are followed; nil for all the way.
    var depthMax: Int?
    /// Whether a link is told of once.
    var isUnique = false
  }

  struct Edge: Equatable, Sendable {
    let source: CID
    let target: CID
    let name: String
  }

  private struct Visit {
    let edge: Edge?
    let cid: CID
    let depth: Int
    /// nil until it is the visit's turn: what is told before it counts.
    var decision: Decision?
  }

  private struct Decision {
    let tells: Bool
    let goesDeeper: Bool
  }

  private let settings: Settings
  private var stack: [Visit]
  private var gathered: [Edge] = []
  /// At which depth a block was met, where links are told once.
  private var seen: [CID: Int] = [:]

  init(_ roots: [CID], _ settings: Settings) {
    self.settings = settings
    stack = roots.reversed().map {
      Visit(
        edge: nil, cid: $0, depth: 0, decision: Decision(tells: false, goesDeeper: true))
    }
  }

  var wanted: CID? { stack.last?.cid }

  mutating func supply(_ block: Bytes) throws -> [Edge]? {
    guard let visit = stack.popLast(), let decision = visit.decision else {
      preconditionFailure("no block was wanted")
    }
    try visit.cid.verify(block)
    if decision.goesDeeper { try push(Self.links(of: block, visit.cid), below: visit) }
    decide()
    if decision.tells, let edge = visit.edge { gathered.append(edge) }
    return gathered.count >= KuboLimits.linesPerPiece ? try finish() : nil
  }

  mutating func finish() throws -> [Edge]? {
    defer { gathered = [] }
    return gathered.isEmpty ? nil : gathered
  }

  private mutating func push(_ links: [(CID, String)], below visit: Visit) throws {
    guard stack.count + links.count <= KuboLimits.pendingLinksMax,
      seen.count <= KuboLimits.rememberedBlocksMax
    else { throw ContentError.tooLarge(visit.cid, limit: UInt64(KuboLimits.pendingLinksMax)) }
    for (cid, name) in links.reversed() {
      let edge = Edge(source: visit.cid, target: cid, name: name)
      stack.append(Visit(edge: edge, cid: cid, depth: visit.depth + 1))
    }
  }

  /// Drops the visits that are not made, up to the next one that is.
  private mutating func decide() {
    while let visit = stack.last, visit.decision == nil {
      let decision = decision(about: visit)
      if decision.tells || decision.goesDeeper {
        stack[stack.count - 1].decision = decision
      } else {
        stack.removeLast()
      }
    }
  }

  /// The rules of Kubo's `refs`: a link is told once if that is wanted, and followed again only
  /// from higher up than before.
  private mutating func decision(about visit: Visit) -> Decision {
    let isAbove = settings.depthMax.map { visit.depth < $0 } ?? true
    guard settings.depthMax.map({ visit.depth <= $0 }) ?? true else {
      return Decision(tells: false, goesDeeper: false)
    }
    guard settings.isUnique else { return Decision(tells: true, goesDeeper: isAbove) }
    let before = seen[visit.cid]
    if let before, settings.depthMax == nil || before <= visit.depth {
      return Decision(tells: false, goesDeeper: false)
    }
    seen[visit.cid] = visit.depth
    return Decision(tells: before == nil, goesDeeper: isAbove)
  }

  private static func links(of block: Bytes, _ cid: CID) throws -> [(CID, String)] {
    guard cid.codec == .dagPB else {
      return try DagLinks.links(of: block, cid).map { ($0, "") }
    }
    return try DagPBNode(decoding: block, of: cid).links.map {
      ($0.cid, String(decoding: $0.name, as: UTF8.self))
    }
  }
}
