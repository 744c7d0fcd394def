internal import CKernels

/// Cells that one operation reads or writes.
struct OperationRange: Equatable, Sendable {
  let offset: Int
  let count: Int
  /// Whether the result depends on what the cells held.
  let isRead: Bool
  let isWritten: Bool
}

extension StepProgram {
  /// The ranges of one operation, inputs first.
  func ranges(of index: Int) -> [OperationRange] {
    withUnsafeTemporaryAllocation(of: mk_cell_range.self, capacity: Int(mk_ranges_max)) { ranges in
      let count = withUnsafePointer(to: operations[index]) {
        mk_operation_ranges($0, ranges.baseAddress)
      }
      return ranges.prefix(Int(count)).map {
        OperationRange(
          offset: Int($0.offset), count: Int($0.count), isRead: $0.reads != 0,
          isWritten: $0.writes != 0)
      }
    }
  }
}
