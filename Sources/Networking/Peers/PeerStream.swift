package import Cryptography
import Peering
package import Primitives

/// One stream to a peer: bytes in order in both directions, each of which ends by itself.
///
/// One task reads and one task writes at a time. Reads and writes throw once the stream or its
/// connection is gone.
package struct PeerStream: Sendable {
  /// The connection that carries it.
  package let connection: PeerConnection
  /// Who is on the other side, proven.
  package let peer: PeerID
  /// What both sides agreed to speak.
  package let protocolID: String
  /// Whether we opened it.
  package let isOutgoing: Bool
  /// Its number on the connection.
  package let number: UInt32

  // MARK: Bytes

  /// Sends all of `bytes`, waiting while the other side is slow.
  package nonisolated(nonsending) func write(_ bytes: Bytes) async throws(PeerError) {
    try await connection.write(bytes, to: number)
  }

  /// Sends all of `bytes`; fails when the other side has not made room for it after `limit`.
  package nonisolated(nonsending) func write(
    _ bytes: Bytes, within limit: Duration
  ) async throws(PeerError) {
    try await connection.write(bytes, to: number, within: limit)
  }

  /// At least one and at most `count` bytes, or nil at the end; fails after `limit`.
  package nonisolated(nonsending) func read(
    atMost count: Int = PeerLimits.readBytesMin, within limit: Duration? = nil
  ) async throws(PeerError) -> Bytes? {
    try await connection.read(atMost: count, from: number, within: limit)
  }

  /// Exactly `count` bytes; fails after `limit`.
  package nonisolated(nonsending) func readExactly(
    _ count: Int, within limit: Duration? = nil
  ) async throws(PeerError) -> Bytes {
    try await connection.readExactly(count, from: number, within: limit)
  }

  // MARK: Messages behind their length as a varint

  /// Sends one message.
  package nonisolated(nonsending) func writeMessage(_ message: Bytes) async throws(PeerError) {
    try await connection.writeFrame(message, to: number)
  }

  /// The next message of at most `limit` bytes, or nil when the other side finished before one;
  /// fails after `time`.
  package nonisolated(nonsending) func readMessage(
    limit: Int, within time: Duration? = nil
  ) async throws(PeerError) -> Bytes? {
    try await connection.readMessage(limit: limit, from: number, within: time)
  }

  /// The same for streams that are silent between messages: fails when the rest of a message takes
  /// longer than `time` after its first byte.
  package nonisolated(nonsending) func readMessage(
    limit: Int, restWithin time: Duration
  ) async throws(PeerError) -> Bytes? {
    try await connection.readMessage(limit: limit, from: number, restWithin: time)
  }

  // MARK: Ends

  /// Says that we send no more; reading goes on.
  package nonisolated(nonsending) func finish() async {
    await connection.finish(number)
  }

  /// Says that we send no more and read no more: what still comes is forgotten, and what was sent
  /// arrives, which a reset could overtake.
  package nonisolated(nonsending) func leave() async {
    await connection.leave(number)
  }

  /// Lets go of the stream: properly when the other side has finished too, else by a reset.
  package nonisolated(nonsending) func close() async {
    await connection.release(number)
  }

  /// Gives the stream up in both directions.
  package nonisolated(nonsending) func reset() async {
    await connection.reset(number)
  }
}
