internal import CShim
internal import Glibc
package import Primitives

/// Looks host names up on a compute pool, since the C library blocks.
package struct NameResolver: Sendable {
  private let pool: ComputePool
  private let nameServer: (host: String, port: UInt16)?

  /// A resolver whose look-ups run on `pool`; TXT records are asked of `nameServer`, an IPv4
  /// address, instead of the system's servers where one is given.
  package init(pool: ComputePool, nameServer: (host: String, port: UInt16)? = nil) {
    self.pool = pool
    self.nameServer = nameServer
  }

  /// The largest answer over TCP (RFC 1035 §4.2.2).
  private static let answerBytesMax = 65_535

  /// A name server's answer about the TXT records of a name.
  package func textAnswer(of name: String) async throws -> Bytes {
    let server = nameServer
    return try await pool.run {
      var answer = Bytes(repeating: 0, count: Self.answerBytesMax)
      let count = shim_look_up_text(
        name, server?.host, server?.port ?? 0, &answer, Int32(answer.count))
      guard count >= 0 else {
        throw -count == ENOENT ? SocketError.nameUnknown(name) : SocketError.timedOut
      }
      return Bytes(answer.prefix(Int(count)))
    }
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
