internal import Networking

/// Returns when a process is told to end.
package typealias ProcessEnd = @Sendable () async throws -> Void

/// A process was told to end, and its groups know.
package struct Departure: Error {
  /// The end of a process that is only ever cancelled.
  package static let never: ProcessEnd = {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
  }

  /// Waits for the end, says goodbye to the groups of `network`, and throws a departure.
  static func wait(
    for end: ProcessEnd, from network: @Sendable () async -> PeerNetwork?
  ) async throws {
    try await end()
    // Whoever cancels the process takes its host away at the same time.
    if !Task.isCancelled { await network()?.leave() }
    throw Departure()
  }
}
