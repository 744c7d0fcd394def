public import ContentStore
import Cryptography
public import Primitives
public import Telemetry

/// What a repair of a backup did.
public struct BackupRepair: Equatable, Sendable {
  /// Groups that were looked at.
  public internal(set) var groupCount = 0
  /// Members that were there and whole.
  public internal(set) var wholeCount = 0
  /// Members that were fetched from elsewhere.
  public internal(set) var fetchedCount = 0
  /// Members that were computed of the others.
  public internal(set) var computedCount = 0
  /// Groups of which too little is left.
  public internal(set) var lostGroups: [Int] = []

  /// Whether everything is there now.
  public var isWhole: Bool { lostGroups.isEmpty }
}

/// Erasure-coded backups of content in a store (docs/specs/backup.md); blocks the calling thread.
public struct ContentBackup {
  /// Asks others for a member; nil where nobody has it. The bytes are verified afterwards.
  public typealias Fetch = (CID) throws -> Bytes?

  /// Names of lost groups kept for a report.
  private static let lostGroupsMax = 1_024

  private let store: BlockStore
  private let meter: WorkMeter?

  /// Backups in `store`; `meter` counts the blocks that are looked at.
  public init(store: BlockStore, meter: WorkMeter? = nil) {
    self.store = store
    self.meter = meter
  }

  /// Computes parity for everything below `root`, which must all be stored, and pins the backup.
  public func addBlocking(
    _ root: CID, with code: ErasureCode = .standard, pinName: String = ""
  ) throws -> CID {
    let session = ContentSession(store: store, isPinning: false)
    var pages: [CID] = []
    var page: [BackupGroup] = []
    func closePage() throws {
      let block = try BackupPage.block(of: page)
      try session.store([block])
      pages.append(block.cid)
      page = []
    }
    let digests = try digests(below: root)
    meter?.expect(UInt64(digests.count))
    for start in stride(from: 0, to: digests.count, by: code.dataCount) {
      let data = try digests[start..<min(digests.count, start + code.dataCount)].map { digest in
        (cid: CID.v1(.raw, .sha256(digest)), bytes: try store.get(digest))
      }
      var parity: [ContentBlock] = []
      page.append(BackupGroup(protecting: data, with: code, into: &parity))
      try session.store(parity)
      meter?.advance(by: UInt64(data.count))
      if page.count == BackupPage.groupsMax { try closePage() }
    }
    if !page.isEmpty { try closePage() }
    let manifest = try BackupManifest(content: root, code: code, pages: pages).block()
    try session.store([manifest])
    try session.finish()
    return try store.pinBlocking(manifest.cid, name: pinName).cid
  }

  /// Everything below a root as a walk meets it, so that the leaves of one file, which are equally
  /// long, lie in one group: a parity block is as long as the longest of its group.
  private func digests(below root: CID) throws -> [Digest] {
    var walk = try ContentTreeWalk(root: root, in: store)
    while let node = walk.next() { try walk.expand(node, with: store.verifiedBlock(node)) }
    if let missing = walk.unknown.first { throw ContentError.missingBlock(missing) }
    return walk.digests
  }

  /// Reads the manifest `cid` and its groups.
  public func groups(of cid: CID) throws -> (manifest: BackupManifest, groups: [BackupGroup]) {
    do {
      let manifest = try BackupManifest(decoding: store.verifiedBlock(cid))
      let groups = try manifest.pages.flatMap {
        try BackupPage.groups(decoding: store.verifiedBlock($0), manifest.code)
      }
      return (manifest, groups)
    } catch let failure as DecodingFailure { throw ContentError.malformedBlock(cid, failure) }
  }

  /// Brings back each member that is not in the store: asks `fetch` first for as many as a group
  /// needs, and computes the others. Groups that cannot be saved are named; all others are durable
  /// on return, and the backup is pinned if everything is there.
  public func repairBlocking(
    _ cid: CID, pinName: String = "", fetch: Fetch = { _ in nil }
  ) throws -> BackupRepair {
    let (manifest, groups) = try groups(of: cid)
    let session = ContentSession(store: store, isPinning: false)
    var repair = BackupRepair()
    meter?.expect(UInt64(groups.reduce(0) { $0 + $1.members.count }))
    for (number, group) in groups.enumerated() {
      repair.groupCount += 1
      defer { meter?.advance(by: UInt64(group.members.count)) }
      var blocks = try group.members.map { try stored($0.cid) }
      repair.wholeCount += blocks.count { $0 != nil }
      guard blocks.contains(where: { $0 == nil }) else { continue }
      let fetched = try fetchMissing(group, &blocks, fetch)
      repair.fetchedCount += fetched.count
      try session.store(fetched)
      guard let computed = group.restored(blocks, with: manifest.code) else {
        if repair.lostGroups.count < Self.lostGroupsMax { repair.lostGroups.append(number) }
        continue
      }
      repair.computedCount += computed.count
      try session.store(computed)
    }
    try session.finish()
    if repair.isWhole { try store.pinBlocking(cid, name: pinName) }
    return repair
  }

  /// A whole member of the store; nil for one that is missing or damaged, which the next write of
  /// its bytes mends.
  private func stored(_ cid: CID) throws -> Bytes? {
    guard let digest = cid.digest else { return nil }
    do throws(BlockStoreError) {
      return try store.get(digest)
    } catch .notFound, .corrupt { return nil }
  }

  /// Fetches missing members until the rest can be computed.
  private func fetchMissing(
    _ group: BackupGroup, _ blocks: inout [Bytes?], _ fetch: Fetch
  ) throws -> [ContentBlock] {
    var fetched: [ContentBlock] = []
    var present = blocks.count { $0 != nil }
    for (position, member) in group.members.enumerated() where blocks[position] == nil {
      guard present < group.data.count else { break }
      guard let bytes = try fetch(member.cid),
        let block = try? ContentBlock(verifying: bytes, as: member.cid)
      else { continue }
      blocks[position] = block.bytes
      fetched.append(block)
      present += 1
    }
    return fetched
  }
}
