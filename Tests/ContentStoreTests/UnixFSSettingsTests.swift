import ContentStore
import Primitives
import Testing

@Suite("What is asked for when content is added")
struct UnixFSSettingsTests {
  private static func settings(
    _ profile: UnixFSProfile? = nil, _ version: CID.Version? = nil, raw: Bool? = nil,
    chunk: Int? = nil
  ) -> UnixFSSettings {
    var settings = UnixFSSettings()
    (settings.profile, settings.cidVersion) = (profile, version)
    (settings.hasRawLeaves, settings.chunkByteCount) = (raw, chunk)
    return settings
  }

  private static func layout(
    _ chunk: Int, _ width: Int, raw: Bool, _ version: CID.Version
  ) throws -> UnixFSLayout {
    try UnixFSLayout(
      chunkByteCount: chunk, linksPerNodeMax: width, hasRawLeaves: raw, cidVersion: version)
  }

  @Test("flags without a profile mean Kubo's old one, and nothing at all our default")
  func bases() throws {
    let table: [(UnixFSSettings, UnixFSLayout)] = [
      (Self.settings(), UnixFSProfile.v1In2025.layout),
      (Self.settings(.v0In2015), UnixFSProfile.v0In2015.layout),
      (Self.settings(nil, .v1), try Self.layout(262_144, 174, raw: true, .v1)),
      (Self.settings(nil, .v1, raw: false), try Self.layout(262_144, 174, raw: false, .v1)),
      (Self.settings(nil, .v0), UnixFSProfile.v0In2015.layout),
      (Self.settings(nil, nil, raw: true), try Self.layout(262_144, 174, raw: true, .v0)),
      (Self.settings(chunk: 1_000), try Self.layout(1_000, 1_024, raw: true, .v1)),
      (Self.settings(nil, .v1, chunk: 1_000), try Self.layout(1_000, 174, raw: true, .v1)),
      (Self.settings(.v1In2025, nil, raw: false), try Self.layout(1 << 20, 1_024, raw: false, .v1)),
      (Self.settings(.v0In2015, .v1), try Self.layout(262_144, 174, raw: true, .v1)),
    ]
    for (settings, layout) in table {
      #expect(try settings.fileLayout() == layout, "\(settings)")
      #expect(settings.directoryLayout.cidVersion == layout.cidVersion)
      let estimate: UnixFSDirectoryLayout.SizeEstimate =
        layout.linksPerNodeMax == 174 ? .links : .block
      #expect(settings.directoryLayout.sizeEstimate == estimate)
    }
    #expect(throws: ContentError.self) { try Self.settings(chunk: 0).fileLayout() }
    #expect(throws: ContentError.self) { try Self.settings(chunk: 2 << 20).fileLayout() }
  }

  @Test("small blocks are held by their CIDs when that is asked for, and are read back")
  func inline() throws {
    var settings = UnixFSSettings()
    settings.inlineByteCountMax = 32
    var builder = UnixFSBuilder(try settings.fileLayout())
    var blocks: [ContentBlock] = []
    builder.append(Bytes("hello\n".utf8), into: &blocks)
    let small = builder.finish(into: &blocks)
    // The inline CID of this text in the tests of Kubo's gateway.
    #expect(small.cid.text == "bafkqabtimvwgy3yk")
    #expect(small.tsize == 6)
    builder.append(Bytes(repeating: 7, count: 33), into: &blocks)
    let larger = builder.finish(into: &blocks)
    #expect(larger.cid.inlineBlock == nil)
    var directory = UnixFSDirectoryBuilder(settings.directoryLayout)
    let empty = try directory.finish(into: &blocks)
    #expect(empty.cid == .v1(.dagPB, .identity([0x0a, 0x02, 0x08, 0x01])))
    try directory.add(UnixFSEntry(name: "a", small))
    try directory.add(UnixFSEntry(name: "b", empty))
    let root = try directory.finish(into: &blocks)
    var source = MemorySource()
    source.add(blocks)
    var walk = UnixFSTreeWalk(root: root.cid)
    var steps: [UnixFSTreeWalk.Step] = []
    while let cid = walk.wanted {
      try walk.supply(cid.inlineBlock ?? source.block(cid), into: &steps)
    }
    #expect(steps.count == 5)
    #expect(steps.contains(.bytes(Bytes("hello\n".utf8))))
    settings.profile = .v0In2015
    var old = UnixFSBuilder(try settings.fileLayout())
    #expect(old.finish(into: &blocks).cid == .v1(.dagPB, .identity([0x0a, 4, 8, 2, 0x18, 0])))
    for count in [-1, 129] {
      settings.inlineByteCountMax = count
      #expect(throws: ContentError.self) { try settings.fileLayout() }
    }
  }

  @Test("two leaves made at once are those made one by one")
  func leafPairs() throws {
    let layouts = [
      UnixFSProfile.v1In2025.layout, UnixFSProfile.v0In2015.layout,
      try Self.layout(1_000, 174, raw: false, .v1),
      try UnixFSProfile.v1In2025.layout.inlining(upTo: 36),
      try UnixFSProfile.v0In2015.layout.inlining(upTo: 36),
    ]
    let chunks = [0, 1, 35, 36, 37, 64, 1_000].map { count in
      Bytes((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ count) })
    }
    for layout in layouts {
      for first in chunks {
        for second in chunks {
          let leaves = layout.leaves(first, second)
          #expect(leaves.map(\.block) == [layout.leaf(first).block, layout.leaf(second).block])
          #expect(
            leaves.map(\.subtree) == [layout.leaf(first).subtree, layout.leaf(second).subtree])
        }
      }
    }
  }
}
