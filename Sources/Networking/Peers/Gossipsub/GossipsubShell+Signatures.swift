import Peering
import Primitives

/// Signatures cost more than a loop may spend, so they are checked on a pool: in order of arrival,
/// a few at a time, and answered by the message's id. What waits is bounded by the router, which
/// takes no more messages of a peer, or of all, than may be validated at once.
extension GossipsubShell {
  /// Messages of one turn on the pool: about a millisecond of a core, after which a sender of
  /// forgeries is known.
  private static let batchMax = 16
  /// When the pool is full, the next try.
  private static let patience: Duration = .milliseconds(50)

  /// Where all routers of a process check signatures unless told otherwise.
  package static let signaturePool = ComputePool(
    named: "signatures", threads: 1, queueMax: GossipsubLimits.validationsMax)

  func enqueue(_ check: Check) {
    guard checks.count < GossipsubLimits.validationsMax else {
      return handle(.validated(check.id, .ignore, of: check.message))
    }
    checks.append(check)
    guard !isChecking else { return }
    isChecking = host.assumeIsolated { host in host.begin { await self.checkSignatures() } }
  }

  private func checkSignatures() async {
    while !checks.isEmpty, !Task.isCancelled {
      let batch = Array(checks.prefix(Self.batchMax))
      // Who is no longer heard may have sent true words; somebody else is asked for them.
      let work = batch.map { ($0.message, session.listens(to: $0.peer, now: loop.now)) }
      do {
        let verdicts = try await signatures.run {
          work.map { message, isHeard in isHeard && GossipSignature.verify(message) }
        }
        checks.removeFirst(batch.count)
        for (check, isGenuine) in zip(batch, verdicts) { answer(check, isGenuine: isGenuine) }
      } catch {
        try? await loop.sleep(for: Self.patience)
      }
    }
    isChecking = false
  }
}

// MARK: - Why

extension GossipsubShell {
  /// What `martlet p2p why` says of a peer.
  func explanation(of handle: PeerHandle) -> JSONValue? {
    guard let known = peers[handle], let standing = session.standing(of: handle, now: loop.now)
    else { return nil }
    let parts = standing.score.named.filter { $0.points != 0 }
    let refusals = known.refusals.sorted { $0.key.rawValue < $1.key.rawValue }
    return [
      "score": .number(standing.score.total), "rights": .string(standing.rights.rawValue),
      "rights_text": .string(standing.rights.sentence),
      "parts": .array(
        parts.map {
          [
            "part": .string($0.part), "meaning": .string($0.meaning),
            "points": .number($0.points),
          ]
        }),
      "mesh_topics": .array(standing.meshTopics.map { .string($0) }),
      "queued_bytes": .integer(Int64(known.queuedBytes)),
      "dropped_bytes": .integer(Int64(known.droppedBytes)),
      "refusals": .array(
        refusals.map { ["name": .string($0.key.rawValue), "count": .integer(Int64($0.value))] }),
    ]
  }
}
