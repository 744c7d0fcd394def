internal import ContentStore
internal import IPFSClient
internal import Networking
internal import Persistence
internal import Primitives
internal import Telemetry

/// Content through the coordinator's IPFS client: its own store first, then the configured nodes.
extension APIRoutes {
  static let ipfsPath = base + "/ipfs"
  private static let pinsListedMax = 100
  private static let pinsListedUsually = 20

  static let ipfs: [APIRoute] = [
    APIRoute(
      .get, ipfsPath + "/health", .read,
      APIOperation(
        id: "getIPFSHealth", tag: "ipfs", summary: "How the IPFS nodes do, in short",
        answer: .json("IPFSHealth"))
    ) { call in
      let ipfs = call.coordinator.ipfs
      return .json(healthView(await ipfs.health(), ipfs.client.figures()))
    },
    APIRoute(
      .get, ipfsPath + "/status", .read,
      APIOperation(
        id: "getIPFSStatus", tag: "ipfs",
        summary: "Every IPFS node with score and breakers, the cache, the store and its traffic",
        answer: .json("IPFSStatus")),
      handle: status),
    APIRoute(
      .get, ipfsPath + "/pins", .read,
      APIOperation(
        id: "listLargestPins", tag: "ipfs", summary: "The pins of the store that hold most",
        parameters: [
          .init(name: "limit", summary: "At most 100, 20 unless given", isInteger: true)
        ], answer: .json("PinList"), errors: [400]),
      handle: pins),
    APIRoute(
      .post, ipfsPath + "/upload", .change,
      APIOperation(
        id: "uploadToIPFS", tag: "ipfs", summary: "Stores a file in the nearest IPFS node",
        parameters: [
          profileParameter,
          .init(name: "pin", summary: "`true` (default) or `false`: only until a collection"),
          .init(name: "filename", summary: "The pin's name, for people; at most 255 bytes"),
        ],
        body: .bytes, status: 201, answer: .json("IPFSResult"), errors: [400, 413]),
      handle: uploadToIPFS),
    APIRoute(
      .get, ipfsPath + "/download/{cid}", .read,
      APIOperation(
        id: "downloadFromIPFS", tag: "ipfs",
        summary: "A file from whichever IPFS node has it, every block checked against its CID",
        answer: .bytes, errors: [400, 404, 422, 502]),
      handle: downloadFromIPFS),
  ]

  private static func uploadToIPFS(_ call: APICall) async throws -> HTTPResponse {
    let client = call.coordinator.ipfs.client
    let isPinned = try isPinned(call)
    let name = call.request.query("filename") ?? ""
    guard name.utf8.count <= ContentPinLimits.nameByteCountMax else {
      throw APIError.malformed(
        "filename", name, expected: "of at most \(ContentPinLimits.nameByteCountMax) bytes")
    }
    let started = client.now
    let file: UnixFSFile
    do {
      file = try await receive(call).finish(isPinned: isPinned, name: name)
    } catch {
      client.noteTransfer(.upload, since: started, size: nil)
      throw error
    }
    client.noteTransfer(.upload, since: started, size: file.fileSize)
    var response = HTTPResponse.json(
      [
        "success": true, "cid": .string("\(file.cid)"), "size": JSONValue(file.fileSize),
        "seconds": .number(client.now.duration(since: started) / .seconds(1)),
        "metadata": [
          "filename": name.isEmpty ? .null : .string(name), "pinned": .bool(isPinned),
          "cumulative_size": JSONValue(file.tsize),
        ],
      ], status: .created)
    response.headers.append("Location", "\(ipfsPath)/download/\(file.cid)")
    return response
  }

  private static func isPinned(_ call: APICall) throws(APIError) -> Bool {
    switch call.request.query("pin") {
    case nil, "true": true
    case "false": false
    case let other?: throw .malformed("pin", other, expected: "`true` or `false`")
    }
  }

  private static func downloadFromIPFS(_ call: APICall) async throws -> HTTPResponse {
    let ipfs = call.coordinator.ipfs
    let started = ipfs.client.now
    let note: @Sendable (UInt64?) -> Void = {
      ipfs.client.noteTransfer(.download, since: started, size: $0)
    }
    do {
      return try await fileAnswer(to: call, done: note) { try await ipfs.next(of: &$0) }
    } catch {
      note(nil)
      throw error
    }
  }

  private static func pins(_ call: APICall) async throws -> HTTPResponse {
    let limit = try call.query("limit", max: pinsListedMax) ?? pinsListedUsually
    let store = call.coordinator.content.store
    let rows = try await call.coordinator.disk.run {
      try LargestPins.blocking(in: store, limit: limit)
    }
    let views = rows.map { row -> JSONValue in
      [
        "cid": .string("\(row.pin.cid)"), "name": .string(row.pin.name),
        "type": row.pin.kind == .direct ? "direct" : "recursive",
        "blocks": JSONValue(row.pin.blockCount),
        "bytes": row.byteCount.map { JSONValue($0) } ?? .null,
      ]
    }
    return .json(["pins": .array(views)])
  }

  private static func status(_ call: APICall) async throws -> HTTPResponse {
    let ipfs = call.coordinator.ipfs
    let report = await ipfs.health()
    let store = try await ipfs.storeStatus(on: call.coordinator.disk)
    let figures = ipfs.client.figures()
    return .json([
      "status": .string(report.status.rawValue),
      "nodes": .array(ipfs.client.nodeStatus().map(nodeView)),
      "operations_per_second": .number(figures.operationsPerSecond),
      "pins_queued": JSONValue(figures.pinsQueued),
      "cache": [
        "hits": JSONValue(figures.cacheHits), "misses": JSONValue(figures.cacheMisses),
        "hit_rate": .number(figures.cacheHitRate), "bytes": JSONValue(figures.cacheBytes),
        "bytes_max": JSONValue(figures.cacheBytesMax),
      ],
      "traffic": [
        "uploaded_bytes": JSONValue(ipfs.uploadedBytes.value),
        "downloaded_bytes": JSONValue(ipfs.downloadedBytes.value),
      ],
      "store": [
        "blocks": JSONValue(store.blockCount), "bytes": JSONValue(store.liveByteCount),
        "pins": JSONValue(store.pinCount),
        "unpinned_blocks": JSONValue(store.unreferencedCount),
        "damaged_blocks": JSONValue(ipfs.store.damagedBlockCount),
      ],
    ])
  }
}
