internal import ContentStore
internal import Primitives

/// A stored file leaf by leaf, from memory or from the disk: files of one size come in pieces of
/// the same sizes, so that several can be read side by side.
struct ContentPieces: Sendable {
  private enum Source {
    case memory(ArraySlice<UInt8>)
    case disk(UnixFSWalk)
  }

  private static let pieceBytes = UnixFSProfile.v1In2025.layout.chunkByteCount

  private let content: CoordinatorContent
  private var source: Source

  /// The file of `cid`, stored by this coordinator; nothing is read yet.
  init(of cid: CID, in content: CoordinatorContent) {
    self.content = content
    source = content.recent[cid].map { .memory($0[...]) } ?? .disk(UnixFSWalk(root: cid))
  }

  /// The next piece, nil at the end.
  mutating func next() async throws -> Bytes? {
    switch source {
    case .memory(let rest):
      let piece = rest.prefix(Self.pieceBytes)
      source = .memory(rest.dropFirst(piece.count))
      return piece.isEmpty ? nil : Bytes(piece)
    case .disk(var walk):
      let piece = try await content.next(of: &walk)
      source = .disk(walk)
      return piece
    }
  }
}
