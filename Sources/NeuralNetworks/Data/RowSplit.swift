/// Which rows are kept for the test.
public enum RowSplit: Hashable, Sendable {
  /// Every row trains.
  case none
  /// Rows whose number is a multiple of `period`: the rule for the digits is 5.
  case every(Int)
  /// This part of the rows, drawn by a seed; both parts keep the order of the file.
  case fraction(Double, seed: UInt64)
  /// The last part of the rows: for text and time series, whose neighbours are alike.
  case tail(Double)

  /// Row numbers of both parts, rising; an empty part is an error unless it was asked for.
  public func parts(of rows: Int) throws(DatasetError) -> (train: [Int32], test: [Int32]) {
    let all = (0..<rows).map { Int32($0) }
    let test: Set<Int32>
    switch self {
    case .none: return (all, [])
    case .every(let period):
      precondition(period > 1)
      test = Set(all.filter { Int($0).isMultiple(of: period) })
    case .fraction(let part, let seed):
      precondition((0..<1).contains(part))
      let order = philoxShuffle(
        PhiloxStream(seed: seed, domain: .trainTestSplit, index: 0), count: rows)
      test = Set(order.prefix(Int((Double(rows) * part).rounded())))
    case .tail(let part):
      precondition((0..<1).contains(part))
      test = Set(all.suffix(Int((Double(rows) * part).rounded())))
    }
    let train = all.filter { !test.contains($0) }
    guard !train.isEmpty else { throw .emptyPart("training", rows: rows) }
    guard !test.isEmpty else { throw .emptyPart("test", rows: rows) }
    return (train, all.filter { test.contains($0) })
  }
}

extension DatasetSource {
  /// Two sources over the rows of a split.
  public func split(
    _ rule: RowSplit
  ) throws(DatasetError) -> (train: SelectedRows<Self>, test: SelectedRows<Self>) {
    let parts = try rule.parts(of: rows)
    return (SelectedRows(self, rows: parts.train), SelectedRows(self, rows: parts.test))
  }
}
