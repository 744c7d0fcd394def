internal import CCurl
internal import Telemetry

/// A libcurl handle with what drives it: at most one connection, one transfer at a time.
final class CurlSlot: Sendable {
  // Both belong to the one transfer that holds the slot, and to nobody while it is idle.
  nonisolated(unsafe) let handle: UnsafeMutableRawPointer
  nonisolated(unsafe) let multi: UnsafeMutableRawPointer

  init() throws(HTTPClientError) {
    guard let handle = shim_curl_begin() else { throw .unavailable }
    guard let multi = shim_curl_multi_begin() else {
      shim_curl_end(handle)
      throw .unavailable
    }
    self.handle = handle
    self.multi = multi
  }

  deinit {
    shim_curl_end(handle)
    shim_curl_multi_end(multi)
  }
}

/// Idle slots by the place they are connected to; the oldest goes when there are too many.
final class CurlSlots: Sendable {
  private static let isCurlReady = shim_curl_load()

  private struct Idle: Sendable {
    let place: String
    let slot: CurlSlot
  }

  private let idle = Lock<[Idle]>([])
  private let idleMax: Int

  init(idleMax: Int) { self.idleMax = idleMax }

  /// The slot that was used last for `place`, or a new one.
  func take(for place: String) throws(HTTPClientError) -> CurlSlot {
    guard Self.isCurlReady else { throw .unavailable }
    let kept = idle.withLock { idle in
      idle.lastIndex { $0.place == place }.map { idle.remove(at: $0).slot }
    }
    if let kept { return kept }
    return try CurlSlot()
  }

  func keep(_ slot: CurlSlot, for place: String) {
    shim_curl_reset(slot.handle)
    // Given up outside the lock: closing a connection may take a moment.
    let oldest = idle.withLock { idle -> CurlSlot? in
      idle.append(Idle(place: place, slot: slot))
      return idle.count > idleMax ? idle.removeFirst().slot : nil
    }
    _ = oldest
  }
}

/// Ends a transfer from another thread at once, also one that waits for a silent server.
final class TransferCancellation: Sendable {
  private struct State {
    var isCancelled = false
    nonisolated(unsafe) var multi: UnsafeMutableRawPointer?
  }

  private let state = Lock(State())

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// False when it was cancelled before it began.
  func begin(waking multi: UnsafeMutableRawPointer) -> Bool {
    nonisolated(unsafe) let multi = multi
    return state.withLock { state in
      state.multi = multi
      return !state.isCancelled
    }
  }

  func end() { state.withLock { $0.multi = nil } }

  func cancel() {
    state.withLock { state in
      state.isCancelled = true
      if let multi = state.multi { shim_curl_multi_wake(multi) }
    }
  }
}
