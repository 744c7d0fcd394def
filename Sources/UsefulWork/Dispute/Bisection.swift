import Cryptography

/// Halves a range of positions at whose lower end two sequences agree and at whose upper end they
/// differ. Position 0 is what both start from; position p is the value after item p − 1.
struct Bisection: Sendable {
  /// The highest position at which they are known to agree.
  private(set) var lower: Int
  /// The lowest position at which they are known to differ.
  private(set) var upper: Int
  /// The common value at `lower`.
  private(set) var agreed: Digest
  /// The two values at `upper`.
  private(set) var claims: DisputeSides<Digest>

  /// They agree on `start` at position 0 and differ in `claims` at position `upper`.
  init(start: Digest, upper: Int, claims: DisputeSides<Digest>) {
    precondition(upper > 0 && claims.first != claims.second)
    lower = 0
    self.upper = upper
    agreed = start
    self.claims = claims
  }

  /// The item between the last common and the first differing value, once they are neighbours.
  var item: Int? { upper - lower == 1 ? lower : nil }

  /// The position to ask for next.
  var middle: Int { lower + (upper - lower) / 2 }

  /// Takes the two values at `middle`.
  mutating func narrow(_ values: DisputeSides<Digest>) {
    if values.first == values.second {
      lower = middle
      agreed = values.first
    } else {
      upper = middle
      claims = values
    }
  }
}
