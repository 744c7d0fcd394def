internal import ContentStore
package import Persistence
package import Primitives

extension BlockStoreStatus {
  /// The figures as scripts read them.
  package var json: JSONValue {
    [
      "blocks": JSONValue(blockCount), "unpinned_blocks": JSONValue(unreferencedCount),
      "pins": JSONValue(pinCount), "segments": JSONValue(segmentCount),
      "segment_bytes": JSONValue(segmentByteCount), "live_bytes": JSONValue(liveByteCount),
      "index_bytes": JSONValue(indexByteCount),
    ]
  }
}

extension BlockStoreCollection {
  /// What was done, as scripts read it.
  package var json: JSONValue {
    [
      "blocks": JSONValue(blockCount), "freed_bytes": JSONValue(freedByteCount),
      "moved_bytes": JSONValue(movedByteCount), "segments": JSONValue(segmentCount),
      "damaged_segments": .array(damagedSegments.map { JSONValue($0) }),
    ]
  }
}

extension ContentPin {
  /// The pin as scripts read it.
  package var json: JSONValue {
    [
      "cid": .string("\(cid)"), "type": .string(kind.word), "name": .string(name),
      "blocks": JSONValue(blockCount),
    ]
  }
}

extension ContentListing {
  /// The line as scripts read it.
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(entry.text)), .init("cid", .string("\(entry.cid)")),
      .init("size", JSONValue(entry.tsize)), .init("type", .string(kind?.word ?? "unknown")),
    ]
    if case .symlink(let target) = kind {
      members.append(.init("target", .string(String(decoding: target, as: UTF8.self))))
    }
    return .object(members)
  }
}
