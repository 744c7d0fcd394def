internal import Primitives

/// How the next token follows from a model's outputs; the same on every machine.
public struct TokenSampling: Hashable, Sendable {
  /// What outputs are divided by; 0 takes the largest.
  public let temperature: Double
  /// Only so many of the largest outputs may be taken; nil for all.
  public let candidatesMax: Int?
  /// Fixes the draws.
  public let seed: UInt64

  /// Hotter than this every token is as good as any other.
  public static let temperatureMax = 100.0

  /// Takes a temperature from 0 to `temperatureMax` and at least one candidate.
  public init(temperature: Double = 1, candidatesMax: Int? = nil, seed: UInt64 = 0) {
    precondition((0...Self.temperatureMax).contains(temperature) && candidatesMax ?? 1 > 0)
    self.temperature = temperature
    self.candidatesMax = candidatesMax
    self.seed = seed
  }

  /// Token `number` (from 0) of a text out of finite outputs, by models.md §8; equal outputs are
  /// ranked by their token.
  public func token(from outputs: UnsafeBufferPointer<Float>, number: Int) -> Int32 {
    precondition(!outputs.isEmpty)
    var best = 0
    for token in outputs.indices where outputs[token] > outputs[best] { best = token }
    guard temperature > 0 else { return Int32(best) }
    let candidates = candidates(among: outputs)
    let weights = candidates.map {
      Elementary.exponential((Double(outputs[$0]) - Double(outputs[best])) / temperature)
    }
    let limit = fraction(number) * weights.reduce(0, +)
    var sum = 0.0
    for (token, weight) in zip(candidates, weights) {
      sum += weight
      if sum > limit { return Int32(token) }
    }
    return Int32(best)
  }

  /// The tokens that may be taken, ascending.
  private func candidates(among outputs: UnsafeBufferPointer<Float>) -> [Int] {
    guard let candidatesMax, candidatesMax < outputs.count else { return Array(outputs.indices) }
    let ranked = outputs.indices.sorted {
      outputs[$0] > outputs[$1] || (outputs[$0] == outputs[$1] && $0 < $1)
    }
    return ranked.prefix(candidatesMax).sorted()
  }

  /// A number in [0, 1) with 53 bits: the first two words of block `number`.
  private func fraction(_ number: Int) -> Double {
    let stream = PhiloxStream(seed: seed, domain: .generation, index: 0)
    let words = stream.words(2, firstBlock: UInt64(number))
    return Double((UInt64(words[0]) << 32 | UInt64(words[1])) >> 11) * 0x1p-53
  }
}
