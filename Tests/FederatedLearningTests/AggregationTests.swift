import NeuralNetworks
import Primitives
import Testing

@testable import FederatedLearning

@Suite struct AggregationTests {
  private func updates(_ count: Int, seed: UInt64) -> [ClientUpdate] {
    (0..<count).map { client in
      let stream = PhiloxStream(
        seed: seed, domain: .syntheticData, index: 0, client: UInt32(client))
      return ClientUpdate(
        client: client, examples: 1 + client * 7 % 13,
        parameters: ParameterBuffer(stream.uniform(33, scale: 3)))
    }
  }

  @Test("the order of arrival does not change a bit", arguments: UInt64(0)..<20)
  func arrivalOrder(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let updates = updates(Int(seed) + 1, seed: seed)
    let mean = try weightedMean(updates)
    for _ in 0..<5 { #expect(try weightedMean(updates.shuffled(using: &random)) == mean) }
  }

  @Test("the mean weighs by examples")
  func weights() throws {
    let mean = try weightedMean([
      ClientUpdate(client: 3, examples: 3, parameters: ParameterBuffer([1, -2])),
      ClientUpdate(client: 9, examples: 1, parameters: ParameterBuffer([5, 2])),
    ])
    #expect(mean.values == [2, -1])
  }

  @Test("the mean of equal models is that model")
  func identity() throws {
    let model = updates(1, seed: 4)[0].parameters
    let mean = try weightedMean(
      (0..<7).map { ClientUpdate(client: $0, examples: 144, parameters: model) })
    #expect(mean == model)
  }

  @Test("updates that do not fit together are refused by name")
  func refused() {
    let one = ClientUpdate(client: 1, examples: 2, parameters: ParameterBuffer([1]))
    #expect(throws: AggregationError.noUpdates) { try weightedMean([]) }
    #expect(throws: AggregationError.duplicateClient(1)) { try weightedMean([one, one]) }
    let empty = ClientUpdate(client: 2, examples: 0, parameters: ParameterBuffer([1]))
    #expect(throws: AggregationError.examples(0, client: 2)) { try weightedMean([one, empty]) }
    let wide = ClientUpdate(client: 2, examples: 1, parameters: ParameterBuffer([1, 2]))
    #expect(throws: AggregationError.parameterCount(2, client: 2, expected: 1)) {
      try weightedMean([one, wide])
    }
    let infinite = ClientUpdate(client: 2, examples: 1, parameters: ParameterBuffer([.infinity]))
    #expect(throws: AggregationError.notFinite) { try weightedMean([one, infinite]) }
  }
}
