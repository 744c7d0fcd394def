import ContentStore
import Cryptography
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
    FuzzedParser("private-object") { bytes in
      guard let manifest = try? PrivateManifest(decoding: bytes) else { return }
      precondition((try? manifest.block())?.bytes == bytes)
      // The corpus has objects for this key; a passphrase would cost half a second each.
      guard let key = try? SigningKey(seed: Bytes(0..<32)) else { return }
      _ = try? manifest.open(with: .peer(key))
    },
    FuzzedParser("backup") { bytes in
      if let manifest = try? BackupManifest(decoding: bytes) {
        precondition((try? manifest.block())?.bytes == bytes)
      }
      guard let groups = try? BackupPage.groups(decoding: bytes, .standard) else { return }
      precondition((try? BackupPage.block(of: groups))?.bytes == bytes)
      for group in groups.prefix(2) {
        let present = group.members.map { $0.byteCount < 100 ? Bytes($0.cid.bytes) : nil }
        _ = group.restored(present, with: .standard)
      }
    },
    FuzzedParser("multibase") { bytes in
      for base in Multibase.allCases {
        let text = base.encode(bytes.count > 200 ? Bytes(bytes.prefix(200)) : bytes)
        precondition((try? base.decode(text)) == Bytes(bytes.prefix(200)))
        guard let read = try? base.decode(String(decoding: bytes, as: UTF8.self)) else { continue }
        precondition(base.encode(read).utf8.elementsEqual(bytes))
      }
    },
    FuzzedParser("unixfs-directory") { bytes in
      let block = ContentBlock(hashing: bytes, codec: .dagPB)
      var walk = UnixFSDirectoryWalk(root: block.cid)
      guard let entries = try? walk.supply(bytes) else { return }
      for entry in entries {
        var lookup = UnixFSLookup(root: block.cid, name: entry.name)
        precondition((try? lookup.supply(bytes)) != nil && lookup.entry == entry)
      }
    },
    FuzzedParser("dag-cbor") { bytes in
      guard let value = try? DagCBOR.decode(bytes, .readable),
        let encoded = try? DagCBOR.encode(value)
      else { return }
      precondition((try? DagCBOR.decode(encoded)) == value)
      if (try? DagCBOR.decode(bytes)) != nil { precondition(encoded == bytes) }
    },
    FuzzedParser("dag-json") { bytes in
      guard let value = try? DagJSON.decode(bytes), let encoded = try? DagJSON.encode(value)
      else { return }
      precondition((try? DagJSON.decode(encoded, .canonical)) == value)
    },
    FuzzedParser("content-path") { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      guard let path = try? ContentPath(parsing: text) else { return }
      precondition((try? ContentPath(parsing: path.description)) == path)
    },
    FuzzedParser("entity-bytes") { bytes in
      guard let part = try? EntityBytes(parsing: String(decoding: bytes, as: UTF8.self)) else {
        return
      }
      for size: UInt64 in [0, 1, 1_000, .max] {
        if let range = try? part.range(in: size, of: .v1(.raw, .identity([]))) {
          precondition(range.upperBound <= size)
        }
      }
    },
    FuzzedParser("content-archive") { bytes in archive(bytes) },
    FuzzedParser("bitswap-message") { bytes in
      guard let message = try? BitswapMessage(decoding: bytes) else { return }
      for version in BitswapVersion.allCases {
        precondition((try? BitswapMessage(decoding: message.encoded(for: version))) != nil)
      }
      var server = BitswapServerMachine()
      _ = server.handle(.received(message, from: BitswapPeer(1)))
      var client = BitswapClientMachine()
      _ = client.handle(.connected(BitswapPeer(1)), now: .zero)
      let blocks = message.blocks.compactMap { $0.named() }
      _ = client.handle(.received(blocks, message.presences, from: BitswapPeer(1)), now: .zero)
    },
    FuzzedParser("archive-request") { bytes in
      guard let request = try? ArchiveRequest(decoding: bytes) else { return }
      precondition(request.encoded() == bytes)
      _ = try? request.walk()
    },
    FuzzedParser("archive-answer") { bytes in
      guard let answer = try? ArchiveAnswer(decoding: bytes) else { return }
      precondition(answer.encoded() == bytes)
    },
    FuzzedParser("hold-request") { bytes in
      guard let request = try? HoldRequest(decoding: bytes) else { return }
      precondition(request.encoded() == bytes)
    },
    FuzzedParser("hold-answer") { bytes in
      for count in [1, 8, 9] {
        guard let answer = try? HoldAnswer(decoding: bytes, count: count) else { continue }
        precondition(answer.encoded() == bytes)
      }
    },
    FuzzedParser("held-list") { bytes in
      guard let list = try? HeldList(decoding: bytes) else { return }
      precondition((try? list.block().bytes) == bytes)
    },
    FuzzedParser("segment-record") { bytes in
      guard let record = SegmentRecord(decoding: bytes) else { return }
      precondition(bytes.starts(with: record.encoded()))
      precondition((record.block?.count ?? 0) <= BlockLimits.byteCountMax)
    },
    FuzzedParser("compressed-block") { bytes in
      precondition((SegmentRecord.unpacked(bytes)?.count ?? 0) <= BlockLimits.byteCountMax)
    },
  ]

  /// Whole and byte by byte it gives the same blocks, all of which can be followed or refused.
  private static func archive(_ bytes: Bytes) {
    var (whole, pieces) = (CARReader(byteCountMax: 1 << 20), CARReader(byteCountMax: 1 << 20))
    var (events, others): ([CARReader.Event], [CARReader.Event]) = ([], [])
    let isGood = (try? whole.append(bytes, into: &events)) != nil
    var isGoodInPieces = true
    for byte in bytes where isGoodInPieces {
      isGoodInPieces = (try? pieces.append([byte], into: &others)) != nil
    }
    precondition(isGood == isGoodInPieces && events == others)
    if isGood { precondition(((try? whole.finish()) != nil) == ((try? pieces.finish()) != nil)) }
    guard case .header(let header)? = events.first, let root = header.roots.first else { return }
    var known: [CID: Bytes] = [:]
    for case .block(let block) in events { known[block.cid] = block.bytes }
    for scope in DagScope.allCases {
      var request = DagExport.Request(ContentPath(root: root), scope: scope)
      request.limits.blocksMax = 1_000
      guard var export = try? DagExport(request) else { continue }
      while let cid = export.wanted, let block = known[cid] {
        guard (try? export.supply(block)) != nil else { break }
      }
    }
  }
}
