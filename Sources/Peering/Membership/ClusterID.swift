package import Primitives

/// Levels of the hierarchy, from below.
package enum ClusterLevel: UInt8, CaseIterable, Comparable, Sendable {
  case local = 0
  case city = 1
  case country = 2
  case region = 3
  case global = 4

  /// The level above; nil for the top.
  package var above: ClusterLevel? { ClusterLevel(rawValue: rawValue + 1) }

  /// How many names of a place a cluster of this level has.
  var placeNames: Int {
    switch self {
    case .local, .city: 3
    case .country: 2
    case .region: 1
    case .global: 0
    }
  }

  /// Orders from below.
  package static func < (left: ClusterLevel, right: ClusterLevel) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// Limits of clusters and of what peers say about them.
package enum ClusterLimits {
  /// Largest group; a larger one splits.
  package static let splitAbove = 200
  /// Smallest group; a smaller one joins its nearest neighbour.
  package static let mergeBelow = 50
  /// Bytes of a region's, country's or city's name.
  package static let placeNameBytesMax = 48
  /// How long a leader leads without being confirmed.
  package static let lease = Duration.seconds(12)
  /// Time between two confirmations: three may be lost.
  package static let renewal = Duration.seconds(3)
  /// The n-th in line waits n times this before it stands, so that usually one stands.
  package static let standingDelay = Duration.milliseconds(750)
  /// A candidate that stood in vain waits up to this longer: many times a message's way.
  package static let hesitationMax = Duration.seconds(3)
  /// How far from the head of our own list somebody may be and still have our vote: views differ.
  package static let rankMax = 3
  /// Clusters whose votes are remembered after we left them: those above us, and the groups of a
  /// city that splits and merges for hours.
  package static let ballotsMax = 64
  /// Epochs that one message may skip; more is a lie, not a lag.
  package static let epochJumpMax: UInt64 = 1_024
  /// How far a leader steps ahead of members that counted further while they were cut off.
  package static let epochLead: UInt64 = 8
  /// Time between a leader's digests.
  package static let digestInterval = Duration.seconds(30)
  /// How long a digest holds.
  package static let digestLifetime = Duration.seconds(120)
  /// Clocks of two nodes may differ by this.
  package static let clockSkewMax = Duration.seconds(30)
  /// A leader that publishes no whole digest for this long gets no more votes.
  package static let digestPatience = Duration.seconds(90)
  /// How long one that withheld is passed over.
  package static let disgrace = Duration.seconds(600)
  /// Child clusters of a cluster.
  package static let childrenMax = 256
  /// Kinds of resources that one member may offer.
  package static let kindsPerMemberMax = 32
  /// Bytes of the name of a kind.
  package static let kindBytesMax = 48
  /// Bytes of an encoded frame: the largest digest with its proof.
  package static let frameBytesMax = 160 * 1_024
  /// Members or clusters in an answer.
  package static let poolAnswersMax = 64
  /// Different kinds a filter is made for: all levels share one size, so that they unite by OR.
  package static let digestCapacity = 2_000
}

/// Where a node says it is: names without meaning to the protocol, compared byte by byte.
package struct DeclaredPlace: Hashable, Sendable {
  /// Continent or the like.
  package let region: String
  /// Country in the region.
  package let country: String
  /// City in the country.
  package let city: String

  /// A place; nil if a name is empty or too long.
  package init?(region: String, country: String, city: String) {
    let lengths = [region, country, city].map(\.utf8.count)
    guard lengths.allSatisfy({ (1...ClusterLimits.placeNameBytesMax).contains($0) }) else {
      return nil
    }
    self.region = region
    self.country = country
    self.city = city
  }

  /// The names from above.
  package var names: [String] { [region, country, city] }
}

/// One cluster: a level, the names of its place as far as the level has them, and a number that
/// tells the groups of a city apart.
package struct ClusterID: Hashable, Sendable {
  /// The level.
  package let level: ClusterLevel
  /// Names from above: three for a city and its groups, none for the globe.
  package let place: [String]
  /// 0 except among local groups.
  package let number: UInt32

  /// The cluster of a place at a level.
  package init(_ level: ClusterLevel, of place: DeclaredPlace, number: UInt32 = 0) {
    self.level = level
    self.place = Array(place.names.prefix(level.placeNames))
    self.number = level == .local ? number : 0
  }

  private init(level: ClusterLevel, place: [String], number: UInt32) {
    self.level = level
    self.place = place
    self.number = number
  }

  /// The group of this number in the same city.
  package func numbered(_ number: UInt32) -> ClusterID {
    ClusterID(level: level, place: place, number: level == .local ? number : 0)
  }

  /// The cluster that this one's leader belongs to.
  package var parent: ClusterID? {
    guard let above = level.above else { return nil }
    return ClusterID(level: above, place: Array(place.prefix(above.placeNames)), number: 0)
  }

  /// Whether a place lies in this cluster's.
  package func contains(_ other: DeclaredPlace) -> Bool {
    Array(other.names.prefix(place.count)) == place
  }
}

extension ClusterID: Comparable {
  /// Orders by level, place and number.
  package static func < (left: ClusterID, right: ClusterID) -> Bool {
    if left.level != right.level { return left.level < right.level }
    if left.place != right.place { return left.place.lexicographicallyPrecedes(right.place) }
    return left.number < right.number
  }
}

extension ClusterID: CanonicalCodable {
  /// The array [level, names…, number].
  package var canonicalValue: CanonicalValue {
    .array(
      [.unsigned(UInt64(level.rawValue))] + place.map { .text($0) } + [.unsigned(UInt64(number))])
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count >= 2,
      case .unsigned(let code) = parts[0], let raw = UInt8(exactly: code),
      let level = ClusterLevel(rawValue: raw), parts.count == level.placeNames + 2,
      case .unsigned(let wide) = parts[parts.count - 1], let number = UInt32(exactly: wide),
      level == .local || number == 0
    else { throw .malformed(what: "cluster", reason: "expected level, names and number") }
    var place: [String] = []
    for part in parts[1..<parts.count - 1] {
      guard case .text(let name) = part,
        (1...ClusterLimits.placeNameBytesMax).contains(name.utf8.count)
      else { throw .malformed(what: "cluster", reason: "a name that is no name") }
      place.append(name)
    }
    self.init(level: level, place: place, number: number)
  }
}
