import ContentStore
public import Cryptography
public import Ledger
public import Persistence
import Primitives

/// Why stored content does not fit a storage deal.
public enum StorageContentError: Error, Equatable, Sendable {
  /// The bytes here have another root or size than the deal names.
  case otherBytes(ContentID, root: Digest, size: UInt64)
  /// More bytes than a deal may be about.
  case tooLarge(ContentID, limit: UInt64)
}

extension StorageContentError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .otherBytes(_, let root, let size):
      "what is stored has the root \(root.hex) over \(size) bytes, the deal names another"
    case .tooLarge(_, let limit): "a deal is about at most \(limit) bytes"
    }
  }
}

/// The bytes that a storage deal is about (docs/specs/ledger.md §11): a file's, or for anything
/// else those of its archive. Every block is checked on the way.
public struct StorageContent {
  private let store: BlockStore

  /// Looks into `store`.
  public init(store: BlockStore) { self.store = store }

  /// Root and size of content, as an offer names them. Blocks the calling thread for as long as
  /// reading all of it takes.
  public func piecesBlocking(of id: ContentID) throws -> StoragePieces {
    var stream = try StorageByteStream(of: id, in: store)
    var pieces = StoragePieces()
    while let bytes = try stream.next() { pieces.append(bytes) }
    return pieces
  }

  /// The proof that a challenge asks for; the whole content is read once. Blocks the thread.
  public func proofBlocking(
    for offer: StorageOffer, pieces drawn: [UInt64]
  ) throws -> [StoragePieceProof] {
    var stream = try StorageByteStream(of: offer.content, in: store)
    var pieces = StoragePieces()
    var cutter = PieceCutter(wanted: Set(drawn))
    while let bytes = try stream.next() {
      pieces.append(bytes)
      cutter.append(bytes)
    }
    cutter.finish()
    guard pieces.root == offer.root, pieces.size == offer.size else {
      throw StorageContentError.otherBytes(offer.content, root: pieces.root, size: pieces.size)
    }
    let kept = cutter.kept
    return pieces.proof(of: drawn.map { Int($0) }) { range in
      kept[range.lowerBound / UInt64(StorageLimits.pieceBytes), default: []]
    }
  }
}

/// The bytes in order, none of them twice in memory.
private struct StorageByteStream {
  private enum Form {
    case file(UnixFSReader<BlockStore>)
    case archive(CARWriter, DagExport, hasBegun: Bool)
  }

  private let id: ContentID
  private let store: BlockStore
  private var form: Form
  private var size: UInt64 = 0

  init(of id: ContentID, in store: BlockStore) throws {
    self.id = id
    self.store = store
    let cid = try CID(decoding: id.bytes)
    if id.codec != .dagCBOR, case .file = try ContentKind(of: cid, in: store) {
      form = .file(UnixFSReader(root: cid, source: store))
    } else {
      let export = try DagExport(DagExport.Request(ContentPath(root: cid)))
      form = .archive(CARWriter(roots: [cid]), export, hasBegun: false)
    }
  }

  /// The next bytes, nil at the end; more than a deal may be about are an error.
  mutating func next() throws -> Bytes? {
    guard let bytes = try read() else { return nil }
    size += UInt64(bytes.count)
    guard size <= StorageLimits.bytesMax else {
      throw StorageContentError.tooLarge(id, limit: StorageLimits.bytesMax)
    }
    return bytes
  }

  private mutating func read() throws -> Bytes? {
    switch form {
    case .file(var reader):
      defer { form = .file(reader) }
      return try reader.next()
    case .archive(let writer, let export, hasBegun: false):
      form = .archive(writer, export, hasBegun: true)
      return writer.header.bytes
    case .archive(var writer, var export, hasBegun: true):
      defer { form = .archive(writer, export, hasBegun: true) }
      while let wanted = export.wanted {
        let block = try store.block(wanted)
        guard try export.supply(block) else { continue }
        return writer.sectionHeader(of: wanted, byteCount: block.count) + block
      }
      return nil
    }
  }
}

/// Cuts bytes into the pieces of a deal and keeps those that are wanted.
private struct PieceCutter {
  let wanted: Set<UInt64>
  private(set) var kept: [UInt64: Bytes] = [:]
  private var rest: Bytes = []
  private var next: UInt64 = 0

  init(wanted: Set<UInt64>) { self.wanted = wanted }

  mutating func append(_ bytes: Bytes) {
    rest += bytes
    var begin = rest.startIndex
    while rest.count - begin >= StorageLimits.pieceBytes {
      let end = begin + StorageLimits.pieceBytes
      if wanted.contains(next) { kept[next] = Bytes(rest[begin..<end]) }
      next += 1
      begin = end
    }
    rest.removeFirst(begin)
  }

  mutating func finish() {
    if wanted.contains(next) { kept[next] = rest }
  }
}
