import ContentStore
import Persistence
import Primitives

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
    FuzzedParser("file-assembly") { bytes in
      // A root and blocks that are said to be of it, in one array.
      guard case .array(let items) = try? CanonicalValue(decoding: bytes),
        case .link(let root) = items.first, let cid = try? CID(decoding: root)
      else { return }
      var file = FileAssembly(root: cid, byteCountMax: 1 << 16)
      for case .bytes(let block) in items.dropFirst() {
        guard (try? file.take(block)) != nil else { return }
      }
      precondition(file.content.count <= 1 << 16)
    },
    FuzzedParser("segment-record") { bytes in
      guard let record = SegmentRecord(decoding: bytes) else { return }
      precondition(bytes.starts(with: record.encoded()))
    },
  ]
}
