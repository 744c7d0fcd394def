internal import CShim

/// Where a socket listens or connects: a numeric host with a port, or a file.
package enum SocketAddress: Hashable, Sendable {
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  /// Whether only this machine can reach it.
  package var isLoopback: Bool {
    switch self {
    case .tcp(let host, _): host.hasPrefix("127.") || host == "::1" || host == "::ffff:127.0.0.1"
    case .unix: true
    }
  }

  typealias Query = (Int32, UnsafeMutablePointer<CChar>) -> Int32

  static func local(of descriptor: Int32) -> SocketAddress {
    ask(descriptor, shim_local_address)
  }

  static func remote(of descriptor: Int32) -> SocketAddress {
    ask(descriptor, shim_remote_address)
  }

  private static func ask(_ descriptor: Int32, _ query: Query) -> SocketAddress {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(SHIM_ADDRESS_TEXT_MAX)) {
      text in
      guard let base = text.baseAddress else { return .unix(path: "") }
      base.pointee = 0
      let port = query(descriptor, base)
      guard base.pointee != 0 else { return .unix(path: "") }
      return .tcp(host: String(cString: base), port: UInt16(clamping: port))
    }
  }
}

extension SocketAddress: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }
}
