internal import Primitives

/// Plain or encrypted bytes under one HTTP connection.
enum HTTPTransport: Sendable {
  case plain(Socket)
  case encrypted(TLSSocket)

  var socket: Socket {
    switch self {
    case .plain(let socket): socket
    case .encrypted(let session): session.socket
    }
  }

  func readNow(appendingTo bytes: inout Bytes, atMost countMax: Int) throws -> Int? {
    switch self {
    case .plain(let socket): try socket.readNow(appendingTo: &bytes, atMost: countMax)
    case .encrypted(let session): try session.readNow(appendingTo: &bytes, atMost: countMax)
    }
  }

  /// Returns how many of the bytes are done with, 0 when the other side is slow.
  func writeNow(_ bytes: Bytes, from start: Int) throws -> Int {
    switch self {
    case .plain(let socket): try socket.writeNow(bytes, from: start)
    case .encrypted(let session): try session.writeNow(bytes, from: start)
    }
  }

  /// True when nothing waits to be sent below.
  func flushNow() throws -> Bool {
    switch self {
    case .plain: true
    case .encrypted(let session): try session.flushNow()
    }
  }

  /// Tells the client that nothing more comes; reading goes on.
  func finishWriting() {
    switch self {
    case .plain(let socket): socket.finishWriting()
    case .encrypted(let session): session.finishWriting()
    }
  }

  func close() {
    switch self {
    case .plain(let socket): socket.close()
    case .encrypted(let session): session.close()
    }
  }
}
