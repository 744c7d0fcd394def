internal import ContentStore

/// Objects of the IPFS routes.
extension APISchemas {
  private static let health = APISchema.Kind.word(["healthy", "degraded", "unhealthy"])
  private static let breaker = APISchema.Kind.word(["closed", "open", "half-open"])

  private static let statement: [APISchema.Field] = [
    .init("type", .word(ProvenanceStatement.Purpose.allCases.map(\.rawValue))),
    .init("name", .text), .init("tags", .list(.text)), .init("licence", .text, "As SPDX names it"),
    .init("size", .integer), .init("format", .text), .init("creator", .peerID, "Who signed"),
    .init("created_ms", .integer, "By the clock of who signed"), .init("parents", .list(.cid)),
  ]

  static let ipfs: [APISchema] = [
    APISchema(
      "IPFSHealth",
      [
        .init("status", health, "Healthy when every node is, unhealthy when none can be used"),
        .init(
          "nodes",
          .object([
            .init("total", .integer, "The configured nodes; without any the store of this server"),
            .init("healthy", .integer, "Those that can be used, degraded ones among them"),
            .init("unhealthy", .integer),
          ])),
        .init(
          "performance",
          .object([
            .init("avg_response_time", .number, "Seconds, the mean of the nodes' moving averages"),
            .init("cache_hit_rate", .number, "From 0 to 1, since the start"),
            .init("operations_per_second", .number, "Over the last minute"),
          ])),
      ]),
    APISchema(
      "IPFSStatus",
      [
        .init("status", health), .init("nodes", .list(.reference("IPFSNode"))),
        .init("operations_per_second", .number, "Over the last minute"),
        .init("pins_queued", .integer, "Pins that wait for a node"),
        .init(
          "cache",
          .object([
            .init("hits", .integer), .init("misses", .integer), .init("hit_rate", .number),
            .init("bytes", .integer), .init("bytes_max", .integer),
          ])),
        .init(
          "traffic",
          .object([
            .init("uploaded_bytes", .integer, "By this interface, since the start"),
            .init("downloaded_bytes", .integer),
          ])),
        .init(
          "store",
          .object([
            .init("blocks", .integer), .init("bytes", .integer, "Of the blocks, on the disk"),
            .init("pins", .integer), .init("unpinned_blocks", .integer),
            .init("damaged_blocks", .integer, "Found by readers since the start, not mended"),
          ])),
      ]),
    APISchema(
      "IPFSNode",
      [
        .init("node", .text, "Its name in metrics"), .init("url", .text),
        .init("kind", .word(["embedded", "rpc", "gateway"])), .init("health", health),
        .init("healthy", .boolean, "Whether it can be used"),
        .init("score", .number, "From 0 to 1"), .init("latency_seconds", .number).orNull,
        .init("lies", .integer, "Answers that were not what their CID names"),
        .init(
          "breakers",
          .object([
            .init("read", breaker).optional, .init("stream", breaker).optional,
            .init("write", breaker).optional, .init("pin", breaker).optional,
          ])),
        .init("version", .text).orNull,
        .init("fault", .text, "Why the last probe failed").orNull,
      ]),
    APISchema(
      "DescribedContentList", [.init("contents", .list(.reference("DescribedContent")))]),
    APISchema("DescribedContent", [.init("cid", .cid)] + statement),
    APISchema(
      "Provenance",
      [
        .init("cid", .cid), .init("cut", .boolean, "Whether limits left ancestors out"),
        .init("nodes", .list(.reference("ProvenanceNode")), "The nearest first"),
      ]),
    APISchema(
      "ProvenanceNode",
      [
        .init("cid", .cid), .init("generation", .integer, "Steps from the content asked for"),
        .init("state", .word(["signed", "unrecorded", "missing", "refused"])),
        .init("record", .cid).orNull,
        .init("statement", .object(statement), "What a record with a good signature says").orNull,
      ]),
    APISchema("PinList", [.init("pins", .list(.reference("Pin")), "The largest first")]),
    APISchema(
      "Pin",
      [
        .init("cid", .cid), .init("name", .text), .init("type", .word(["direct", "recursive"])),
        .init("blocks", .integer),
        .init("bytes", .integer, "The root's cumulative size; null where it cannot be read").orNull,
      ]),
    APISchema(
      "IPFSResult",
      [
        .init("success", .boolean), .init("cid", .cid), .init("size", .integer, "Of the file"),
        .init("seconds", .number),
        .init(
          "metadata",
          .object([
            .init("filename", .text).orNull, .init("pinned", .boolean),
            .init("cumulative_size", .integer, "As Kubo's Size"),
          ])),
      ]),
  ]
}
