public import Cryptography
public import Primitives

/// The Merkle tree over the pieces of some bytes: what a storage offer names by its root.
///
/// Pieces have `StorageLimits.pieceBytes`, the last one what is left; a leaf is H(0x00 ‖ piece) as
/// in RFC 6962. The leaves are kept, 32 bytes for each 4 KiB.
public struct StoragePieces: Sendable {
  private var leaves: [Digest] = []
  private var rest: Bytes = []
  /// Bytes so far.
  public private(set) var size: UInt64 = 0

  /// No bytes yet.
  public init() {}

  /// Adds the next bytes.
  public mutating func append(_ bytes: some Collection<UInt8>) {
    size += UInt64(bytes.count)
    rest += bytes
    var begin = rest.startIndex
    while rest.count - begin >= StorageLimits.pieceBytes {
      let end = begin + StorageLimits.pieceBytes
      leaves.append(MerkleTree.leafHash(Bytes(rest[begin..<end])))
      begin = end
    }
    rest.removeFirst(begin)
  }

  /// Leaves of all whole pieces and of what is left.
  private var allLeaves: [Digest] {
    rest.isEmpty ? leaves : leaves + [MerkleTree.leafHash(rest)]
  }

  /// The root over what was added.
  public var root: Digest { MerkleTree.root(of: allLeaves) }

  /// Shows pieces; `read` gives the bytes of a range of what was added.
  public func proof(
    of indices: [Int], read: (Range<UInt64>) throws -> Bytes
  ) rethrows -> [StoragePieceProof] {
    let leaves = allLeaves
    return try indices.map { index in
      precondition(leaves.indices.contains(index), "piece \(index) of \(leaves.count)")
      let begin = UInt64(index) * UInt64(StorageLimits.pieceBytes)
      let end = min(begin + UInt64(StorageLimits.pieceBytes), size)
      return StoragePieceProof(
        piece: try read(begin..<end), path: MerkleTree.proof(index: index, in: leaves))
    }
  }
}

/// One piece and its way to the root.
public struct StoragePieceProof: Hashable, Sendable {
  /// The bytes.
  public let piece: Bytes
  /// From the piece to the root.
  public let path: MerkleProof

  /// Pairs a piece with its path.
  public init(piece: Bytes, path: MerkleProof) {
    self.piece = piece
    self.path = path
  }
}

extension StorageOffer {
  /// Pieces that the root covers.
  public var pieceCount: UInt64 {
    let (whole, rest) = size.quotientAndRemainder(
      dividingBy: UInt64(StorageLimits.pieceBytes))
    return rest > 0 ? whole + 1 : whole
  }

  /// The pieces that a link draws: sample k is the first eight bytes, big-endian, of
  /// H("martlet/storage/draw/1" ‖ link ‖ deal ‖ epoch (4, big-endian) ‖ k (4)) modulo the number of
  /// pieces. The remainder's bias is below 2⁻³⁹.
  public func drawn(by link: Digest, deal: OfferID, epoch: UInt32) -> [UInt64] {
    let count = pieceCount
    guard count > 0 else { return [] }
    return (0..<min(samples, StorageLimits.samplesMax)).map { sample in
      let digest = SHA256.hash(
        LedgerDomain.bytes(LedgerDomain.storageDraw), link.bytes, deal.digest.bytes,
        withUnsafeBytes(of: epoch.bigEndian) { Bytes($0) },
        withUnsafeBytes(of: sample.bigEndian) { Bytes($0) })
      return digest.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } % count
    }
  }

  /// Refuses pieces that are not the drawn ones under the root.
  func check(_ pieces: [StoragePieceProof], drawn: [UInt64]) throws(LedgerError) {
    guard pieces.count == drawn.count else {
      throw .forgedProof(reason: "it shows \(pieces.count) pieces of \(drawn.count)")
    }
    for (proof, index) in zip(pieces, drawn) {
      guard UInt64(proof.path.index) == index, UInt64(proof.path.leafCount) == pieceCount else {
        throw .forgedProof(reason: "it shows another piece than the one drawn")
      }
      let begin = index * UInt64(StorageLimits.pieceBytes)
      let bytes = min(UInt64(StorageLimits.pieceBytes), size - begin)
      guard UInt64(proof.piece.count) == bytes else {
        throw .forgedProof(reason: "a piece has another length")
      }
      guard proof.path.proves(MerkleTree.leafHash(proof.piece), under: root) else {
        throw .forgedProof(reason: "a piece is not under the root")
      }
    }
  }
}

extension StoragePieceProof: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map(["piece": .bytes(piece), "path": path.canonicalValue])
  }

  /// Reads the fields; whether it is true shows when it is checked.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    piece = try fields.bytes("piece")
    guard piece.count <= StorageLimits.pieceBytes else {
      throw .tooLarge(what: "piece", size: piece.count, limit: StorageLimits.pieceBytes)
    }
    path = try fields.nested("path")
    try fields.finish()
  }
}
