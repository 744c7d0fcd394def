internal import CShim
internal import Glibc
package import Primitives

/// A datagram as it arrived.
package struct Datagram: Sendable {
  /// What it holds.
  package let bytes: Bytes
  /// The sender's IP address: 4 or 16 bytes.
  package let sender: Bytes
  /// The sender's port.
  package let port: UInt16
}

/// Sends datagrams to all neighbours on one interface, and receives what they send to the same
/// group. Confined to the loop; one reader.
package final class MulticastSocket: Sendable {
  private let descriptor: Descriptor
  private let group: String
  private let port: UInt16
  private let interfaceIndex: UInt32

  /// Joins a group (a numeric IPv4 or IPv6 address) on an interface; must be called on the loop.
  package init(
    group: String, port: UInt16, interfaceIndex: UInt32, on loop: EventLoop
  ) throws(SocketError) {
    let number = try SocketError.checked(
      shim_multicast_open(group, port, interfaceIndex), "join", "\(group):\(port)")
    descriptor = Descriptor(number, on: loop)
    self.group = group
    self.port = port
    self.interfaceIndex = interfaceIndex
  }

  /// The next datagram of at most `bytesMax` bytes; longer ones are skipped.
  package nonisolated(nonsending) func receive(
    bytesMax: Int
  ) async throws(SocketError) -> Datagram {
    precondition(bytesMax <= Socket.readBytesMax)
    while true {
      guard descriptor.isStillOpen else { throw .closed }
      let buffer = UnsafeMutableRawBufferPointer(rebasing: descriptor.loop.scratch[..<bytesMax])
      var source = shim_datagram_source()
      let count = shim_multicast_receive(
        descriptor.number, buffer.baseAddress, buffer.count, &source)
      if count == -Int(EAGAIN) {
        try await descriptor.wait(for: .reading)
        continue
      }
      guard count >= 0 else { throw SocketError(code: Int32(clamping: -count), call: "recvfrom") }
      guard count <= bytesMax else { continue }
      let sender = withUnsafeBytes(of: source.ip) { Bytes($0.prefix(Int(source.ip_count))) }
      return Datagram(bytes: Bytes(buffer[..<count]), sender: sender, port: source.port)
    }
  }

  /// Sends one datagram to the group; when the kernel has no room it is lost, as it might be on the
  /// way.
  package func send(_ bytes: Bytes) throws(SocketError) {
    guard descriptor.isStillOpen else { throw .closed }
    let count = bytes.withUnsafeBytes {
      shim_multicast_send(
        descriptor.number, group, port, interfaceIndex, $0.baseAddress, $0.count)
    }
    guard count >= 0 || count == -Int(EAGAIN) else {
      throw SocketError(code: Int32(clamping: -count), call: "sendto", subject: group)
    }
  }

  /// Leaves the group; a suspended `receive` throws `SocketError.closed`.
  package func close() { descriptor.close() }
}
