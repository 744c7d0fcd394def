/// An invariant that did not hold.
package struct Breach<Invariant>: Error, Equatable, Sendable, CustomStringConvertible
where Invariant: RawRepresentable & Equatable & Sendable, Invariant.RawValue == String {
  /// Which.
  package let invariant: Invariant
  /// Milliseconds of the run.
  package let time: Int
  /// Where.
  package let node: Int
  /// What was seen.
  package let detail: String

  /// One line.
  package var description: String {
    "\(invariant.rawValue) at \(time) ms, node \(node): \(detail)"
  }
}
