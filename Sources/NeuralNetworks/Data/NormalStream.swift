internal import Primitives

/// Normal numbers from Philox words: Marsaglia's polar method (Marsaglia and Bray 1964, SIAM Review
/// 6.3), with our own logarithm, so that a seed gives the same bits on every machine.
public struct NormalStream: Sendable {
  /// Words are drawn this many blocks at a time.
  private static let blocksAtOnce = 256

  private let stream: PhiloxStream
  private var words: [UInt32] = []
  private var place = 0
  private var nextBlock: UInt64 = 0
  private var kept: Double?

  /// Starts at the first word of a stream.
  public init(_ stream: PhiloxStream) { self.stream = stream }

  private mutating func word() -> UInt32 {
    if place == words.count {
      words = stream.words(Self.blocksAtOnce * 4, firstBlock: nextBlock)
      nextBlock += UInt64(Self.blocksAtOnce)
      place = 0
    }
    defer { place += 1 }
    return words[place]
  }

  /// A number in (−1, 1), never 0: an odd multiple of 2⁻³².
  private mutating func symmetric() -> Double { (Double(word()) + 0.5) * 0x1p-31 - 1 }

  /// The next number with mean 0 and variance 1. Points outside the unit circle are drawn again; of
  /// each point both numbers are used, the first coordinate's first.
  public mutating func next() -> Double {
    if let kept {
      self.kept = nil
      return kept
    }
    while true {
      let u = symmetric()
      let v = symmetric()
      let square = u * u + v * v
      guard square < 1 else { continue }
      let factor = (-2 * Elementary.logarithm(square) / square).squareRoot()
      kept = v * factor
      return u * factor
    }
  }

  /// `count` numbers with this mean and variance 1.
  mutating func numbers(_ count: Int, mean: Double = 0) -> [Double] {
    (0..<count).map { _ in mean + next() }
  }
}
