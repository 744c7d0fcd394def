import Primitives

extension DagPBNode {
  /// The node in the IPLD data model (ipld.io/specs/codecs/dag-pb, logical format).
  ///
  /// A link whose block leaves out its name or size is shown with an empty name or a size of 0.
  public var value: IPLDValue {
    var entries: [IPLDMap.Entry] = []
    if let data { entries.append(.init("Data", .bytes(data))) }
    entries.append(.init("Links", .list(links.map(\.value))))
    return .map(IPLDMap(distinct: entries))
  }
}

extension DagPBLink {
  /// The link in the IPLD data model.
  var value: IPLDValue {
    .map(
      IPLDMap(distinct: [
        .init("Hash", .link(cid)), .init("Name", .text(String(decoding: name, as: UTF8.self))),
        .init("Tsize", .integer(Int128(tsize))),
      ]))
  }
}
