internal import CShim
internal import Glibc

/// Looks host names up on a compute pool, since the C library blocks.
package struct NameResolver: Sendable {
  private let pool: ComputePool

  /// A resolver whose look-ups run on `pool`.
  package init(pool: ComputePool) {
    self.pool = pool
  }

  /// The numeric addresses of a host, in the C library's order; a numeric host is its own address.
  package func addresses(of host: String, port: UInt16) async throws -> [SocketAddress] {
    if Self.isNumeric(host) { return [.tcp(host: host, port: port)] }
    let hosts = try await pool.run { try Self.lookUp(host) }
    return hosts.map { .tcp(host: $0, port: port) }
  }

  private static func isNumeric(_ host: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
  }

  private static func lookUp(_ host: String) throws(SocketError) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { throw .nameUnknown(host) }
    defer { freeaddrinfo(list) }
    var hosts: [String] = []
    var entry = list
    while let current = entry {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let status = getnameinfo(
        current.pointee.ai_addr, current.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
        NI_NUMERICHOST)
      if status == 0 {
        let bytes = text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        let numeric = String(decoding: bytes, as: UTF8.self)
        if !hosts.contains(numeric) { hosts.append(numeric) }
      }
      entry = current.pointee.ai_next
    }
    return hosts
  }
}
