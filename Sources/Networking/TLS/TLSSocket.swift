internal import COpenSSL
internal import Primitives

/// The server's side of TLS over a socket, through memory BIOs: OpenSSL never sees the descriptor,
/// so the loop keeps the only say about waiting. Confined to the loop.
final class TLSSocket: Sendable {
  /// Plain bytes encrypted before they must have gone out: bounds what a slow reader costs.
  private static let plainBytesMax = 65_536

  let socket: Socket
  private let context: TLSContext
  // Confined to the loop's thread, like the socket below.
  private nonisolated(unsafe) let session: OpaquePointer
  private nonisolated(unsafe) let received: OpaquePointer
  private nonisolated(unsafe) let toSend: OpaquePointer
  private nonisolated(unsafe) var encrypted = Bytes()
  private nonisolated(unsafe) var encryptedStart = 0

  init(_ socket: Socket, context: TLSContext) throws(TLSError) {
    guard let session = SSL_new(context.pointer) else { throw .contextUnavailable }
    guard let received = BIO_new(BIO_s_mem()), let toSend = BIO_new(BIO_s_mem()) else {
      SSL_free(session)
      throw .contextUnavailable
    }
    SSL_set_bio(session, received, toSend)  // the session frees both
    SSL_set_accept_state(session)
    self.socket = socket
    self.context = context
    self.session = session
    self.received = received
    self.toSend = toSend
  }

  deinit { SSL_free(session) }

  /// Completes the handshake or throws `TLSError` or `SocketError`.
  nonisolated(nonsending) func handshake(deadline: Tick) async throws {
    while true {
      ERR_clear_error()
      let status = SSL_do_handshake(session)
      let wants = status == 1 ? SSL_ERROR_NONE : SSL_get_error(session, status)
      while try flushNow() == false {
        try await socket.descriptor.wait(for: .writing, deadline: deadline)
      }
      switch wants {
      case SSL_ERROR_NONE: return
      case SSL_ERROR_WANT_READ:
        while try receiveNow() == nil {
          try await socket.descriptor.wait(for: .reading, deadline: deadline)
        }
      default: throw TLSError.handshakeFailed(reason: TLSContext.lastError())
      }
    }
  }

  /// Appends decrypted bytes: nil when none are there yet, 0 at the end of the stream.
  func readNow(appendingTo bytes: inout Bytes, atMost countMax: Int) throws -> Int? {
    while true {
      if let count = try decrypt(into: &bytes, atMost: countMax) { return count }
      guard let count = try receiveNow() else { return nil }
      if count == 0 { return 0 }
    }
  }

  /// Encrypts as many bytes as may wait, and sends what the kernel takes; returns how many of
  /// `bytes` are done with, 0 while earlier ones still wait.
  func writeNow(_ bytes: Bytes, from start: Int) throws -> Int {
    guard try flushNow(), start < bytes.count else { return 0 }
    let count = min(bytes.count - start, Self.plainBytesMax)
    ERR_clear_error()
    let written = bytes.withUnsafeBytes {
      SSL_write(session, $0.baseAddress?.advanced(by: start), Int32(count))
    }
    guard written == count else {
      throw TLSError.recordInvalid(reason: TLSContext.lastError())
    }
    _ = try flushNow()
    return count
  }

  /// Sends encrypted bytes that wait; true when none are left.
  func flushNow() throws(SocketError) -> Bool {
    takeEncrypted()
    while encryptedStart < encrypted.count {
      let sent = try socket.writeNow(encrypted, from: encryptedStart)
      if sent == 0 { return false }
      encryptedStart += sent
    }
    encrypted.removeAll(keepingCapacity: true)
    encryptedStart = 0
    return true
  }

  /// Says goodbye if that needs no waiting; reading goes on.
  func finishWriting() {
    if SSL_is_init_finished(session) == 1 {
      ERR_clear_error()
      _ = SSL_shutdown(session)
      _ = try? flushNow()
    }
    socket.finishWriting()
  }

  func close() {
    finishWriting()
    socket.close()
  }

  /// Moves what OpenSSL wants sent into our buffer.
  private func takeEncrypted() {
    let pending = BIO_ctrl_pending(toSend)
    guard pending > 0 else { return }
    let scratch = socket.loop.scratch
    while true {
      let count = BIO_read(toSend, scratch.baseAddress, Int32(scratch.count))
      guard count > 0 else { return }
      encrypted.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<Int(count)]))
    }
  }

  /// Hands OpenSSL what the socket has: nil when it has nothing now, 0 at the end of the stream.
  private func receiveNow() throws(SocketError) -> Int? {
    let scratch = socket.loop.scratch
    guard let count = try socket.readNow(into: scratch) else { return nil }
    if count > 0 { BIO_write(received, scratch.baseAddress, Int32(count)) }
    return count
  }

  /// nil when OpenSSL needs more from the socket, 0 when the other side said goodbye.
  private func decrypt(into bytes: inout Bytes, atMost countMax: Int) throws -> Int? {
    let scratch = socket.loop.scratch
    var total = 0
    while total < countMax {
      ERR_clear_error()
      let wanted = min(countMax - total, scratch.count)
      let count = SSL_read(session, scratch.baseAddress, Int32(wanted))
      if count > 0 {
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<Int(count)]))
        total += Int(count)
        continue
      }
      switch SSL_get_error(session, count) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
      case SSL_ERROR_ZERO_RETURN: return total
      default: throw TLSError.recordInvalid(reason: TLSContext.lastError())
      }
      _ = try flushNow()  // key updates are answered here
      return total > 0 ? total : nil
    }
    return total
  }
}
