public import ContentStore
import Glibc
public import Primitives

/// Where clamd listens.
public enum ClamdAddress: Hashable, Sendable {
  /// A socket in the file system, as Debian's package makes it.
  case unix(path: String)
  /// A numeric IPv4 address and a port.
  case tcp(host: String, port: UInt16)

  /// Reads `/path`, `unix:/path` or `host:port`; nil for anything else.
  public init?(parsing text: String) {
    if text.hasPrefix("/") || text.hasPrefix("unix:/") {
      let path = text.hasPrefix("/") ? text : String(text.dropFirst(5))
      guard path.utf8.count <= ClamdLimits.pathByteCountMax else { return nil }
      self = .unix(path: path)
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let port = UInt16(parts[1]), port > 0 else { return nil }
    let host = parts[0] == "localhost" ? "127.0.0.1" : String(parts[0])
    var address = in_addr()
    guard inet_pton(AF_INET, host, &address) == 1 else { return nil }
    self = .tcp(host: host, port: port)
  }
}

/// Limits of a talk with clamd.
public enum ClamdLimits {
  /// Bytes of one chunk; clamd reads chunks of any size below its own limit.
  public static let chunkByteCount = 256 << 10
  /// Bytes of an answer: one line.
  public static let replyByteCountMax = 4_096
  /// Seconds without any progress after which the scanner counts as gone. Judging a large archive
  /// takes clamd up to its own MaxScanTime, two minutes.
  public static let silenceSecondsMax = 150
  /// What a socket's address has room for.
  public static let pathByteCountMax = 107
}

/// A client of clamd's INSTREAM command (clamd(8), "zINSTREAM"): length-prefixed chunks, the last
/// one empty, answered by one line.
public struct ClamdScanner: ContentScanner {
  private let address: ClamdAddress

  /// Asks clamd at `address`, over a connection of its own for each stream.
  public init(address: ClamdAddress) { self.address = address }

  /// Sends a stream and returns what clamd says of it. A scanner that cannot be reached, falls
  /// silent or says something else than expected is `failed`.
  public func scanBlocking(_ next: () throws -> Bytes?) throws -> VirusScan {
    let connection: ClamdConnection
    do throws(ClamdFailure) {
      connection = try ClamdConnection(to: address)
    } catch {
      return .failed("\(error)")
    }
    defer { connection.close() }
    do throws(ClamdFailure) {
      try connection.send(Bytes("zINSTREAM\0".utf8))
    } catch {
      return .failed("\(error)")
    }
    while let bytes = try next() {
      // A daemon that has seen enough closes its side: its answer then says why.
      guard Self.send(bytes, on: connection) else { return answer(of: connection) }
    }
    _ = try? connection.send([0, 0, 0, 0])
    return answer(of: connection)
  }

  private static func send(_ bytes: Bytes, on connection: ClamdConnection) -> Bool {
    var begin = 0
    while begin < bytes.count {
      let end = min(begin + ClamdLimits.chunkByteCount, bytes.count)
      let length = withUnsafeBytes(of: UInt32(end - begin).bigEndian) { Bytes($0) }
      guard (try? connection.send(length + bytes[begin..<end])) != nil else { return false }
      begin = end
    }
    return true
  }

  private func answer(of connection: ClamdConnection) -> VirusScan {
    do throws(ClamdFailure) {
      return ClamdReply.scan(try connection.receiveLine())
    } catch {
      return .failed("\(error)")
    }
  }
}

/// What clamd's line means.
public enum ClamdReply {
  private static let prefix = "stream: "
  private static let found = " FOUND"

  /// Reads `stream: OK`, `stream: NAME FOUND`, or an error such as
  /// `INSTREAM size limit exceeded. ERROR`.
  public static func scan(_ line: Bytes) -> VirusScan {
    guard line.count <= ClamdLimits.replyByteCountMax,
      let text = String(validating: line, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
    else { return .failed("the answer is no line of text") }
    if text == prefix + "OK" { return .clean }
    if text.hasPrefix(prefix), text.hasSuffix(found), text.count > prefix.count + found.count {
      return .infected(String(text.dropFirst(prefix.count).dropLast(found.count)))
    }
    return .failed(text.isEmpty ? "the answer is empty" : text)
  }
}
