/// Limits of one muxed session.
package enum YamuxLimits {
  /// Fixed by the specification: each stream starts with this window in both directions.
  static let initialWindowBytes = 256 * 1_024
  /// A window grows to this while the reader keeps up (as go-yamux): 16 MiB a 60 ms round trip is
  /// 280 MB/s.
  static let windowBytesMax = 16 * 1_024 * 1_024
  /// What all windows of a session may have grown by together. With the initial windows of thirty
  /// streams this stays within `unreadBytesMax`.
  static let windowGrowthMax = 24 * 1_024 * 1_024
  /// A window that was used up within this many round trips is too small (go-yamux).
  static let roundTripsPerWindow = 4
  /// The round trip is measured again after this, when a window is topped up.
  static let roundTripAge: Duration = .seconds(10)
  /// Opaque values from here on are pings of the muxer's own, below are the owner's.
  static let ownPing: UInt32 = 0x8000_0000
  /// Open streams of one session, of either side; an rpc call is a stream, so calls in flight.
  static let streamsMax = 512
  /// Streams opened by us that the other side has not acknowledged (specification: at most 256).
  static let unacknowledgedMax = 256
  /// Unread bytes of all streams together; the session ends when a peer goes beyond.
  static let unreadBytesMax = 32 * 1_024 * 1_024
  /// Data behind one header: small enough that another stream's frame is never far behind.
  static let bodyBytesMax = 32 * 1_024
}

/// The type of a yamux frame.
enum YamuxFrameType: UInt8 {
  case data = 0
  case windowUpdate = 1
  case ping = 2
  case goAway = 3
}

/// The flags of a yamux frame.
struct YamuxFlags: OptionSet {
  let rawValue: UInt16
  static let synchronize = YamuxFlags(rawValue: 1)
  static let acknowledge = YamuxFlags(rawValue: 2)
  static let finish = YamuxFlags(rawValue: 4)
  static let reset = YamuxFlags(rawValue: 8)
  static let defined: YamuxFlags = [.synchronize, .acknowledge, .finish, .reset]
}

/// The reason in a go-away frame.
package enum YamuxGoAway: UInt32, Sendable {
  case normal = 0
  case protocolError = 1
  case internalError = 2
}

/// The 12 bytes before each yamux frame (libp2p/specs yamux/README.md, "Framing"): version, type,
/// flags, stream id, length; all big-endian.
struct YamuxHeader: Equatable {
  static let byteCount = 12

  var type: YamuxFrameType
  var flags: YamuxFlags
  var stream: UInt32
  /// Bytes of a data frame, delta of a window update, a ping's opaque value, a go-away's reason.
  var length: UInt32

  init(type: YamuxFrameType, flags: YamuxFlags = [], stream: UInt32, length: UInt32 = 0) {
    self.type = type
    self.flags = flags
    self.stream = stream
    self.length = length
  }

  /// Reads exactly 12 bytes.
  init(_ bytes: UnsafeRawBufferPointer) throws(PeeringError) {
    precondition(bytes.count == Self.byteCount)
    guard bytes[0] == 0 else { throw .yamux(.version(bytes[0])) }
    guard let type = YamuxFrameType(rawValue: bytes[1]) else {
      throw .yamux(.frameType(bytes[1]))
    }
    self.type = type
    let flags = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    guard YamuxFlags.defined.isSuperset(of: YamuxFlags(rawValue: flags)) else {
      throw .yamux(.flags(flags))
    }
    self.flags = YamuxFlags(rawValue: flags)
    stream = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
  }

  func append(to output: inout some FrameOutput) {
    var words = (
      (UInt32(type.rawValue) << 16 | UInt32(flags.rawValue)).bigEndian, stream.bigEndian,
      length.bigEndian
    )
    withUnsafeBytes(of: &words) { output.append($0) }
  }
}
