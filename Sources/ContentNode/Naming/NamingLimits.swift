import Primitives

/// What names cost and how long they live (docs/specs/content-exchange.md, "Names").
package enum NamingLimits {
  /// Keys of one node.
  static let keysMax = 1_024
  /// Letters of a key's name: what a file system takes beside the ending.
  static let keyNameBytesMax = 128
  /// The longest path that a record holds; larger ones would not fit beside the signatures.
  static let valueBytesMax = 4_096
  /// Names that lead to names are followed so far (Kubo's limit).
  static let recursionMax = 32
  /// How long a record counts unless told otherwise: Kubo's, twice the time within which tables
  /// forget what is not put there again.
  package static let lifetime: Duration = .seconds(48 * 3_600)
  /// How long others may keep a record without asking, unless told otherwise: what Kubo says too.
  package static let timeToLive: Duration = .seconds(3_600)
  /// A record is published again so often: many times within its lifetime (Kubo's interval).
  package static let republishInterval: Duration = .seconds(4 * 3_600)
  /// Records that were found and are kept as long as they say.
  static let cacheMax = 1_024
}
