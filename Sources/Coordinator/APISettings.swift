package import ContentStore

/// How the REST interface is protected.
package struct APISettings: Sendable {
  /// Names beside `localhost` and numeric addresses under which the server is reached.
  package var hostNames: [String] = []
  /// Whether callers on this machine need a key even to read.
  package var readsNeedKey = false
  /// Requests of one key or address in a row, and how many more each second.
  package var reads = APIRate(burst: 1_000, perSecond: 500)
  /// The same for requests that change something; each costs a disk write or more.
  package var changes = APIRate(burst: 200, perSecond: 50)
  /// One uploaded file.
  package var uploadBytesMax = 1 << 30
  /// Why content is not given to people without an account; nil where it is.
  package var refusal: @Sendable (CID) -> String? = { _ in nil }

  /// The defaults.
  package init() {}
}

/// A token bucket's size.
package struct APIRate: Sendable {
  /// Tokens of a full bucket.
  package var burst: Double
  /// Tokens that come back each second.
  package var perSecond: Double

  /// Sets both.
  package init(burst: Double, perSecond: Double) {
    precondition(burst >= 1 && perSecond > 0)
    self.burst = burst
    self.perSecond = perSecond
  }
}
