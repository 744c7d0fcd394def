public import ContentStore
internal import Networking
internal import Primitives

extension IPFSClient {
  /// Fetches a file from whichever nodes have it, every byte checked against its CID.
  ///
  /// - Parameters:
  ///   - text: a CID, or a path below one (`CID/name`, with or without `/ipfs/`).
  ///   - outputPath: the file to write; without one the content is in the result's metadata. A
  ///     download that was interrupted goes on where it ended.
  ///   - progress: called as verified bytes arrive.
  ///   - verifyIntegrity: exists for those who have it in their programs and skips nothing: all
  ///     content comes from others, so all of it is checked.
  public func downloadContent(
    _ text: String, outputPath: String? = nil, progress: DownloadProgress? = nil,
    verifyIntegrity: Bool = true
  ) async -> IPFSResult {
    let started = clock.now()
    var metadata = IPFSMetadata()
    metadata.path = outputPath
    var (cid, size, failure): (CID?, UInt64, IPFSClientError?) = (nil, 0, nil)
    do {
      let (file, root) = try await gate.run { [metadata] in
        let root = try await self.resolve(text)
        return (try await self.download(root, outputPath, metadata, progress), root)
      }
      (cid, size, metadata) = (root, file.size, file.metadata)
    } catch {
      failure = Self.clientError(error)
      cid = (try? ContentPath(parsing: text))?.root
    }
    return finish(.download, started, cid: cid, size: size, metadata, failure)
  }

  /// Where a path leads: its blocks are fetched and checked like all others.
  public func resolve(_ text: String) async throws -> CID {
    let path: ContentPath
    do { path = try ContentPath(parsing: text) } catch { throw IPFSClientError.content(error) }
    var resolution = PathResolution(path)
    do {
      while let wanted = resolution.wanted {
        try resolution.supply(try await verifiedBlock(wanted).bytes)
      }
    } catch { throw Self.clientError(error) }
    guard let resolved = resolution.resolved, resolved.remainder.isEmpty else {
      throw IPFSClientError.content(.notAFile(path.root, found: "a value"))
    }
    return resolved.cid
  }

  private func download(
    _ root: CID, _ outputPath: String?, _ metadata: IPFSMetadata, _ progress: DownloadProgress?
  ) async throws -> (size: UInt64, metadata: IPFSMetadata) {
    var metadata = metadata
    guard let outputPath else {
      let output = MemoryOutput()
      let file = try await FileDownload(
        client: self, root: root, output: output,
        byteCountMax: UInt64(configuration.contentSizeMax.bytes), progress: progress
      ).run()
      metadata.content = output.content
      metadata.nodes = file.nodes
      return (file.size, metadata)
    }
    let output = try PartialFile(path: outputPath)
    do {
      let file = try await FileDownload(
        client: self, root: root, output: output,
        byteCountMax: UnixFSWalkLimits().fileByteCountMax, progress: progress
      ).run()
      try await pool.run { try output.finish() }
      metadata.nodes = file.nodes
      return (file.size, metadata)
    } catch {
      output.removeIfEmpty()
      throw error
    }
  }

  // MARK: Results

  /// Counts and times an operation that throws.
  func timed<Result: Sendable>(
    _ operation: IPFSClientMetrics.Operation, _ size: (Result) -> UInt64?,
    _ body: () async throws -> Result
  ) async throws(IPFSClientError) -> Result {
    let started = clock.now()
    do {
      let result = try await body()
      note(operation, since: started, succeeded: true, size: size(result))
      return result
    } catch {
      note(operation, since: started, succeeded: false, size: nil)
      throw Self.clientError(error)
    }
  }

  /// Counts and times an operation, and says how it ended.
  func finish(
    _ operation: IPFSClientMetrics.Operation, _ started: Tick, cid: CID?, size: UInt64,
    _ metadata: IPFSMetadata, _ error: IPFSClientError?
  ) -> IPFSResult {
    let seconds = note(
      operation, since: started, succeeded: error == nil, size: error == nil ? size : nil)
    return IPFSResult(cid: cid, metadata: metadata, size: size, seconds: seconds, error: error)
  }

  /// What an operation ended with, in the words of this module.
  static func clientError(_ error: any Error) -> IPFSClientError {
    switch error {
    case let error as IPFSClientError: error
    case let error as ContentError: .content(error)
    case is CancellationError: .cancelled
    case let fault as NodeFault: .allNodesFailed([NodeFailure(node: "the node", fault: fault)])
    default: .allNodesFailed([NodeFailure(node: "the client", fault: .broken("\(error)"))])
    }
  }
}
