import Primitives

/// How groups of one city are made: near ones together, 50 to 200 each.
package enum GroupPlan {
  /// A member and where it is.
  package struct Sited: Sendable {
    /// Who.
    package let handle: PeerHandle
    /// Where, by latency.
    package let coordinate: NetworkCoordinate

    /// A member at a place.
    package init(_ handle: PeerHandle, at coordinate: NetworkCoordinate) {
      self.handle = handle
      self.coordinate = coordinate
    }
  }

  /// A group of the same city, as its leader describes it.
  package struct Sibling: Hashable, Sendable {
    /// Which.
    package let cluster: ClusterID
    /// Its members.
    package let memberCount: Int
    /// Where its leader is.
    package let coordinate: NetworkCoordinate

    /// A group of these parts.
    package init(_ cluster: ClusterID, memberCount: Int, at coordinate: NetworkCoordinate) {
      self.cluster = cluster
      self.memberCount = memberCount
      self.coordinate = coordinate
    }
  }

  /// Two halves of equal size. The two members that are far apart are the poles; the half of the
  /// members that is relatively nearest to the first pole stays. Everyone computes the same.
  package static func split(_ members: [Sited]) -> (stay: [PeerHandle], go: [PeerHandle]) {
    let ordered = members.sorted { $0.handle < $1.handle }
    guard let first = ordered.first, let pole = furthest(from: first, in: ordered),
      let opposite = furthest(from: pole, in: ordered)
    else { return ([], []) }
    func lean(_ member: Sited) -> Double {
      member.coordinate.distance(to: pole.coordinate)
        - member.coordinate.distance(to: opposite.coordinate)
    }
    let byLean = ordered.map { (lean: lean($0), handle: $0.handle) }
      .sorted { ($0.lean, $0.handle) < ($1.lean, $1.handle) }
    let half = (ordered.count + 1) / 2
    return (
      byLean.prefix(half).map(\.handle).sorted(), byLean.dropFirst(half).map(\.handle).sorted()
    )
  }

  private static func furthest(from pole: Sited, in members: [Sited]) -> Sited? {
    var best: (distance: Double, member: Sited)?
    for member in members {
      let distance = member.coordinate.distance(to: pole.coordinate)
      if distance > best?.distance ?? -1 { best = (distance, member) }
    }
    return best?.member
  }

  /// Number of the half that goes and of the half that stays: the children of a node in a binary
  /// tree, so groups that split apart from each other never take the same. Nil at the tree's end.
  package static func numbers(splitting number: UInt32) -> (stay: UInt32, go: UInt32)? {
    let (doubled, isOver) = number.multipliedReportingOverflow(by: 2)
    guard !isOver, doubled <= UInt32.max - 2 else { return nil }
    return (doubled + 1, doubled + 2)
  }

  /// The group that a small one joins: the nearest that has room. Of two small groups that would
  /// choose each other, the one with the greater name goes.
  package static func mergeTarget(
    of cluster: ClusterID, memberCount: Int, at coordinate: NetworkCoordinate,
    among siblings: [Sibling]
  ) -> ClusterID? {
    guard memberCount < ClusterLimits.mergeBelow else { return nil }
    let fitting = siblings.filter { sibling in
      sibling.cluster != cluster && sibling.cluster.parent == cluster.parent
        && sibling.cluster.level == .local
        && sibling.memberCount <= ClusterLimits.splitAbove - memberCount
        && (sibling.memberCount >= ClusterLimits.mergeBelow || sibling.cluster < cluster)
    }
    return fitting.min { left, right in
      let (near, far) = (
        coordinate.distance(to: left.coordinate), coordinate.distance(to: right.coordinate)
      )
      return near != far ? near < far : left.cluster < right.cluster
    }?.cluster
  }
}
