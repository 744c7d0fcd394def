package import Primitives

/// Why a request body could not be read to its end.
package enum HTTPBodyError: Error, Equatable {
  case tooLarge(max: Int)
  case tooSlow
  case disconnected
  case malformed(HTTPParseError)

  /// The status that tells the client so.
  package var status: HTTPStatus {
    switch self {
    case .tooLarge: .contentTooLarge
    case .tooSlow: .requestTimeout
    case .disconnected: .badRequest
    case .malformed(let error): error.status
    }
  }
}

/// A request body, pulled from the socket piece by piece: a client that sends faster than the
/// handler reads is slowed down by TCP, and memory stays at one piece.
package struct HTTPBody: Sendable {
  private let connection: HTTPConnection?
  /// The length the client announced; nil for chunked bodies.
  package let announcedLength: Int?

  init(from connection: HTTPConnection?, announcedLength: Int?) {
    self.connection = connection
    self.announcedLength = announcedLength
  }

  /// The next piece, at most 64 KiB; nil after the last.
  package func nextChunk() async throws(HTTPBodyError) -> Bytes? {
    guard let connection else { return nil }
    if connection.loop.isCurrent { return try await connection.nextBodyChunk() }
    return try await connection.loop.perform { () async throws(HTTPBodyError) in
      try await connection.nextBodyChunk()
    }
  }

  /// The whole body, if it has at most `max` bytes.
  package func collect(max: Int) async throws(HTTPBodyError) -> Bytes {
    if let announcedLength, announcedLength > max { throw .tooLarge(max: max) }
    var all = Bytes()
    while let chunk = try await nextChunk() {
      guard all.count + chunk.count <= max else { throw .tooLarge(max: max) }
      all.append(contentsOf: chunk)
    }
    return all
  }
}
