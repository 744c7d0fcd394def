import Telemetry

/// How far a fetch is, told by its walks.
struct FetchProgress: Sendable {
  /// Whose walk it is.
  enum Part: Sendable {
    /// The walk over everything: where it stands is how far the fetch is.
    case whole
    /// A walk over a part, which the one over everything passes again later.
    case part
  }

  let meter: WorkMeter
  var part = Part.whole

  /// The same fetch, for the walk over a part.
  var ofPart: FetchProgress { FetchProgress(meter: meter, part: .part) }

  /// What is wanted has so many bytes, and begins behind so many.
  func found(_ byteCount: UInt64, behind walked: UInt64) {
    guard part == .whole, byteCount > 0 else { return }
    let (total, overflow) = byteCount.addingReportingOverflow(walked)
    meter.expect(overflow ? .max : total)
  }

  /// A walk passed a block.
  func passed(_ byteCount: Int, walked: UInt64, isFetched: Bool) {
    switch part {
    case .whole: meter.reach(walked)
    // What was here may have been counted by the whole walk.
    case .part: if isFetched { meter.advance(by: UInt64(byteCount)) }
    }
  }
}
