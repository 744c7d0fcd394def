import Glibc
import Primitives

/// Why clamd gave no answer.
enum ClamdFailure: Error, CustomStringConvertible {
  case system(String, Int32)
  case silent
  case endless

  var description: String {
    switch self {
    case .system(let operation, let code): "\(operation): \(String(cString: strerror(code)))"
    case .silent: "it closed the connection or fell silent"
    case .endless: "its answer has no end"
    }
  }
}

/// One connection to clamd, on a thread that may block.
final class ClamdConnection {
  private let descriptor: Int32

  init(to address: ClamdAddress) throws(ClamdFailure) {
    switch address {
    case .unix(let path): descriptor = try Self.connected(toUnix: path)
    case .tcp(let host, let port): descriptor = try Self.connected(toHost: host, port)
    }
    // The kernel ends a read or write that makes no progress.
    var silence = timeval(tv_sec: ClamdLimits.silenceSecondsMax, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(
        descriptor, SOL_SOCKET, option, &silence, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  func close() { Glibc.close(descriptor) }

  private static func connected(toUnix path: String) throws(ClamdFailure) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { room in
      // The last byte stays zero.
      room.copyBytes(from: path.utf8.prefix(room.count - 1))
    }
    return try connected(AF_UNIX, &address)
  }

  private static func connected(
    toHost host: String, _ port: UInt16
  ) throws(ClamdFailure) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    return try connected(AF_INET, &address)
  }

  private static func connected<Address>(
    _ family: Int32, _ address: inout Address
  ) throws(ClamdFailure) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(family, type, 0)
    guard descriptor >= 0 else { throw .system("making a socket", errno) }
    let status = withUnsafeBytes(of: &address) {
      connect(
        descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t($0.count))
    }
    guard status == 0 else {
      let code = errno
      Glibc.close(descriptor)
      throw .system("connecting", code)
    }
    return descriptor
  }

  func send(_ bytes: Bytes) throws(ClamdFailure) {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + offset, $0.count - offset, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system("sending", errno) }
      offset += count
    }
  }

  /// Reads up to the zero byte that ends an answer.
  func receiveLine() throws(ClamdFailure) -> Bytes {
    var line = Bytes()
    var buffer = Bytes(repeating: 0, count: 512)
    while line.count <= ClamdLimits.replyByteCountMax {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .silent }
      let part = buffer[..<count]
      if let end = part.firstIndex(of: 0) { return line + part[..<end] }
      line += part
    }
    throw .endless
  }
}
