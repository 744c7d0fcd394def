internal import ContentStore
internal import Networking
internal import Primitives
internal import Telemetry

extension IPFSClient {
  /// Sends content to the first node that takes it, cut into blocks and named here.
  ///
  /// It is sent as an archive, so the node checks each block and cannot give it another name.
  /// Sending it again is harmless, so failures are repeated like those of reads.
  ///
  /// - Parameters:
  ///   - filename: a name for people; it is in the result, and changes no CID.
  ///   - pin: whether the node keeps it from its garbage collection.
  ///   - progress: called as blocks are sent.
  public func uploadContent(
    _ content: UploadContent, filename: String? = nil, pin: Bool = true,
    progress: UploadProgress? = nil
  ) async -> IPFSResult {
    let started = clock.now()
    var metadata = IPFSMetadata()
    metadata.filename = filename
    metadata.path = content.path
    var (cid, size, failure): (CID?, UInt64, IPFSClientError?) = (nil, 0, nil)
    do {
      let (upload, node) = try await gate.run {
        let upload = try await self.named(content, progress)
        return (upload, try await self.send(upload, isPinned: pin))
      }
      (cid, size) = (upload.root, upload.size)
      metadata.nodes = [node]
      metadata.isPinned = pin
      missing.withLock { $0.remove(upload.root.text) }
    } catch {
      failure = Self.clientError(error)
    }
    return finish(.upload, started, cid: cid, size: size, metadata, failure)
  }

  private func named(
    _ content: UploadContent, _ progress: UploadProgress?
  ) async throws -> Upload {
    let (layout, max) = (configuration.layout, UInt64(configuration.contentSizeMax.bytes))
    return try await pool.run {
      try Upload(naming: content, layout: layout, byteCountMax: max, progress: progress)
    }
  }

  /// Returns the name of the node that took it.
  private func send(_ upload: Upload, isPinned: Bool) async throws -> String {
    try await repeated(.write, about: upload.root) { nodes in
      var failures: [NodeFailure] = []
      for node in nodes {
        do {
          try await self.ask(node, .write) { try await $0.store(upload, isPinned: isPinned) }
          return .found(self.name(of: node))
        } catch let fault as NodeFault {
          failures.append(NodeFailure(node: self.name(of: node), fault: fault))
        }
      }
      return .failed(failures)
    }
  }
}
