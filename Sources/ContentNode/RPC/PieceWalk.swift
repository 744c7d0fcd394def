import ContentStore
import Persistence
import Primitives
import Telemetry

/// A machine over blocks: it says which block it wants, takes it, checks it, and gives something
/// every now and then.
protocol PieceWalk: Sendable {
  associatedtype Piece: Sendable

  /// The block needed next; nil at the end.
  var wanted: CID? { get }

  /// Takes the wanted block, which need not be what its CID names yet.
  mutating func supply(_ block: Bytes) throws -> Piece?

  /// Called when nothing is wanted, until it gives nothing.
  mutating func finish() throws -> Piece?
}

extension PieceWalk {
  mutating func finish() throws -> Piece? { nil }
}

/// One walk under way: reads the store on threads that may wait, and asks other nodes for the blocks
/// that it lacks. Used by one task at a time.
final class PieceWalkRun<Walk: PieceWalk>: Sendable {
  private enum Step: Sendable {
    case piece(Walk.Piece)
    case missing(CID)
    case finished
  }

  private let node: KuboNode
  private let state: Lock<Walk>

  init(_ walk: Walk, on node: KuboNode) {
    self.node = node
    state = Lock(walk)
  }

  /// Where the walk stands.
  var walk: Walk { state.withLock { $0 } }

  /// The next piece; nil at the end.
  func next() async throws -> Walk.Piece? {
    let state = state
    while true {
      let step = try await node.run { store in try Self.advance(state, in: store) }
      switch step {
      case .piece(let piece): return piece
      case .missing(let cid): try await node.fetch(cid)
      case .finished: return nil
      }
    }
  }

  private static func advance(_ state: Lock<Walk>, in store: BlockStore) throws -> Step {
    try state.withLock { walk in
      while let cid = walk.wanted {
        let block: Bytes
        do { block = try store.block(cid) } catch ContentError.missingBlock(let missing) {
          return .missing(missing)
        }
        do {
          if let piece = try walk.supply(block) { return .piece(piece) }
        } catch ContentError.digestMismatch(let damaged) {
          if let digest = try store.digest(of: damaged) { store.noteDamage(digest) }
          throw ContentError.digestMismatch(damaged)
        }
      }
      return try walk.finish().map(Step.piece) ?? .finished
    }
  }
}

/// The way to what a path leads to.
struct PathWalk: PieceWalk {
  private var resolution: PathResolution

  init(_ path: ContentPath) { resolution = PathResolution(path) }

  var wanted: CID? { resolution.wanted }
  var resolved: ResolvedPath? { resolution.resolved }

  mutating func supply(_ block: Bytes) throws -> Never? {
    try resolution.supply(block)
    return nil
  }
}
