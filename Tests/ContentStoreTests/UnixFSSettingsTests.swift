import ContentStore
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
}
