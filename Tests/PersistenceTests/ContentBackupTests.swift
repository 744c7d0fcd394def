import ContentStore
import Cryptography
import Primitives
import Testing

@testable import Persistence

@Suite("Erasure-coded backups")
struct ContentBackupTests {
  private static let code = ErasureCode(dataCount: 4, parityCount: 2)!

  /// A store with a file of fourteen leaves and its backup, and one that has the backup's pages
  /// and the members that `isKept` picks.
  private func withBackup(
    keeping isKept: (_ group: Int, _ member: Int) -> Bool,
    _ body: (_ whole: BlockStore, _ left: BlockStore, _ file: CID, _ backup: CID) async throws ->
      Void
  ) async throws {
    let directory = try TemporaryDirectory()
    let input = "\(directory.path)/input"
    try writeFile(randomBytes(seed: 1, count: 14 * 65_536 - 9), to: input)
    let whole = try BlockStore(path: "\(directory.path)/whole")
    let left = try BlockStore(path: "\(directory.path)/left")
    defer {
      whole.close()
      left.close()
    }
    var settings = UnixFSSettings()
    settings.chunkByteCount = 65_536
    let adder = try ContentAdder(store: whole, layout: settings.fileLayout())
    let file = try adder.addBlocking(path: input).cid
    let backup = try ContentBackup(store: whole).addBlocking(file, with: Self.code)
    let (manifest, groups) = try ContentBackup(store: whole).groups(of: backup)
    for page in [backup] + manifest.pages {
      try await left.put([ContentBlock(verifying: whole.block(page), as: page)])
    }
    for (number, group) in groups.enumerated() {
      for (position, member) in group.members.enumerated() where isKept(number, position) {
        try await left.put([ContentBlock(verifying: whole.block(member.cid), as: member.cid)])
      }
    }
    try await body(whole, left, file, backup)
  }

  @Test("content comes back from what the code needs, and is pinned again")
  func repair() async throws {
    // Two of six are gone, others in each group.
    try await withBackup(keeping: { group, member in (group + member) % 3 != 0 }) {
      whole, left, file, backup in
      let repair = try ContentBackup(store: left).repairBlocking(backup)
      #expect(repair.isWhole && repair.groupCount == 4 && repair.fetchedCount == 0)
      #expect(repair.computedCount == 8)
      #expect(repair.wholeCount + repair.computedCount == 15 + 4 * 2)
      #expect(try left.pin(of: backup) != nil)
      let sizes = try [whole, left].map { store in
        var reader = UnixFSReader(root: file, source: store)
        return try SHA256.hash(reader.readAll(byteCountMax: 1 << 20))
      }
      #expect(sizes[0] == sizes[1])
      #expect(try ContentBackup(store: left).repairBlocking(backup).computedCount == 0)
    }
  }

  @Test("groups that lost too much are named, and the others are saved")
  func lost() async throws {
    try await withBackup(keeping: { group, member in group != 1 || member < 3 }) {
      _, left, _, backup in
      let repair = try ContentBackup(store: left).repairBlocking(backup)
      #expect(repair.lostGroups == [1] && !repair.isWhole)
      #expect(try left.pin(of: backup) == nil)
    }
  }

  @Test("others are asked for no more than is needed, and what they give is checked")
  func fetching() async throws {
    try await withBackup(keeping: { group, member in group != 1 || member < 2 }) {
      whole, left, _, backup in
      var asked = 0
      let repair = try ContentBackup(store: left).repairBlocking(backup) { cid in
        asked += 1
        switch asked {
        case 1: return [1, 2, 3]
        case 2: return nil
        default: return try whole.block(cid)
        }
      }
      #expect(repair.isWhole && asked == 4)
      #expect(repair.fetchedCount == 2 && repair.computedCount == 2)
    }
  }

  @Test("a damaged block counts as lost and is written anew")
  func damage() async throws {
    try await withBackup(keeping: { _, _ in true }) { whole, left, _, backup in
      let (_, groups) = try ContentBackup(store: whole).groups(of: backup)
      let cid = groups[0].data[1].cid
      let digest = try #require(cid.digest)
      try flipBit(of: digest, in: left)
      #expect(throws: BlockStoreError.corrupt(digest)) { try left.get(digest) }
      let repair = try ContentBackup(store: left).repairBlocking(backup)
      #expect(repair.isWhole && repair.computedCount == 1)
      #expect(try left.get(digest) == whole.get(digest))
    }
  }

  @Test("content that is not all there gets no backup, and what is no backup is said to be none")
  func refusals() async throws {
    try await withBackup(keeping: { _, member in member > 0 }) { whole, left, file, _ in
      #expect(throws: (any Error).self) { try ContentBackup(store: left).addBlocking(file) }
      #expect(throws: (any Error).self) { try ContentBackup(store: whole).repairBlocking(file) }
    }
  }
}
