internal import ContentStore
internal import Networking
internal import Primitives
internal import Telemetry

/// One file on its way from the nodes to an output. Its `run` is called once.
struct FileDownload: Sendable {
  let client: IPFSClient
  let root: CID
  let output: any ContentOutput
  let byteCountMax: UInt64
  /// Called with the bytes that are there and the bytes of the file, at most once a block.
  let progress: DownloadProgress?

  private var limits: UnixFSWalkLimits { UnixFSWalkLimits(fileByteCountMax: byteCountMax) }

  /// Writes the whole file and returns its size and where it came from.
  func run() async throws -> (size: UInt64, nodes: [String]) {
    var walk = UnixFSWalk(root: root, limits: limits)
    // The root says how large the file is, before anything is decided.
    try await supply(walk.wanted.map { [$0] } ?? [], to: &walk)
    try await checkEarlier(&walk)
    try output.keep(to: walk.bytesGiven)
    let size = walk.fileSize ?? 0
    try await takeNear(&walk)
    var nodes: [String] = []
    var tried: Set<Int> = []
    var offset = walk.bytesGiven
    var base: UInt64 = 0
    while size - offset >= IPFSClientLimits.streamBytesMin,
      let node = client.streamNode(except: tried)
    {
      tried.insert(node)
      let before = offset
      offset = try await stream(from: node, at: offset, size: size)
      if offset > before { nodes.append(client.name(of: node)) }
      if offset == size { return (size, nodes) }
      guard offset > before else { continue }
      // From here on no block before the offset is wanted any more.
      walk = UnixFSWalk(
        root: root, limits: limits, bytes: EntityBytes(first: Int64(clamping: offset), last: nil))
      base = offset
    }
    while walk.wanted != nil {
      try await supply(walk.upcoming(IPFSClientLimits.blocksAhead), to: &walk, from: base)
    }
    return (size, nodes)
  }

  // MARK: Block by block

  /// Fetches blocks side by side, and supplies those that are wanted in their order.
  private func supply(
    _ cids: [CID], to walk: inout UnixFSWalk, from base: UInt64 = 0
  ) async throws {
    let client = client
    let blocks = try await withThrowingTaskGroup(of: ContentBlock.self) { group in
      for cid in Set(cids) {
        group.addTask { try await client.verifiedBlock(cid) }
      }
      return try await group.reduce(into: [CID: ContentBlock]()) { $0[$1.cid] = $1 }
    }
    for cid in cids {
      // Inner nodes put their children first, which were not known when this began.
      guard cid == walk.wanted, let block = blocks[cid] else { return }
      try write(walk.supply(block), of: walk, from: base)
    }
  }

  /// Goes on as long as the cache or the embedded node has what is wanted.
  private func takeNear(_ walk: inout UnixFSWalk) async throws {
    while let cid = walk.wanted, let block = await client.nearBlock(cid) {
      try write(walk.supply(block), of: walk, from: 0)
    }
  }

  /// `base` is where the walk began in the file.
  private func write(_ bytes: Bytes, of walk: UnixFSWalk, from base: UInt64) throws {
    guard !bytes.isEmpty else { return }
    try output.write(bytes)
    if let size = walk.fileSize { progress?(base + walk.bytesGiven, size) }
  }

  // MARK: What an earlier download left behind

  /// Takes leaves from the output as long as they are what the tree says; inner nodes are fetched.
  private func checkEarlier(_ walk: inout UnixFSWalk) async throws {
    while let cid = walk.wanted {
      if let size = walk.wantedSize, size > 0, size <= UInt64(BlockLimits.byteCountMax),
        let bytes = try output.earlierBytes(at: walk.bytesGiven, count: Int(size)),
        let leaf = Self.leaf(bytes, named: cid)
      {
        _ = try walk.supply(leaf)
      } else if cid.codec == .dagPB, let size = walk.wantedSize,
        size > UInt64(UnixFSProfile.v0In2015.layout.chunkByteCount),
        try output.earlierBytes(at: walk.bytesGiven, count: 1) != nil
      {
        let offset = walk.bytesGiven
        let bytes = try walk.supply(try await client.verifiedBlock(cid))
        guard bytes.isEmpty else {
          // A leaf of another layout: what the output has of it was not compared.
          try output.keep(to: offset)
          try output.write(bytes)
          return
        }
      } else {
        return
      }
    }
  }

  /// The leaf that holds these bytes, if the CID is one of the two usual ones for it.
  private static func leaf(_ bytes: Bytes, named cid: CID) -> ContentBlock? {
    if cid.codec == .raw { return try? ContentBlock(verifying: bytes, as: cid) }
    let block = UnixFSProfile.v0In2015.layout.leaf(bytes).block
    return try? ContentBlock(verifying: block.bytes, as: cid)
  }

  // MARK: As a stream

  /// Takes what one node's archive gives; returns where the file now ends. Only faults of this
  /// machine are thrown: another node may do better.
  private func stream(from node: Int, at offset: UInt64, size: UInt64) async throws -> UInt64 {
    var allowance = ArchiveAllowance()
    // Kubo's RPC knows no ranges and sends the beginning again.
    if client.kind(of: node) == .rpc { allowance.admit(resentBytes: offset) }
    let state = Lock(
      Streaming(
        file: ArchivedFile(root: root, from: offset, limits: limits, allowance: allowance),
        offset: offset))
    let sink: @Sendable (Bytes) throws -> Void = { [self] bytes in
      let pieces = try state.withLock { state throws(StreamEnd) in try state.take(bytes) }
      for block in pieces.blocks { client.cache.insert(block) }
      for piece in pieces.content { try output.write(piece) }
      if !pieces.content.isEmpty { progress?(pieces.offset, size) }
    }
    try await client.stream(root, from: offset, node: node, into: sink) {
      state.withLock { $0.file.isWhole }
    }
    return state.withLock { $0.offset }
  }
}

/// Why a stream of blocks is ended by its reader.
enum StreamEnd: Error {
  /// There is nothing more to come, and more came.
  case whole
  case bad(ContentError)
}

/// What a stream has given so far.
private struct Streaming: Sendable {
  var file: ArchivedFile
  var offset: UInt64

  mutating func take(
    _ bytes: Bytes
  ) throws(StreamEnd) -> (content: [Bytes], blocks: [ContentBlock], offset: UInt64) {
    guard !file.isWhole else { throw .whole }
    var (content, blocks): ([Bytes], [ContentBlock]) = ([], [])
    var failure: ContentError?
    do { try file.append(bytes, into: &content, &blocks) } catch { failure = error }
    // What came before the fault was verified; the caller writes it only without one.
    if let failure { throw .bad(failure) }
    offset += content.reduce(0) { $0 + UInt64($1.count) }
    return (content, blocks, offset)
  }
}
