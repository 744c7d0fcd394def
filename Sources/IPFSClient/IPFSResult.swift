public import ContentStore
public import Primitives

/// How an operation ended; the fields are those of `IPFSResult` in PRSM's guide.
public struct IPFSResult: Sendable {
  /// Whether it did what was asked.
  public var success: Bool { error == nil }
  /// What it was about; nil where the text named nothing.
  public let cid: CID?
  /// What else is known.
  public let metadata: IPFSMetadata
  /// The bytes of the content.
  public let size: UInt64
  /// How long it took.
  public let seconds: Double
  /// Why it did not succeed.
  public let error: IPFSClientError?
}

/// What is known of content beside its name and size.
public struct IPFSMetadata: Equatable, Sendable {
  /// The content, where it was not written to a file.
  public var content: Bytes?
  /// The name that was given with an upload.
  public var filename: String?
  /// The file that was written or sent.
  public var path: String?
  /// The nodes that gave or took it, by name; empty where the cache had everything.
  public var nodes: [String] = []
  /// Whether a node holds a pin for it.
  public var isPinned = false

  /// Nothing is known.
  public init() {}
}

/// What is sent to a node.
public enum UploadContent: Sendable {
  /// Bytes in memory.
  case bytes(Bytes)
  /// Text, sent as UTF-8.
  case text(String)
  /// A file of this machine.
  case file(path: String)
}

/// Called with the bytes of the content that were sent and that there are; on any thread.
public typealias UploadProgress = @Sendable (_ sent: UInt64, _ total: UInt64) -> Void

/// Called with the verified bytes that are there and the bytes of the file; on any thread.
public typealias DownloadProgress = @Sendable (_ received: UInt64, _ total: UInt64) -> Void
