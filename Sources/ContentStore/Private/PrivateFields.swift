import Primitives

/// The fields of a map whose kinds are known.
struct PrivateFields {
  private let map: IPLDMap
  private let what: String

  init(_ value: IPLDValue, of what: String) throws(DecodingFailure) {
    guard case .map(let map) = value else {
      throw .malformed(what: what, reason: "\(value.kind) instead of a map")
    }
    self.map = map
    self.what = what
  }

  func bytes(_ name: String) throws(DecodingFailure) -> Bytes {
    guard case .bytes(let bytes)? = map[name] else { throw wrong(name) }
    return bytes
  }

  func text(_ name: String) throws(DecodingFailure) -> String {
    guard case .text(let text)? = map[name] else { throw wrong(name) }
    return text
  }

  func list(_ name: String) throws(DecodingFailure) -> [IPLDValue] {
    guard case .list(let values)? = map[name] else { throw wrong(name) }
    return values
  }

  func count(_ name: String) throws(DecodingFailure) -> UInt64 {
    guard case .integer(let integer)? = map[name], let count = UInt64(exactly: integer) else {
      throw wrong(name)
    }
    return count
  }

  func link(_ name: String) throws(DecodingFailure) -> CID {
    guard let link = try optionalLink(name) else { throw wrong(name) }
    return link
  }

  func optionalLink(_ name: String) throws(DecodingFailure) -> CID? {
    switch map[name] {
    case nil: return nil
    case .link(let cid)?: return cid
    default: throw wrong(name)
    }
  }

  /// Refuses fields of other names, which nobody would check.
  func allow(_ names: Set<String>) throws(DecodingFailure) {
    guard let unknown = map.entries.first(where: { !names.contains($0.key) }) else { return }
    throw .malformed(what: what, reason: "it has an unknown field `\(unknown.key)`")
  }

  private func wrong(_ name: String) -> DecodingFailure {
    .malformed(what: what, reason: "its field `\(name)` is missing or of another kind")
  }
}
