internal import ContentStore
package import Cryptography
package import Networking
package import NeuralNetworks
package import Orchestration
internal import Primitives

/// What a node needs to train, replay or score: fetched once, checked against its name, kept in
/// bounded memory.
package actor SessionMaterials {
  /// Hashed and decoded where it is: a tenth of a millisecond, less than two changes of threads.
  static let hashedInPlaceBytesMax = 128 << 10

  private enum Limits {
    /// Sessions whose specification is kept; the oldest goes first.
    static let specificationsMax = 16
    /// Shards in memory: a validator of a session with as many clients keeps them all.
    static let datasetsMax = 64
    /// Models in memory: the base of the running round and some before.
    static let modelsMax = 4
    /// What they take together; the newest one stays whatever it takes.
    static let modelBytesMax = 256 << 20
    /// One data set or model on the way: as large as an upload may be.
    static let contentBytesMax = 1 << 30
  }

  nonisolated let link: CoordinatorLink
  nonisolated package var unownedExecutor: UnownedSerialExecutor { link.unownedExecutor }
  private var specifications = RecentValues<SessionSpecification>(max: Limits.specificationsMax)
  private var datasets = RecentValues<Dataset>(max: Limits.datasetsMax)
  private var models = RecentValues<ParameterBuffer>(max: Limits.modelsMax)
  private let compute: ComputePool

  /// Nothing fetched yet; `compute` hashes and decodes.
  package init(link: CoordinatorLink, compute: ComputePool) {
    self.link = link
    self.compute = compute
  }

  /// The specification stored at `reference`, whose digest names the session.
  package func specification(_ reference: ContentReference) async throws -> SessionSpecification {
    if let known = specifications[reference.digest] { return known }
    let bytes = try await content(reference.cid)
    let specification = try SessionSpecification(decoding: bytes)
    guard specification.digest == reference.digest else {
      throw NodeError.wrongContent("the specification has another digest")
    }
    specifications[reference.digest] = specification
    return specification
  }

  /// The data set stored at `reference`.
  package func dataset(_ reference: ContentReference) async throws -> Dataset {
    if let known = datasets[reference.digest] { return known }
    let bytes = try await content(reference.cid)
    let dataset = try await compute.run { try Dataset(decoding: bytes) }
    guard dataset.digest == reference.digest else {
      throw NodeError.wrongContent("the data set has another digest")
    }
    datasets[reference.digest] = dataset
    return dataset
  }

  /// The model whose `ParameterBuffer.digest` is `digest`.
  package func model(
    _ digest: Digest, architecture: ModelArchitecture
  ) async throws -> ParameterBuffer {
    if let known = models[digest] { return known }
    let size = architecture.parameterCount * MemoryLayout<Float>.size
    let bytes = try await link.download(RPCMethod.model, digest.encoded(), max: size)
    let model = try await compute.run(ifMoreThan: Self.hashedInPlaceBytesMax, size) {
      let model = try ParameterBuffer(decoding: bytes, for: architecture)
      guard model.digest == digest else {
        throw NodeError.wrongContent("the model has another digest")
      }
      return model
    }
    models.max = min(Limits.modelsMax, max(1, Limits.modelBytesMax / max(1, size)))
    models[digest] = model
    return model
  }

  private func content(_ cid: CID) async throws -> Bytes {
    let bytes = try await link.download(
      RPCMethod.content, ContentLink(cid).encoded(), max: Limits.contentBytesMax)
    let root = try await compute.run {
      var builder = UnixFSBuilder()
      var blocks: [ContentBlock] = []
      builder.append(bytes, into: &blocks)
      return builder.finish(into: &blocks).cid
    }
    guard root == cid else { throw NodeError.wrongContent("the content has another CID") }
    return bytes
  }
}

/// A small cache that forgets the value that was stored first.
private struct RecentValues<Value: Sendable>: Sendable {
  var max: Int
  private var values: [Digest: Value] = [:]
  private var order: [Digest] = []

  init(max: Int) { self.max = max }

  subscript(key: Digest) -> Value? {
    get { values[key] }
    set {
      guard let newValue, values.updateValue(newValue, forKey: key) == nil else { return }
      order.append(key)
      while order.count > max { values[order.removeFirst()] = nil }
    }
  }
}
