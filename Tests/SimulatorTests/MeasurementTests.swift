import Peering
import Primitives
import Testing

@testable import Simulator

@Suite("Measured networks")
struct MeasurementTests {
  private static func lookups(_ seed: UInt64, _ tables: TableOrigin, dead: Double = 0)
    -> NetworkFigures
  {
    var settings = LookupSettings(nodes: 120, seed: seed)
    settings.plan.set(.dead, to: dead)
    var measurement = LookupMeasurement(settings, tables: tables)
    measurement.lookUp(30)
    return measurement.figures
  }

  @Test("lookups in full tables end at the closest living node")
  func filled() throws {
    let figures = Self.lookups(1, .filledDirectly, dead: 0.3)
    let lookups = try #require(figures.lookups)
    #expect(lookups.hops.count == 30)
    #expect(try #require(lookups.foundClosest) >= 29)
    #expect(Distribution(lookups.hops).mean <= 4)
    #expect(figures.load.reduce(0, +) > 60)
  }

  @Test("nodes that join one by one find each other")
  func joined() throws {
    let figures = Self.lookups(2, .joined)
    let lookups = try #require(figures.lookups)
    #expect(lookups.tables == .joined)
    #expect(try #require(lookups.foundClosest) >= 29)
  }

  @Test("one seed is one run, another seed another")
  func determinism() {
    #expect(Self.lookups(3, .joined).digest == Self.lookups(3, .joined).digest)
    #expect(Self.lookups(3, .filledDirectly).digest != Self.lookups(4, .filledDirectly).digest)
  }

  @Test("buckets filled from the book hold the right peers and no more than k")
  func buckets() {
    var network = LookupNetwork(LookupSettings(nodes: 500, seed: 5))
    network.fillTables()
    for node in stride(from: 0, to: 500, by: 50) {
      let table = network.machines[node].table
      #expect(Set(table.entries.map(\.peer)).count == table.count)
      for bucket in 0..<64 {
        for entry in table.entries(inBucket: bucket) {
          #expect(table.bucket(of: network.book.key(of: entry.peer)) == bucket)
        }
      }
      #expect(table.count(inBucket: 0) == 20)
      #expect(table.count > 60)
    }
  }

  @Test("a published message reaches everybody, past silent nodes too")
  func gossip() throws {
    var settings = GossipSettings(nodes: 120, seed: 6)
    settings.plan.set(.silent, to: 0.6)
    var measurement = GossipMeasurement(settings)
    measurement.publish(1)
    let gossip = try #require(measurement.figures.gossip)
    #expect(gossip.coverage.allSatisfy { $0 >= 0.99 && $0 <= 1 })
    #expect(gossip.median99 != nil)
    #expect(gossip.curve.last?.share ?? 0 >= 0.99)
    #expect(zip(gossip.curve, gossip.curve.dropFirst()).allSatisfy { $0.share <= $1.share })
    #expect(gossip.copies > gossip.deliveries)
  }

  @Test("Sybils around a key deny next to no read")
  func eclipse() throws {
    var measurement = LookupMeasurement(
      LookupSettings(nodes: 100, seed: 7), tables: .filledDirectly)
    measurement.eclipse(keys: 1, sybils: 20)
    let eclipse = try #require(measurement.figures.eclipse)
    #expect(eclipse.reads == 200)
    #expect(eclipse.success <= 0.01, "\(eclipse.denied) denied")
  }
}

@Suite("Distributions")
struct DistributionTests {
  @Test("quantiles are nearest ranks")
  func quantiles() {
    let distribution = Distribution(Array((1...100).reversed()))
    #expect(distribution.quantile(0.95) == 95)
    #expect(distribution.median == 50)
    #expect(distribution.mean == 50.5)
    #expect(distribution.largest == 100)
    #expect(Distribution([]).quantile(0.5) == 0)
    #expect(Distribution([0, 2, 2]).counts == [1, 0, 2])
  }

  @Test("steps count everything once")
  func steps() {
    let distribution = Distribution([0, 1, 5, 9, 10, 99])
    let steps = distribution.steps(10)
    #expect(steps.reduce(0) { $0 + $1.count } == 6)
    #expect(steps.last?.upTo ?? 0 > 99)
  }
}
