internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Primitives

/// The mean of a round.
extension CoordinatorServer {
  /// An update that enters a mean.
  struct StoredTerm: Sendable {
    let client: Int
    let examples: Int
    let parameters: CID
  }

  func aggregate(_ terms: [AcceptedUpdate], round: Int, of id: Digest) async {
    for attempt in 1...Limits.aggregateTriesMax {
      do {
        return try await aggregateOnce(terms, round: round, of: id)
      } catch {
        if Task.isCancelled { return }
        // The round cannot go on without its mean, and this disk or memory cannot give it.
        if attempt == Limits.aggregateTriesMax { failure = error }
        try? await loop.sleep(for: Limits.aggregatePause)
      }
    }
  }

  private func aggregateOnce(
    _ terms: [AcceptedUpdate], round: Int, of id: Digest
  ) async throws {
    guard let session = sessions[id] else { return }
    var stored: [StoredTerm] = []
    for term in terms {
      guard let submission = session.submission(of: term, round: round) else { return }
      stored.append(
        StoredTerm(
          client: term.client, examples: Int(term.examples), parameters: submission.parameters))
    }
    let mean = try await mean(of: stored, for: session.specification.architecture)
    let cid = try await content.add(mean.bytes)
    remember(mean.bytes, as: mean.digest)
    apply(
      .aggregated(round: round, model: mean.digest), to: id,
      with: [.model(session: id, digest: mean.digest, cid: cid)])
  }

  /// The mean of stored updates, piece by piece: each number of it depends on the same number of
  /// each update alone, so the bits are those of the whole and only the mean is in memory.
  func mean(
    of terms: [StoredTerm], for architecture: ModelArchitecture
  ) async throws -> (bytes: Bytes, digest: Digest) {
    var files = terms.map { ContentPieces(of: $0.parameters, in: content) }
    var mean = Bytes()
    while true {
      var pieces: [ClientUpdate] = []
      for (index, term) in terms.enumerated() {
        guard let piece = try await files[index].next() else { continue }
        pieces.append(
          ClientUpdate(
            client: term.client, examples: term.examples,
            parameters: try ParameterBuffer(
              decoding: piece, count: piece.count / MemoryLayout<Float>.size,
              what: "an update's piece")))
      }
      // A file that ends before the others leaves the mean short, which is refused below.
      guard !pieces.isEmpty, pieces.count == terms.count else { break }
      mean += try await compute.run { [pieces] in try weightedMean(pieces).bytes }
    }
    let bytes = mean
    let digest = try await compute.run(
      ifMoreThan: CoordinatorContent.hashedInPlaceBytesMax, bytes.count
    ) { try ParameterBuffer(decoding: bytes, for: architecture).digest }
    return (bytes, digest)
  }
}
