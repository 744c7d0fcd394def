/// One of the two parties of a dispute.
public enum DisputeSide: Int, Hashable, Sendable, CaseIterable {
  case first = 1
  case second = 2
}

/// One value for each party.
public struct DisputeSides<Value> {
  /// The first party's.
  public var first: Value
  /// The second party's.
  public var second: Value

  /// Collects both.
  public init(first: Value, second: Value) {
    self.first = first
    self.second = second
  }

  /// The value of one party.
  public subscript(side: DisputeSide) -> Value {
    get {
      switch side {
      case .first: first
      case .second: second
      }
    }
    set {
      switch side {
      case .first: first = newValue
      case .second: second = newValue
      }
    }
  }
}

extension DisputeSides: Sendable where Value: Sendable {}
extension DisputeSides: Equatable where Value: Equatable {}
extension DisputeSides: Hashable where Value: Hashable {}
