/// What someone who adds content asks for; what is left out follows from the rest.
public struct UnixFSSettings: Equatable, Sendable {
  /// The profile that the others change; without it Kubo's old one when the CIDs or leaves are
  /// asked for, as Kubo's own flags do, and otherwise our default.
  public var profile: UnixFSProfile?
  /// The version of CIDs.
  public var cidVersion: CID.Version?
  /// Whether leaves are raw blocks; with CIDs of version 1 they are unless told otherwise.
  public var hasRawLeaves: Bool?
  /// The bytes of a leaf.
  public var chunkByteCount: Int?

  /// Blocks of at most so many bytes are held by their CIDs (Kubo's `--inline` with
  /// `--inline-limit`, 32 unless told otherwise); 0 for none.
  public var inlineByteCountMax = 0

  /// Asks for nothing in particular.
  public init() {}

  private var base: UnixFSProfile {
    profile ?? (cidVersion == nil && hasRawLeaves == nil ? .v1In2025 : .v0In2015)
  }

  /// How files are cut and linked.
  public func fileLayout() throws(ContentError) -> UnixFSLayout {
    let base = base.layout
    return try UnixFSLayout(
      chunkByteCount: chunkByteCount ?? base.chunkByteCount,
      linksPerNodeMax: base.linksPerNodeMax,
      hasRawLeaves: hasRawLeaves ?? (cidVersion == .v1 || base.hasRawLeaves),
      cidVersion: cidVersion ?? base.cidVersion
    ).inlining(upTo: inlineByteCountMax)
  }

  /// How directories are written, when `fileLayout` finds nothing to refuse.
  public var directoryLayout: UnixFSDirectoryLayout {
    let base = base.directoryLayout
    var layout = UnixFSDirectoryLayout(
      cidVersion: cidVersion ?? base.cidVersion, sizeEstimate: base.sizeEstimate)
    layout.inlineByteCountMax = min(max(0, inlineByteCountMax), Multihash.identityByteCountMax)
    return layout
  }
}
