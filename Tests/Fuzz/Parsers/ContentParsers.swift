import ContentStore
import Persistence

extension FuzzedParser {
  static let content: [FuzzedParser] = [
    FuzzedParser("cid-text") { bytes in
      guard let cid = try? CID(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
      precondition((try? CID(parsing: cid.text)) == cid)
    },
    FuzzedParser("cid-bytes") { bytes in
      guard let cid = try? CID(decoding: bytes) else { return }
      precondition(cid.bytes == bytes)
    },
    FuzzedParser("dag-pb") { bytes in
      let block = ContentBlock(hashing: bytes, codec: .dagPB)
      if let node = try? DagPBNode(decoding: bytes, of: block.cid) {
        precondition((try? DagPBNode(decoding: node.encoded(), of: block.cid)) == node)
      }
      var walk = UnixFSWalk(root: block.cid)
      _ = try? walk.supply(bytes)
    },
    FuzzedParser("unixfs-data") { bytes in
      guard let data = try? UnixFSData(decoding: bytes) else { return }
      precondition((try? UnixFSData(decoding: data.encoded())) == data)
    },
    FuzzedParser("segment-record") { bytes in
      guard let record = SegmentRecord(decoding: bytes) else { return }
      precondition(bytes.starts(with: record.encoded()))
    },
  ]
}
