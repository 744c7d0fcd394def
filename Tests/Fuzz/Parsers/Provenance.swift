import ContentNode
import ContentStore
import Primitives

extension FuzzedParser {
  /// Provenance records, and files that are looked at before they are taken.
  static let provenance: [FuzzedParser] = [
    canonical("provenance-record", as: ProvenanceRecord.self),
    FuzzedParser("provenance-walk") { bytes in
      let block = ContentBlock(hashing: bytes, codec: .dagCBOR)
      let content = (try? ProvenanceRecord(decoding: bytes))?.statement.content ?? block.cid
      var walk = ProvenanceWalk(content: content, record: block.cid)
      walk.supply(bytes)
      while walk.wanted != nil { walk.supply(nil) }
      precondition(walk.nodes.count <= 1 + ProvenanceLimits.parentsMax)
    },
    FuzzedParser("content-inspection") { bytes in
      var inspection = ContentInspection(size: UInt64(bytes.count))
      var asked = 0
      while let wanted = inspection.wanted {
        asked += wanted.count
        // Nothing is read more often than a few times each entry.
        precondition(asked <= 256 * (bytes.count + 1))
        inspection.supply(Bytes(bytes[Int(wanted.lowerBound)..<Int(wanted.upperBound)]))
      }
      for finding in inspection.report.findings { _ = "\(finding)" }
    },
    FuzzedParser("denylist") { bytes in _ = try? Denylist(parsing: bytes) },
  ]
}

extension FuzzedParser {
  /// What a library reads from its logs and from a virus scanner.
  static let library: [FuzzedParser] = [
    canonical("library-event", as: LibraryEvent.self),
    canonical("content-verdict", as: ContentVerdict.self),
    canonical("content-access", as: ContentAccessEntry.self),
    FuzzedParser("clamd-reply") { bytes in
      let scan = ClamdReply.scan(bytes)
      precondition(scan != .waiting && scan != .notAsked)
      _ = ClamdAddress(parsing: String(decoding: bytes, as: UTF8.self))
    },
  ]
}
