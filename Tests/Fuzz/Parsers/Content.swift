import ContentStore

extension FuzzedParser {
  static let content: [FuzzedParser] = [
    FuzzedParser("cid-text") { ContentFuzzing.cidText($0) },
    FuzzedParser("cid-bytes") { ContentFuzzing.cidBytes($0) },
    FuzzedParser("dag-pb") { ContentFuzzing.dagPB($0) },
    FuzzedParser("unixfs-data") { ContentFuzzing.unixFSData($0) },
    FuzzedParser("unixfs-walk") { ContentFuzzing.unixFSWalk($0) },
  ]
}
