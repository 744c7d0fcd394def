public import ContentStore

/// Limits of a gateway.
public enum GatewayLimits {
  /// Requests answered at once; one that comes then is told to come again.
  public static let requestsMax = ContentNodeLimits.requestsMax
  /// For one block that must be fetched: what the reference gateway waits.
  public static let retrievalTime: Duration = .seconds(30)
  /// For one whole response; a client that is slower asks for ranges.
  public static let responseTime: Duration = .seconds(3_600)
  /// Names of a directory that one page lists; the rest is found by name.
  public static let listedEntriesMax = 10_000
  /// Bytes of small blocks that are read in one go: about one block of the usual size.
  static let gatheredByteCount = 256 << 10
  /// Threads that read and hash; more gain nothing on one disk.
  public static let readingThreadsMax = 4
  /// A file served deserialised: a terabyte, as the largest that is read.
  public static let fileByteCountMax: UInt64 = 1 << 40
}

/// How a gateway serves.
public struct GatewaySettings: Sendable {
  /// Whether only formats that the client verifies are given (raw, car, ipns-record).
  public var isTrustlessOnly = false
  /// Names that `Host` may have besides `localhost` and numeric addresses; nil for any name. A page
  /// of another site may make a browser resolve its own name to this machine.
  public var hostNames: [String]? = []
  /// Requests answered at once.
  public var requestsMax = GatewayLimits.requestsMax
  /// For one block that must be fetched.
  public var retrievalTime = GatewayLimits.retrievalTime
  /// For one whole response.
  public var responseTime = GatewayLimits.responseTime
  /// Names of a directory that one page lists.
  public var listedEntriesMax = GatewayLimits.listedEntriesMax

  /// The usual settings.
  public init() {}
}

/// Why a gateway's operator does not serve some content.
public enum ContentDenial: Equatable, Sendable {
  /// The operator's own decision, answered 410.
  case refused(reason: String)
  /// A legal demand, answered 451 with this explanation (RFC 7725).
  case legal(reason: String)
}

/// Where a gateway learns what names (IPNS) lead to. Records are checked by whoever gives them.
public protocol IPNSRecords: Sendable {
  /// The signed record of the name whose CID (codec libp2p-key) is `name`; nil where none is known.
  func record(of name: CID) async throws -> ServedNameRecord?
  /// Where the name leads; nil where no valid record is known.
  func resolve(_ name: CID) async throws -> ServedNameTarget?
}

/// A name's record as a gateway gives it.
public struct ServedNameRecord: Sendable {
  /// The record's protobuf bytes.
  public let bytes: [UInt8]
  /// How long it may be kept; nil where that is unknown.
  public let timeToLive: Duration?

  /// A record.
  public init(bytes: [UInt8], timeToLive: Duration?) {
    self.bytes = bytes
    self.timeToLive = timeToLive
  }
}

/// Where a name leads.
public struct ServedNameTarget: Sendable {
  /// The path that the record holds.
  public let path: ContentPath
  /// How long that may be believed; nil where that is unknown.
  public let timeToLive: Duration?

  /// A target.
  public init(path: ContentPath, timeToLive: Duration?) {
    self.path = path
    self.timeToLive = timeToLive
  }
}
