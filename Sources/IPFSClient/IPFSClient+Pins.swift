public import ContentStore
internal import Primitives
internal import Telemetry

extension IPFSClient {
  /// Asks the first node that can to pin what is below a CID. Where none can now, the pin is kept
  /// and set when one comes back; the result's error is then `pinQueued`.
  public func pin(_ cid: CID, name: String = "") async -> IPFSResult {
    let started = clock.now()
    var metadata = IPFSMetadata()
    var failure: IPFSClientError?
    do {
      metadata.nodes = [try await gate.run { try await self.setPin(cid, name: name) }]
      metadata.isPinned = true
      pins.withLock { $0.remove(cid) }
    } catch {
      failure = keep(cid, name, Self.clientError(error))
    }
    return finish(.pin, started, cid: cid, size: 0, metadata, failure)
  }

  /// Keeps a pin that failed because of the nodes, and says so.
  private func keep(_ cid: CID, _ name: String, _ error: IPFSClientError) -> IPFSClientError {
    guard case .allNodesFailed = error else { return error }
    let (isKept, count) = pins.withLock { ($0.add(cid, name: name), $0.entries.count) }
    metrics.setPinsQueued(count)
    return isKept ? .pinQueued(cid) : .pinQueueFull(max: PinQueue.entriesMax)
  }

  /// Removes a pin from every node that has it; one that only waits is forgotten.
  public func unpin(_ cid: CID) async -> IPFSResult {
    let started = clock.now()
    var metadata = IPFSMetadata()
    let wasQueued = pins.withLock { pins in
      defer { pins.remove(cid) }
      return pins.entries.contains { $0.cid == cid }
    }
    var failures: [NodeFailure] = []
    for node in order(for: .pin) {
      do {
        try await ask(node, .pin) { try await $0.unpin(cid) }
        metadata.nodes.append(name(of: node))
      } catch {
        let fault = error as? NodeFault ?? .broken("\(error)")
        failures.append(NodeFailure(node: name(of: node), fault: fault))
      }
    }
    var failure: IPFSClientError?
    if metadata.nodes.isEmpty, !wasQueued {
      let isNowhere = !failures.isEmpty && failures.allSatisfy { $0.fault == .missing }
      failure = isNowhere ? .notFound(cid) : .allNodesFailed(failures)
    }
    return finish(.unpin, started, cid: cid, size: 0, metadata, failure)
  }

  /// The pins that wait for a node.
  public var queuedPins: [PinQueue.Entry] { pins.withLock { $0.entries } }

  /// Sets the pins that wait, the oldest first, until a node fails again; returns how many.
  public func retryQueuedPins() async -> Int {
    var set = 0
    for entry in queuedPins {
      let outcome = try? await pinOnce(order(for: .pin), entry.cid, entry.name)
      guard case .found? = outcome else { break }
      pins.withLock { $0.remove(entry.cid) }
      set += 1
    }
    metrics.setPinsQueued(queuedPins.count)
    return set
  }

  private func setPin(_ cid: CID, name: String) async throws -> String {
    try await repeated(.pin, about: cid) { try await self.pinOnce($0, cid, name) }
  }

  private func pinOnce(
    _ nodes: [Int], _ cid: CID, _ name: String
  ) async throws -> PassOutcome<String> {
    var failures: [NodeFailure] = []
    for node in nodes {
      do {
        try await ask(node, .pin) { try await $0.pin(cid, name: name) }
        return .found(self.name(of: node))
      } catch let fault as NodeFault {
        failures.append(NodeFailure(node: self.name(of: node), fault: fault))
      }
    }
    return .failed(failures)
  }
}
