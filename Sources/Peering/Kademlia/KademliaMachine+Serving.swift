import Primitives

extension KademliaMachine {
  /// Answers a peer, or says why not.
  mutating func serve(
    _ request: KademliaRequest, from peer: PeerHandle, admission: KademliaAdmission,
    call: UInt32, now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    do throws(KademliaRefusal) {
      let answer = try response(
        to: request, from: peer, admission: admission, now: now, directory: directory)
      guard request.hasAnswer else { return }
      effects.append(.reply(answer, to: peer, call: call))
    } catch {
      effects.append(.refuse(error, to: peer, call: call))
    }
  }

  private mutating func response(
    to request: KademliaRequest, from peer: PeerHandle, admission: KademliaAdmission, now: Tick,
    directory: some PeerDirectory
  ) throws(KademliaRefusal) -> KademliaResponse {
    guard settings.serves else { throw .notServing }
    if let bytes = request.key?.bytes.count, bytes > KademliaLimits.keyBytesMax {
      throw .keyTooLong(bytes: bytes, limit: KademliaLimits.keyBytesMax)
    }
    func closer(_ key: KademliaKey) -> [PeerHandle] {
      table.closest(to: key.point, excluding: peer, directory: directory)
    }
    switch request {
    case .findNode(let key):
      return KademliaResponse(closer: closer(key))
    case .getProviders(let key):
      return KademliaResponse(
        closer: closer(key), providers: providerStore.providers(of: key.point, at: now))
    case .addProvider(let key, let provider):
      guard provider == peer else { throw .providerIsNotSender }
      try checkPlace(of: key, admission: admission, directory: directory)
      try providerStore.add(peer, admission: admission, to: key.point, at: now)
      return KademliaResponse()
    case .getValue(let key):
      let held = valueStore.value(of: key.point, at: now)
      return KademliaResponse(closer: closer(key), record: held?.record)
    case .putValue(let record):
      let sequence = try Self.sequence(of: record)
      try checkPlace(of: record.key, admission: admission, directory: directory)
      try valueStore.put(record, sequence: sequence, from: peer, at: now)
      return KademliaResponse(record: record)
    case .ping:
      return KademliaResponse()
    }
  }

  private static func sequence(of record: KademliaRecord) throws(KademliaRefusal) -> UInt64 {
    do {
      return try RecordValidator.sequence(of: record)
    } catch {
      throw .invalidRecord(error)
    }
  }

  /// Ids that cost nothing may store only where a lookup would look, so that spam has to be spread
  /// over the whole network to fill any one node.
  private func checkPlace(
    of key: KademliaKey, admission: KademliaAdmission, directory: some PeerDirectory
  ) throws(KademliaRefusal) {
    guard settings.usesRegions, admission == .none else { return }
    let region = KademliaRegion(
      center: key.point, networkPeers: networkPeers(directory: directory))
    if region.isFar(self.key.point) { throw .outsideRegion }
  }
}
