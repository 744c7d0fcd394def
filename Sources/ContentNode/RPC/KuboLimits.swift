/// Limits of the Kubo RPC.
enum KuboLimits {
  /// Arguments and options of one request.
  static let queryItemsMax = 1_024
  /// Threads that read, hash and store; requests take turns on them.
  static let threads = 4
  /// Pieces of work that wait for such a thread: one for each request and a few more.
  static let queuedWorkMax = 4 * ContentNodeLimits.requestsMax
  /// Bytes of a stream that are gathered before they are sent.
  static let pieceByteCount = 256 << 10
  /// Lines of a listing that are gathered before they are sent.
  static let linesPerPiece = 256
  /// The largest block that is taken; no peer would accept a larger one.
  static let blockByteCountMax = 2 << 20
  /// The largest key file that is imported: an RSA key of 16,384 bits takes 9 KiB.
  static let keyByteCountMax = 64 << 10
  /// Parts of one upload, as many as entries of a tree on a disk.
  static let partsMax = 1 << 22
  /// Directories inside each other in an upload.
  static let depthMax = 256
  /// Directories of one upload; what is known of them is in memory until its end.
  static let directoriesMax = 1 << 20
  /// Pins in one answer that is not streamed, and lines of one listing that is sorted.
  static let listedMax = 1 << 20
  /// Blocks that a walk over a tree remembers: a terabyte in 256 KiB chunks.
  static let rememberedBlocksMax = 1 << 22
  /// Links that wait to be followed.
  static let pendingLinksMax = 1 << 20
  /// Bytes after which an add tells how far it is: Kubo's step.
  static let progressByteCount = 256 << 10
  /// Round trips of one `ping`.
  static let pingsMax = 1_000
  /// Pieces of one content archive; a terabyte is the largest tree.
  static let archiveByteCountMax: UInt64 = 1 << 40
}
