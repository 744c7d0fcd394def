package import Cryptography
package import Primitives

/// One frame of `/martlet/swim/1.0.0`: a message of one group, where its sender is by latency, and
/// who the members in it are: docs/specs/membership.md §2.
package struct SWIMFrame: Hashable, Sendable {
  /// The group.
  package let cluster: ClusterID
  /// What is said.
  package let message: SWIMMessage<PeerID>
  /// Where the sender is.
  package let coordinate: NetworkCoordinate
  /// Members that the receiver may not know.
  package let introductions: [PeerIntroduction]

  /// A frame of these parts.
  package init(
    _ message: SWIMMessage<PeerID>, in cluster: ClusterID, at coordinate: NetworkCoordinate,
    introductions: [PeerIntroduction] = []
  ) {
    self.cluster = cluster
    self.message = message
    self.coordinate = coordinate
    self.introductions = introductions
  }

  private static let limits = CanonicalLimits(
    bytesMax: SWIMLimits.frameBytesMax, entriesMax: SWIMLimits.claimsPerPiece)

  /// Reads a frame of a peer.
  package static func decode(_ bytes: Bytes) throws(DecodingFailure) -> SWIMFrame {
    try SWIMFrame(decoding: bytes, limits: limits)
  }
}

extension SWIMFrame: CanonicalCodable {
  /// The array [cluster, message, coordinate, introductions].
  package var canonicalValue: CanonicalValue {
    .array([
      cluster.canonicalValue, message.canonicalValue, coordinate.canonicalValue,
      .list(introductions),
    ])
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count == 4 else {
      throw .malformed(what: "membership frame", reason: "expected four parts")
    }
    self.init(
      try SWIMMessage<PeerID>(canonicalValue: parts[1]),
      in: try ClusterID(canonicalValue: parts[0]),
      at: try NetworkCoordinate(canonicalValue: parts[2]),
      introductions: try PeerIntroduction.list(parts[3], max: SWIMLimits.claimsPerPiece))
  }
}
