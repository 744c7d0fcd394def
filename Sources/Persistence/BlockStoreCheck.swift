public import ContentStore
public import Cryptography
public import Primitives

/// A block that is not what the index promises.
public struct FaultyBlock: Equatable, Sendable {
  /// What is wrong with it.
  public enum Fault: String, Sendable {
    /// The stored bytes do not have the digest.
    case damaged
    /// A pin needs the block, and the index does not have it.
    case missing
    /// The bytes were fetched and written anew.
    case mended
  }

  /// The SHA-256 of the block.
  public let digest: Digest
  /// What is wrong with it.
  public internal(set) var fault: Fault
  /// The names by which pinned content links to it; none where no pin holds it.
  public internal(set) var names: [CID] = []
  /// The pins that need it.
  public internal(set) var pins: [CID] = []

  /// The names to ask others for: what no pin names is bytes without a meaning.
  public var candidates: [CID] { names.isEmpty ? [.v1(.raw, .sha256(digest))] : names }
}

/// What a check of a store found.
public struct BlockStoreCheckReport: Equatable, Sendable {
  /// Blocks that were read and hashed.
  public internal(set) var blockCount = 0
  /// Their bytes.
  public internal(set) var byteCount: UInt64 = 0
  /// Pins whose trees were walked.
  public internal(set) var pinCount = 0
  /// What was not as it should be, in the order of the digests.
  public internal(set) var faults: [FaultyBlock] = []
  /// Whether there were more faults than a report lists.
  public internal(set) var isCut = false

  /// Whether every fault was mended.
  public var isWhole: Bool { !isCut && faults.allSatisfy { $0.fault == .mended } }
}

/// Reads every block of a store and compares it with its digest; adds and reads go on meanwhile.
public struct BlockStoreCheck {
  /// Faults in one report: more than this, and the disk is to be replaced, not the blocks.
  public static let faultsMax = 65_536

  /// Fetches a block from elsewhere; nil where nobody has it. The bytes are verified afterwards.
  public typealias Fetch = (CID) throws -> Bytes?

  private let store: BlockStore
  private var report = BlockStoreCheckReport()
  private var faults: [Digest: FaultyBlock] = [:]

  /// A check of `store`.
  public init(_ store: BlockStore) { self.store = store }

  /// Checks everything; blocks the calling thread.
  ///
  /// - Parameters:
  ///   - fetch: where to get damaged blocks anew; nil to report only.
  ///   - progress: called with the blocks checked so far and the blocks there are.
  public mutating func runBlocking(
    fetch: Fetch? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> BlockStoreCheckReport {
    report = BlockStoreCheckReport()
    faults = [:]
    try checkBlocks(progress)
    try checkPins()
    report.faults = faults.values.sorted { $0.digest < $1.digest }
    if let fetch { try mend(fetch) }
    return report
  }

  // MARK: - Blocks

  private mutating func checkBlocks(_ progress: (Int, Int) -> Void) throws(BlockStoreError) {
    let total = try store.status().blockCount
    var last: Digest?
    while true {
      let page = try page(after: last)
      guard let end = page.last?.digest else { return }
      // In the order of the disk, not of the digests.
      for (digest, _) in page.sorted(by: { $0.place < $1.place }) {
        try check(digest)
        progress(report.blockCount, max(total, report.blockCount))
      }
      last = end
    }
  }

  private func page(
    after last: Digest?
  ) throws(BlockStoreError) -> [(digest: Digest, place: SegmentPlace)] {
    try store.open().index.read { transaction throws(BlockStoreError) in
      try transaction.blocks(after: last, limit: BlockStoreLimits.blocksPerReadMax).map {
        ($0.digest, SegmentPlace($0.entry.location))
      }
    }
  }

  private mutating func check(_ digest: Digest) throws(BlockStoreError) {
    do throws(BlockStoreError) {
      report.byteCount += UInt64(try store.get(digest).count)
    } catch {
      switch error {
      case .corrupt: note(digest, .damaged)
      // Forgotten by a collection since the page was read.
      case .notFound: return
      default: throw error
      }
    }
    report.blockCount += 1
  }

  private mutating func note(_ digest: Digest, _ fault: FaultyBlock.Fault) {
    guard faults[digest] == nil else { return }
    guard faults.count < Self.faultsMax else {
      report.isCut = true
      return
    }
    faults[digest] = FaultyBlock(digest: digest, fault: fault)
  }

  // MARK: - Pins

  private mutating func checkPins() throws {
    var last: CID?
    while case let pins = try store.pins(after: last), !pins.isEmpty {
      for pin in pins { try checkTree(of: pin) }
      last = pins.last?.cid
    }
  }

  private mutating func checkTree(of pin: ContentPin) throws {
    report.pinCount += 1
    var walk = try ContentTreeWalk(root: pin.cid, in: store)
    try look(at: pin.cid, under: pin)
    guard pin.kind == .recursive else { return }
    while let cid = walk.next() {
      // The links of a faulty node are unknown; it is reported itself.
      if let digest = try store.digest(of: cid), faults[digest] != nil { continue }
      let links = try walk.expand(cid, with: try store.block(cid))
      for link in links { try look(at: link, under: pin) }
    }
  }

  /// Notes how pinned content calls a faulty block.
  private mutating func look(at cid: CID, under pin: ContentPin) throws(BlockStoreError) {
    guard let digest = try store.digest(of: cid) else { return }
    if faults[digest] == nil {
      if try store.contains(digest) { return }
      note(digest, .missing)
    }
    guard var fault = faults[digest] else { return }
    if !fault.names.contains(cid) { fault.names.append(cid) }
    if fault.pins.last != pin.cid { fault.pins.append(pin.cid) }
    faults[digest] = fault
  }

  // MARK: - Repair

  private mutating func mend(_ fetch: Fetch) throws {
    for fault in report.faults where fault.fault == .damaged {
      for name in fault.candidates {
        guard let bytes = try fetch(name) else { continue }
        if try store.mendBlocking(fault, with: bytes, in: &report) { break }
      }
    }
  }
}

extension BlockStore {
  /// Writes a damaged block anew and notes that in the report; false, and nothing happens, where
  /// `bytes` are something else. Blocks the calling thread.
  public func mendBlocking(
    _ fault: FaultyBlock, with bytes: Bytes, in report: inout BlockStoreCheckReport
  ) throws(BlockStoreError) -> Bool {
    guard bytes.count <= BlockLimits.byteCountMax,
      bytes.withUnsafeBytes({ SHA256.hash($0) }) == fault.digest,
      let index = report.faults.firstIndex(where: { $0.digest == fault.digest })
    else { return false }
    noteDamage(fault.digest)
    let record = SegmentRecord(compressing: bytes, digest: fault.digest)
    try commitBlocking(.store([record]), ticket: BlockStoreTicket(nil))
    guard (try? get(fault.digest)) != nil else { return false }
    report.faults[index].fault = .mended
    return true
  }
}

/// The order in which records lie on the disk.
private struct SegmentPlace: Comparable {
  let segment: UInt32
  let offset: UInt64

  init(_ location: SegmentLocation) {
    segment = location.segment
    offset = location.offset
  }

  static func < (left: Self, right: Self) -> Bool {
    (left.segment, left.offset) < (right.segment, right.offset)
  }
}
