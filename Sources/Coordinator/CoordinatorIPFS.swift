internal import ContentStore
internal import IPFSClient
internal import Networking
internal import Persistence
internal import Primitives
internal import Telemetry

/// The coordinator's own store and the IPFS nodes of its configuration, as one.
struct CoordinatorIPFS: Sendable {
  /// Blocks of one download that are fetched side by side, each of at most 2 MiB.
  private static let blocksAhead = 4

  let client: IPFSClient
  /// The client's figures and those of content.
  let registry = MetricsRegistry()
  let uploadedBytes: Counter
  let downloadedBytes: Counter
  let store: BlockStore
  let records = ProvenanceRecords()

  init(_ configuration: IPFSClientConfiguration, store: BlockStore) {
    self.store = store
    client = IPFSClient(
      configuration, embedded: OwnContentNode(store: store), metrics: registry)
    uploadedBytes = registry.counter(
      "martlet_content_uploaded_bytes_total", help: "Bytes of files that clients sent.")
    downloadedBytes = registry.counter(
      "martlet_content_downloaded_bytes_total", help: "Bytes of files that clients were sent.")
  }

  // MARK: Reading

  /// The next piece of a file, from whichever node has it; nil at its end.
  func next(of walk: inout UnixFSWalk) async throws -> Bytes? {
    while walk.wanted != nil {
      let bytes = try await supply(walk.upcoming(Self.blocksAhead), to: &walk)
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  private func supply(_ cids: [CID], to walk: inout UnixFSWalk) async throws -> Bytes {
    let blocks = try await withThrowingTaskGroup(of: ContentBlock.self) { group in
      for cid in Set(cids) { group.addTask { try await block(cid) } }
      return try await group.reduce(into: [CID: ContentBlock]()) { $0[$1.cid] = $1 }
    }
    var bytes = Bytes()
    for cid in cids {
      // Inner nodes put their children first, which were not known when this began.
      guard cid == walk.wanted, let block = blocks[cid] else { break }
      bytes += try walk.supply(block)
    }
    return bytes
  }

  private func block(_ cid: CID) async throws -> ContentBlock {
    do throws(IPFSClientError) {
      return try await client.block(cid)
    } catch {
      // The client remembers for a while that nobody had it; it may have come here since.
      guard case .notFound = error, let digest = cid.digest,
        let bytes = try? await store.read(digest)
      else { throw error }
      return try ContentBlock(verifying: bytes, as: cid)
    }
  }

  // MARK: Figures

  /// How the nodes do, those that were never heard of asked at once. Where nodes are configured,
  /// they are what is meant; else it is the coordinator's own store.
  func health() async -> HealthReport {
    let known = client.nodeStatus()
    let isNews = known.contains { $0.latencySeconds == nil && $0.fault == nil }
    let nodes = isNews ? await client.healthCheck().nodes : known
    let others = nodes.filter { $0.kind != .embedded }
    return HealthReport(nodes: others.isEmpty ? nodes : others)
  }

  /// What the store holds, read on a thread that may wait for the disk.
  func storeStatus(on disk: ComputePool) async throws -> BlockStoreStatus {
    let store = store
    return try await disk.run { try store.status() }
  }

  /// Sets the gauges of the store; they keep their values where it cannot be read now.
  func noteStore(on disk: ComputePool) async {
    guard let status = try? await storeStatus(on: disk) else { return }
    let gauges: [(name: String, help: String, value: Double)] = [
      ("blocks", "Blocks in the store.", Double(status.blockCount)),
      ("unpinned_blocks", "Blocks that no pin holds.", Double(status.unreferencedCount)),
      ("bytes", "Bytes of the store's blocks on the disk.", Double(status.liveByteCount)),
      ("segment_bytes", "Bytes of the store's segment files.", Double(status.segmentByteCount)),
      ("pins", "Pins of the store.", Double(status.pinCount)),
      (
        "damaged_blocks", "Blocks that readers found damaged since the start.",
        Double(store.damagedBlockCount)
      ),
    ]
    for gauge in gauges {
      registry.gauge("martlet_content_\(gauge.name)", help: gauge.help).set(gauge.value)
    }
  }
}
