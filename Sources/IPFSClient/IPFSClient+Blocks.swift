public import ContentStore
internal import Primitives
internal import Telemetry

extension IPFSClient {
  /// Returns a block after checking it against its CID: from the cache, or from the nodes in their
  /// order, a second one when the first is slow, all again after a wait where there is a budget.
  public func block(_ cid: CID) async throws(IPFSClientError) -> ContentBlock {
    try await timed(.block, { UInt64($0.bytes.count) }) { try await self.verifiedBlock(cid) }
  }

  /// The block, which is fetched once for all who ask at the same time.
  func verifiedBlock(_ cid: CID) async throws -> ContentBlock {
    if let inline = cid.inlineBlock { return try ContentBlock(verifying: inline, as: cid) }
    if let block = cache.block(cid) {
      metrics.cacheHits.increment()
      return block
    }
    metrics.cacheMisses.increment()
    let now = clock.now()
    if missing.withLock({ $0.value(for: cid.text, at: now) }) == true {
      throw IPFSClientError.notFound(cid)
    }
    return try await flights.run(cid) { try await self.fetch(cid) }
  }

  /// The block if no network is needed for it.
  func nearBlock(_ cid: CID) async -> ContentBlock? {
    if let block = cache.block(cid) { return block }
    guard let node = order(for: .read).first, kind(of: node) == .embedded else { return nil }
    switch await turn(node, cid) {
    case .found(let block): return block
    case .failed, .late: return nil
    }
  }

  private func fetch(_ cid: CID) async throws -> ContentBlock {
    let block = try await repeated(.read, about: cid) { try await self.askInOrder(cid, $0) }
    cache.insert(block)
    metrics.setCacheBytes(cache.byteCount)
    return block
  }

  /// Makes passes over the nodes until one succeeds, all say that they do not have it, or there is
  /// nothing left to repeat.
  func repeated<Result: Sendable>(
    _ operation: OperationClass, about cid: CID,
    _ pass: @Sendable ([Int]) async throws -> PassOutcome<Result>
  ) async throws -> Result {
    guard hasNode(for: operation) else { throw IPFSClientError.noNode(operation) }
    noteRequest()
    var index = 0
    while true {
      let outcome = try await pass(order(for: operation))
      try Task.checkCancellation()
      switch outcome {
      case .found(let result): return result
      case .failed(let failures):
        if !failures.isEmpty, failures.allSatisfy({ $0.fault == .missing }) {
          noteMissing(cid, operation)
          throw IPFSClientError.notFound(cid)
        }
        guard let wait = repetition(index, of: operation) else {
          throw IPFSClientError.allNodesFailed(failures)
        }
        try await clock.sleep(wait)
        index += 1
      }
    }
  }

  private func noteMissing(_ cid: CID, _ operation: OperationClass) {
    guard operation == .read else { return }
    let until = clock.now().advanced(by: IPFSClientLimits.missingFor)
    missing.withLock { $0.set(true, for: cid.text, until: until) }
  }

  // MARK: One pass

  private enum Turn: Sendable {
    case found(ContentBlock)
    case failed(NodeFailure)
    case late(after: Int)
  }

  /// Asks the nodes one after the other, two at a time once the first is late.
  private func askInOrder(
    _ cid: CID, _ nodes: [Int]
  ) async throws -> PassOutcome<ContentBlock> {
    var waiting = nodes[...]
    return await withTaskGroup(of: Turn.self) { group in
      var (failures, running, started): ([NodeFailure], Int, Int) = ([], 0, 0)
      func start() {
        guard let node = waiting.popFirst() else { return }
        running += 1
        started += 1
        let number = started
        group.addTask { await self.turn(node, cid) }
        guard running == 1, !waiting.isEmpty else { return }
        let delay = hedgeDelay(of: node)
        group.addTask {
          try? await self.clock.sleep(delay)
          return .late(after: number)
        }
      }
      start()
      while running > 0, let turn = await group.next() {
        switch turn {
        case .found(let block):
          group.cancelAll()
          return .found(block)
        case .failed(let failure):
          failures.append(failure)
          running -= 1
          if running == 0 { start() }
        case .late(let number) where number == started && running == 1 && !Task.isCancelled:
          guard !waiting.isEmpty else { break }
          metrics.hedges.increment()
          start()
        case .late: break
        }
      }
      group.cancelAll()
      return .failed(failures)
    }
  }

  private func turn(_ node: Int, _ cid: CID) async -> Turn {
    do {
      let block = try await ask(node, .read) { connection in
        let bytes = try await connection.block(cid)
        do throws(ContentError) { return try ContentBlock(verifying: bytes, as: cid) } catch {
          throw NodeFault.lied(error)
        }
      }
      return .found(block)
    } catch {
      let fault = error as? NodeFault ?? .broken("\(error)")
      return .failed(NodeFailure(node: name(of: node), fault: fault))
    }
  }
}

/// How one pass over the nodes ended.
enum PassOutcome<Result: Sendable>: Sendable {
  case found(Result)
  case failed([NodeFailure])
}

// MARK: - Streams

extension IPFSClient {
  /// The best node for a stream of blocks that was not tried yet.
  func streamNode(except tried: Set<Int>) -> Int? {
    order(for: .stream).first { !tried.contains($0) }
  }

  /// Hands an archive of one node to `sink`. A node that fails is noted and not thrown; what is
  /// thrown would be so with every node.
  func stream(
    _ root: CID, from offset: UInt64, node: Int,
    into sink: @escaping @Sendable (Bytes) throws -> Void, isWhole: @Sendable () -> Bool
  ) async throws {
    do {
      try await ask(node, .stream) { connection in
        do { try await connection.archive(root, from: offset, into: sink) } catch {
          try Self.judge(error)
        }
        guard isWhole() else { throw NodeFault.broken("the archive ended before the file") }
      }
    } catch let fault as NodeFault {
      if fault == .cancelled { try Task.checkCancellation() }
    }
  }

  /// Tells a node's lie about blocks from content that is bad wherever it comes from.
  private static func judge(_ error: any Error) throws {
    guard let end = error as? StreamEnd else { throw error }
    switch end {
    case .whole: return
    case .bad(let error):
      switch error {
      case .malformedCID, .unsupportedMultibase, .unsupportedVersion, .unsupportedCodec,
        .unsupportedHash, .digestMismatch, .malformedArchive, .missingBlock:
        throw NodeFault.lied(error)
      case .malformedBlock, .notAFile, .notADirectory, .noSuchEntry, .unsafeName, .duplicateName,
        .malformedPath, .rangeOutside, .sizeMismatch, .tooDeep, .tooLarge, .unsupportedLayout,
        .noKey, .brokenSeal:
        throw IPFSClientError.content(error)
      }
    }
  }
}
