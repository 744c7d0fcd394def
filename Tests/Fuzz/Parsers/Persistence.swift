import Persistence

extension FuzzedParser {
  static let persistence: [FuzzedParser] = [
    FuzzedParser("segment-record") { SegmentRecord.fuzz($0) }
  ]
}
