import Cryptography
package import Primitives

/// The outermost layer of a connection in a private network: XSalsa20 in each direction, under
/// nonces that both sides send first ("Algorithm" of Private-Networks-PSK-V1.md).
///
/// It keeps strangers out and authenticates nothing: Noise inside it does.
package struct PrivateNetworkCipher: Sendable {
  /// Bytes for the socket, the own nonce first.
  package var outbox = ByteQueue()
  private let key: PrivateNetworkKey
  private var sending: XSalsa20Stream
  private var receiving: XSalsa20Stream?
  private var remoteNonce = Bytes()

  /// One end of a connection; `nonce` is drawn at random for it.
  package init(key: PrivateNetworkKey, nonce: Bytes) {
    self.key = key
    sending = XSalsa20Stream(key: key.secret, nonce: nonce)
    outbox.append(nonce)
  }

  /// Decrypts received bytes in place; returns those that are no nonce.
  package mutating func open(
    _ received: UnsafeMutableRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer {
    var rest = received[...]
    if receiving == nil {
      let missing = XSalsa20Stream.nonceByteCount - remoteNonce.count
      remoteNonce += Bytes(rest.prefix(missing))
      rest = rest.dropFirst(missing)
      guard remoteNonce.count == XSalsa20Stream.nonceByteCount else {
        return UnsafeMutableRawBufferPointer(start: nil, count: 0)
      }
      receiving = XSalsa20Stream(key: key.secret, nonce: remoteNonce)
    }
    let content = UnsafeMutableRawBufferPointer(rebasing: rest)
    receiving?.apply(to: content)
    return content
  }

  /// Appends the encrypted bytes to `outbox`.
  package mutating func seal(_ waiting: UnsafeRawBufferPointer) {
    guard !waiting.isEmpty else { return }
    outbox.append(waiting)
    outbox.changeLast(waiting.count) { sending.apply(to: $0) }
  }
}
