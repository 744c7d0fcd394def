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
    guard closeReason == nil, hasOutput else { return }
    guard writingPause() == nil else { return unblockWriter() }
    do throws(SocketError) {
      count(sent: try writeOutput())
      if hasOutput { unblockWriter() } else { wakeBlockedWriters() }
    } catch {
      end(error == .reset ? .closed : .socket(error))
    }
  }

  /// Whether bytes wait for the socket.
  private var hasOutput: Bool { !machine.outbox.isEmpty || privacy?.outbox.isEmpty == false }

  /// Writes what the socket takes.
  private func writeOutput() throws(SocketError) -> Int {
    guard privacy != nil else {
      let outcome = machine.outbox.read { waiting in
        Result { () throws(SocketError) in try socket.writeNow(waiting) }
      }
      let count = try outcome.get()
      machine.outbox.consume(count)
      return count
    }
    // One outbox at a time is encrypted once more, so that writers still feel a slow socket.
    if privacy?.outbox.isEmpty == true {
      machine.outbox.read { privacy?.seal($0) }
      machine.outbox.consume(machine.outbox.count)
    }
    let outcome = privacy?.outbox.read { waiting in
      Result { () throws(SocketError) in try socket.writeNow(waiting) }
    }
    let count = try outcome?.get() ?? 0
    privacy?.outbox.consume(count)
    return count
  }

  /// Waits for the socket whenever it took less than we had.
  func write() async {
    while closeReason == nil {
      if !hasOutput {
        await withUnsafeContinuation { continuation in
          writeBlock = continuation
          if closeReason != nil || hasOutput { unblockWriter() }
        }
        continue
      }
      if let pause = writingPause() {
        guard (try? await loop.sleep(for: pause)) != nil else { return }
        flushNow()
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
