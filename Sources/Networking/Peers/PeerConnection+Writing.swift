import Peering

/// The way out: what the machine wants to say, as fast as the socket takes it.
extension PeerConnection {
  // MARK: Writing the socket

  /// Sends at the end of the turn, so that the frames of one turn share one segment.
  func scheduleFlush() {
    guard !flushIsScheduled else { return }
    flushIsScheduled = true
    loop.execute { [weak self] in
      self?.assumeIsolated {
        $0.flushIsScheduled = false
        $0.flushNow()
      }
    }
  }

  func flushNow() {
    machine.flush()
    guard closeReason == nil, !machine.outbox.isEmpty else { return }
    let outcome = machine.outbox.read { waiting in
      Result { () throws(SocketError) in try socket.writeNow(waiting) }
    }
    switch outcome {
    case .success(let count):
      machine.outbox.consume(count)
      traffic.sent += UInt64(count)
      if machine.outbox.isEmpty { wakeBlockedWriters() } else { unblockWriter() }
    case .failure(let error):
      end(error == .reset ? .closed : .socket(error))
    }
  }

  /// Waits for the socket whenever it took less than we had.
  func write() async {
    while closeReason == nil {
      if machine.outbox.isEmpty {
        await withUnsafeContinuation { continuation in
          writeBlock = continuation
          if closeReason != nil || !machine.outbox.isEmpty { unblockWriter() }
        }
        continue
      }
      do throws(SocketError) {
        try await socket.descriptor.wait(for: .writing)
        flushNow()
      } catch {
        end(error == .closed || error == .reset ? .closed : .socket(error))
      }
    }
  }

  func unblockWriter() {
    guard let writeBlock else { return }
    self.writeBlock = nil
    writeBlock.resume()
  }

  private func wakeBlockedWriters() {
    guard !blockedWriters.isEmpty else { return }
    let blocked = blockedWriters
    blockedWriters.removeAll(keepingCapacity: true)
    for stream in blocked { wakeWriter(stream) }
  }
}
