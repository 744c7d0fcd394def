import Cryptography
package import Primitives

/// The numbers of cluster messages on the wire.
private enum ClusterCode {
  static let stand: UInt64 = 0
  static let grant: UInt64 = 1
  static let decline: UInt64 = 2
  static let offer: UInt64 = 3
  static let childDigest: UInt64 = 4
  static let published: UInt64 = 5
  static let siblings: UInt64 = 6
  static let assign: UInt64 = 7
  static let renew: UInt64 = 8
}

private func malformed(_ reason: String) -> DecodingFailure {
  .malformed(what: "cluster message", reason: reason)
}

extension ClusterMessage: CanonicalCodable {
  /// The array [number, arguments…].
  package var canonicalValue: CanonicalValue {
    switch self {
    case .stand(let epoch): .array([.unsigned(ClusterCode.stand), .unsigned(epoch)])
    case .renew(let epoch): .array([.unsigned(ClusterCode.renew), .unsigned(epoch)])
    case .grant(let epoch): .array([.unsigned(ClusterCode.grant), .unsigned(epoch)])
    case .decline(let known): .array([.unsigned(ClusterCode.decline), .unsigned(known)])
    case .offer(let kinds):
      .array([.unsigned(ClusterCode.offer), .array(kinds.map { .bytes($0) })])
    case .childDigest(let digest): .array([.unsigned(ClusterCode.childDigest), .bytes(digest)])
    case .published(let digest, let inclusion):
      .array([.unsigned(ClusterCode.published), .bytes(digest), inclusion.canonicalValue])
    case .siblings(let groups): .array([.unsigned(ClusterCode.siblings), .list(groups)])
    case .assign(let epoch, let target):
      .array([.unsigned(ClusterCode.assign), .unsigned(epoch), target.canonicalValue])
    }
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, let first = parts.first,
      case .unsigned(let code) = first
    else { throw malformed("expected a number and its arguments") }
    switch (code, parts.count) {
    case (ClusterCode.stand, 2): self = .stand(epoch: try Self.number(parts[1]))
    case (ClusterCode.renew, 2): self = .renew(epoch: try Self.number(parts[1]))
    case (ClusterCode.grant, 2): self = .grant(epoch: try Self.number(parts[1]))
    case (ClusterCode.decline, 2): self = .decline(known: try Self.number(parts[1]))
    case (ClusterCode.offer, 2): self = .offer(kinds: try Self.kinds(parts[1]))
    case (ClusterCode.childDigest, 2): self = .childDigest(try Self.digest(parts[1]))
    case (ClusterCode.published, 3):
      self = .published(
        try Self.digest(parts[1]), inclusion: try MerkleProof(canonicalValue: parts[2]))
    case (ClusterCode.siblings, 2): self = .siblings(try Self.siblings(parts[1]))
    case (ClusterCode.assign, 3):
      self = .assign(epoch: try Self.number(parts[1]), to: try ClusterID(canonicalValue: parts[2]))
    default: throw malformed("an unknown number or its arguments")
    }
  }

  private static func number(_ value: CanonicalValue) throws(DecodingFailure) -> UInt64 {
    guard case .unsigned(let number) = value else { throw malformed("expected a number") }
    return number
  }

  static func kind(_ value: CanonicalValue) throws(DecodingFailure) -> Bytes {
    guard case .bytes(let kind) = value, (1...ClusterLimits.kindBytesMax).contains(kind.count)
    else { throw malformed("a kind that is no name") }
    return kind
  }

  private static func kinds(_ value: CanonicalValue) throws(DecodingFailure) -> [Bytes] {
    guard case .array(let values) = value, values.count <= ClusterLimits.kindsPerMemberMax else {
      throw malformed("expected at most \(ClusterLimits.kindsPerMemberMax) kinds")
    }
    var kinds: [Bytes] = []
    for value in values { kinds.append(try kind(value)) }
    return kinds
  }

  private static func digest(_ value: CanonicalValue) throws(DecodingFailure) -> Bytes {
    guard case .bytes(let bytes) = value else { throw malformed("expected a digest") }
    guard bytes.count <= CapabilityDigest.bytesMax else {
      throw .tooLarge(what: "digest", size: bytes.count, limit: CapabilityDigest.bytesMax)
    }
    return bytes
  }

  private static func siblings(
    _ value: CanonicalValue
  ) throws(DecodingFailure) -> [GroupPlan.Sibling] {
    guard case .array(let values) = value, values.count <= ClusterLimits.childrenMax else {
      throw malformed("expected at most \(ClusterLimits.childrenMax) groups")
    }
    var groups: [GroupPlan.Sibling] = []
    for value in values { groups.append(try GroupPlan.Sibling(canonicalValue: value)) }
    return groups
  }
}

extension GroupPlan.Sibling: CanonicalCodable {
  /// The array [cluster, members, coordinate].
  package var canonicalValue: CanonicalValue {
    .array([
      cluster.canonicalValue, .unsigned(UInt64(clamping: memberCount)), coordinate.canonicalValue,
    ])
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count == 3,
      case .unsigned(let count) = parts[1], count <= UInt64(SWIMLimits.membersMax)
    else { throw malformed("a group that is none") }
    self.init(
      try ClusterID(canonicalValue: parts[0]), memberCount: Int(count),
      at: try NetworkCoordinate(canonicalValue: parts[2]))
  }
}

/// One frame of `/martlet/cluster/1.0.0`: docs/specs/membership.md §4.
package enum ClusterFrame: Hashable, Sendable {
  /// What a member of a cluster says in it.
  case within(ClusterID, ClusterMessage)
  /// Who offers this kind? Anybody whom the network admits may ask a leader.
  case find(query: UInt32, kind: Bytes, invitation: NetworkInvitation?)
  /// Members that do, and leaders of clusters where somebody may.
  case found(query: UInt32, members: [PeerIntroduction], leaders: [PeerIntroduction])

  private static let limits = CanonicalLimits(
    bytesMax: ClusterLimits.frameBytesMax, entriesMax: ClusterLimits.childrenMax)

  /// Reads a frame of a peer.
  package static func decode(_ bytes: Bytes) throws(DecodingFailure) -> ClusterFrame {
    try ClusterFrame(decoding: bytes, limits: limits)
  }
}

/// The name and the numbers of the frames of `/martlet/cluster/1.0.0`.
package enum ClusterProtocol {
  /// The name in multistream-select.
  package static let name = "/martlet/cluster/1.0.0"
  fileprivate static let within: UInt64 = 0
  fileprivate static let find: UInt64 = 1
  fileprivate static let found: UInt64 = 2

  /// Under what a cluster of a network is found in the DHT.
  package static func key(of cluster: ClusterID, network: String) -> Bytes {
    Bytes("/martlet/cluster/".utf8)
      + SHA256.hash(CanonicalValue.array([.text(network), cluster.canonicalValue]).encoded()).bytes
  }

  /// The group's name in the signatures of its members.
  package static func group(_ cluster: ClusterID, network: String) -> Bytes {
    CanonicalValue.array([.text(network), cluster.canonicalValue]).encoded()
  }
}

extension ClusterFrame: CanonicalCodable {
  /// The array [number, parts…].
  package var canonicalValue: CanonicalValue {
    switch self {
    case .within(let cluster, let message):
      .array([
        .unsigned(ClusterProtocol.within), cluster.canonicalValue, message.canonicalValue,
      ])
    case .find(let query, let kind, let invitation):
      .array([
        .unsigned(ClusterProtocol.find), .unsigned(UInt64(query)), .bytes(kind),
        invitation?.canonicalValue ?? .null,
      ])
    case .found(let query, let members, let leaders):
      .array([
        .unsigned(ClusterProtocol.found), .unsigned(UInt64(query)), .list(members), .list(leaders),
      ])
    }
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, let first = parts.first,
      case .unsigned(let code) = first
    else { throw malformed("expected a number and its parts") }
    switch (code, parts.count) {
    case (ClusterProtocol.within, 3):
      self = .within(
        try ClusterID(canonicalValue: parts[1]), try ClusterMessage(canonicalValue: parts[2]))
    case (ClusterProtocol.find, 4):
      self = .find(
        query: try Self.query(parts[1]), kind: try ClusterMessage.kind(parts[2]),
        invitation: parts[3] == .null ? nil : try NetworkInvitation(canonicalValue: parts[3]))
    case (ClusterProtocol.found, 4):
      self = .found(
        query: try Self.query(parts[1]),
        members: try PeerIntroduction.list(parts[2], max: ClusterLimits.poolAnswersMax),
        leaders: try PeerIntroduction.list(parts[3], max: ClusterLimits.poolAnswersMax))
    default: throw malformed("an unknown frame")
    }
  }

  private static func query(_ value: CanonicalValue) throws(DecodingFailure) -> UInt32 {
    guard case .unsigned(let number) = value, let query = UInt32(exactly: number) else {
      throw malformed("expected a number of 32 bits")
    }
    return query
  }
}
