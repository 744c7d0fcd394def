internal import Consensus
internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Persistence
internal import Primitives
internal import UsefulWork

/// Finished work: a message with record and commitment, and the trained parameters as a body.
extension CoordinatorServer {
  /// Checks all that a message can show before it reads the body, checks the body, stores
  /// everything, and only then acknowledges.
  func acceptWork(_ call: RPCCall) async throws {
    let submission = try WorkSubmission(decoding: call.request.body)
    let checked = try check(submission, from: call.peer)
    let name = OrderName(session: submission.session, assignment: submission.assignment)
    guard submissionsUnderWay.insert(name).inserted else {
      throw RPCError(code: "busy", message: "this work is being handed in already")
    }
    defer { submissionsUnderWay.remove(name) }
    // The architecture's size, not the peer's word, says how much memory its update gets.
    let size = checked.architecture.parameterCount * MemoryLayout<Float>.size
    await updateMemory.take(size)
    defer { updateMemory.give(size) }
    let parameters = try await update(of: call, size: size, as: submission)
    try await requireDigest(checked.update, of: parameters, for: checked.architecture)
    let update = Update(
      assignment: submission.assignment, parameters: checked.update,
      workRoot: checked.workRoot)
    let files = try await storeWork([parameters, submission.record])
    let stored = StoredSubmission(
      update: update, parameters: files[0], record: files[1],
      commitment: submission.commitment)
    guard isInTraining(submission.assignment, of: submission.session) else {
      throw RPCError.notAssigned
    }
    try requireNextNonce(checked.commitment)
    guard pending.add(checked.commitment, isHeld: true) else { throw RPCError.busy }
    try await applyDurably(
      .updateReceived(update, now: loop.now), to: submission.session,
      with: [.submission(session: submission.session, stored)])
  }

  /// What a submission's message shows by itself.
  private struct CheckedSubmission {
    let architecture: ModelArchitecture
    /// The digest that the update must have.
    let update: Digest
    let workRoot: Digest
    let commitment: Transaction
  }

  private func check(
    _ submission: WorkSubmission, from peer: PeerID
  ) throws -> CheckedSubmission {
    guard submission.assignment.worker == peer,
      isInTraining(submission.assignment, of: submission.session),
      let session = sessions[submission.session], let base = session.machine.round?.base
    else { throw RPCError.notAssigned }
    let record = try WorkRecord(decoding: submission.record)
    let transaction = try Transaction(decoding: submission.commitment)
    // Whether the record ends in the signed update is for the validator to find, and to prove.
    guard case .commitWork(let signed) = transaction.body else { throw RPCError.wrongCommitment }
    let expected = TransactionBody.commitWork(
      WorkCommitment(
        slot: session.ledger.slot(of: submission.assignment),
        attempt: UInt32(submission.assignment.attempt), baseModel: base,
        update: signed.update, workRoot: record.workRoot,
        segmentCount: UInt32(record.segmentRoots.count)))
    guard transaction.sender.peerID == peer, transaction.body == expected else {
      throw RPCError.wrongCommitment
    }
    do {
      try chain.state.validate(transaction)
    } catch  where error.mayPassLater {
      // Earlier transactions of the worker are still under way.
    }
    return CheckedSubmission(
      architecture: session.specification.architecture, update: signed.update,
      workRoot: record.workRoot, commitment: transaction)
  }

  /// Reads exactly `size` bytes, as long as the work is still this worker's.
  private func update(
    of call: RPCCall, size: Int, as submission: WorkSubmission
  ) async throws -> Bytes {
    var bytes = Bytes()
    bytes.reserveCapacity(size)
    while let chunk = try await call.nextChunk() {
      guard bytes.count + chunk.count <= size else {
        throw RPCError.wrongSize("more than \(size)", expected: size)
      }
      guard isInTraining(submission.assignment, of: submission.session) else {
        throw RPCError.notAssigned
      }
      bytes += chunk
    }
    guard bytes.count == size else { throw RPCError.wrongSize("\(bytes.count)", expected: size) }
    return bytes
  }

  private func requireDigest(
    _ digest: Digest, of bytes: Bytes, for architecture: ModelArchitecture
  ) async throws {
    let found = try await compute.run(
      ifMoreThan: CoordinatorContent.hashedInPlaceBytesMax, bytes.count
    ) { try ParameterBuffer(decoding: bytes, for: architecture).digest }
    guard found == digest else { throw RPCError.wrongCommitment }
  }

  /// Without room for the work that comes in, no session can go on: better to stop and say so.
  private func storeWork(_ files: [Bytes]) async throws -> [CID] {
    do {
      return try await content.add(files)
    } catch let error as BlockStoreError {
      switch error {
      case .busy: throw RPCError.busy
      case .locked, .diskFull, .permissionDenied, .system, .index, .closed: failure = error
      case .unsupportedFormat, .notAFile, .notFound, .corrupt, .digestMismatch, .blockTooLarge,
        .inUse, .notReferenced, .notPinned, .pinnedRecursively, .pinNameTooLong, .pinTooLarge,
        .collectionRunning, .treeTooLarge, .exists:
        break
      }
      throw error
    }
  }

  func isInTraining(_ assignment: Assignment, of id: Digest) -> Bool {
    guard let round = sessions[id]?.machine.round, round.number == assignment.round,
      round.clients.indices.contains(assignment.client),
      case .training(assignment, _) = round.clients[assignment.client]
    else { return false }
    return true
  }
}

extension RPCError {
  fileprivate static let wrongCommitment = RPCError(
    code: "wrong_commitment", message: "the signed commitment is not of this work")

  fileprivate static func wrongSize(_ found: String, expected: Int) -> RPCError {
    RPCError(
      code: "wrong_size",
      message: "the update has \(found) bytes, the session's model has \(expected)")
  }
}
