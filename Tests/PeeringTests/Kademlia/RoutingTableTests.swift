import Primitives
import Testing

@testable import Peering

@Suite("Kademlia routing table")
struct RoutingTableTests {
  private static func filled(
    peers: Int, seed: UInt64
  ) -> (table: RoutingTable, book: TestBook, random: SplitMix64) {
    var random = SplitMix64(seed: seed)
    var book = TestBook()
    let own = DistanceKey.random(&random)
    let local = book.add(own, group: 0)
    var table = RoutingTable(local: local, key: own)
    for index in 0..<peers {
      let peer = book.add(.random(&random), group: UInt32(index + 1))
      _ = table.insert(peer, admission: .staked, directory: book)
    }
    return (table, book, random)
  }

  @Test("an entry takes at most sixteen bytes")
  func entrySize() {
    #expect(MemoryLayout<RoutingEntry>.stride == 12)
  }

  @Test("distances and prefix lengths agree with arithmetic on single bits")
  func distances() {
    var random = SplitMix64(seed: 5)
    func bits(_ key: DistanceKey) -> [Bool] {
      [key.words.0, key.words.1, key.words.2, key.words.3].flatMap { word in
        (0..<64).map { word >> (63 - UInt64($0)) & 1 == 1 }
      }
    }
    for shared in stride(from: 0, to: 62, by: 3) {
      let left = DistanceKey.random(&random)
      let right = left.neighbour(sharing: shared, random: &random)
      #expect(left.commonPrefixLength(with: right) == shared)
      let xor = zip(bits(left), bits(right)).map { $0 != $1 }
      #expect(bits(left.distance(to: right)) == xor)
      #expect(xor.firstIndex(of: true) == shared)
    }
  }

  @Test("buckets hold the first k of each prefix length, as a plain model does", arguments: 1...3)
  func buckets(seed: UInt64) {
    let (table, book, _) = Self.filled(peers: 600, seed: seed)
    var model: [Int: [PeerHandle]] = [:]
    for index in 1...600 {
      let peer = PeerHandle(UInt32(index))
      let bucket = table.key.commonPrefixLength(with: book.key(of: peer))
      if model[bucket, default: []].count < 20 { model[bucket, default: []].append(peer) }
    }
    for bucket in 0..<KademliaLimits.bucketsMax {
      #expect(table.entries(inBucket: bucket).map(\.peer) == model[bucket, default: []])
      #expect(table.count(inBucket: bucket) == model[bucket, default: []].count)
    }
    #expect(table.count == model.values.reduce(0) { $0 + $1.count })
  }

  @Test("the closest peers are those that trying all entries finds", arguments: 1...4)
  func closest(seed: UInt64) {
    var (table, book, random) = Self.filled(peers: 500, seed: seed)
    var points = (0..<20).map { _ in DistanceKey.random(&random) }
    points += (0..<20).map { table.key.neighbour(sharing: $0, random: &random) }
    points.append(table.key)
    for point in points {
      for count in [1, 7, 20, 60] {
        let naive = book.closest(count, of: table.entries.map(\.peer), to: point)
        #expect(table.closest(to: point, count: count, directory: book) == naive)
      }
      let first = table.closest(to: point, directory: book)[0]
      let others = table.closest(to: point, excluding: first, directory: book)
      #expect(!others.contains(first))
    }
  }

  @Test("an address group has at most two peers in a bucket and three in the table")
  func diversity() {
    var random = SplitMix64(seed: 8)
    var book = TestBook()
    let own = DistanceKey.random(&random)
    var table = RoutingTable(local: book.add(own, group: 0), key: own)
    func offer(bucket: Int, group: UInt32) -> RoutingTable.Insertion {
      let peer = book.add(own.neighbour(sharing: bucket, random: &random), group: group)
      return table.insert(peer, admission: .staked, directory: book)
    }
    #expect(offer(bucket: 0, group: 7) == .inserted)
    #expect(offer(bucket: 0, group: 7) == .inserted)
    #expect(offer(bucket: 0, group: 7) == .refused(.groupInBucket(limit: 2)))
    #expect(offer(bucket: 1, group: 7) == .inserted)
    #expect(offer(bucket: 2, group: 7) == .refused(.groupInTable(limit: 3)))
    for _ in 0..<20 { #expect(offer(bucket: 3, group: 0) == .inserted) }
    #expect(offer(bucket: 3, group: 0) == .refused(.bucketFull))
    let late = book.add(own.neighbour(sharing: 4, random: &random), group: 7)
    let before = table.count
    #expect(table.prospect(of: late, directory: book) == .refused(.groupInTable(limit: 3)))
    #expect(table.prospect(of: table.local, directory: book) == .refused(.isLocal))
    #expect(table.prospect(of: table.entries[0].peer, directory: book) == .known)
    #expect(table.count == before)
  }

  @Test("a silent entry loses its place to a newcomer, and in the end without one")
  func replacement() {
    var random = SplitMix64(seed: 11)
    var book = TestBook()
    let own = DistanceKey.random(&random)
    var table = RoutingTable(local: book.add(own, group: 0), key: own)
    let peers = (0..<22).map { _ in
      book.add(own.neighbour(sharing: 2, random: &random), group: 0)
    }
    for peer in peers.prefix(20) {
      _ = table.insert(peer, admission: .staked, directory: book)
    }
    let outcome = table.failed(peers[4], directory: book)
    #expect(!outcome)
    #expect(
      table.insert(peers[20], admission: .staked, directory: book) == .refused(.bucketFull))
    _ = table.failed(peers[4], directory: book)
    let point = book.key(of: peers[4])
    #expect(!table.closest(to: point, directory: book).contains(peers[4]))
    #expect(
      table.insert(peers[20], admission: .staked, directory: book) == .replaced(peers[4]))
    // An answer clears earlier failures.
    _ = table.failed(peers[5], directory: book)
    table.answered(
      peers[5], at: Tick(nanoseconds: 9_000_000_000), after: .milliseconds(80), directory: book)
    let entry = table.entry(of: peers[5], directory: book)
    #expect(entry?.failures == 0)
    #expect(entry?.roundTripMilliseconds == 80)
    let losses = (0..<KademliaLimits.failuresMax).map { _ in
      table.failed(peers[5], directory: book)
    }
    #expect(losses == [false, false, false, true])
    #expect(table.count == 19)
  }

  @Test("the last peers stay however often they fail, and a search begins with them")
  func lastPeers() {
    var random = SplitMix64(seed: 13)
    var book = TestBook()
    let own = DistanceKey.random(&random)
    var table = RoutingTable(local: book.add(own, group: 0), key: own)
    let peers = (0..<20).map { _ in book.add(.random(&random), group: 0) }
    for peer in peers { _ = table.insert(peer, admission: .staked, directory: book) }
    for _ in 0..<10 {
      for peer in peers { _ = table.failed(peer, directory: book) }
    }
    #expect(table.count == KademliaLimits.lastPeersKept)
    #expect(table.closest(to: own, directory: book).isEmpty)
    #expect(table.seeds(for: own, directory: book).count == KademliaLimits.lastPeersKept)
    let back = table.seeds(for: own, directory: book)[0]
    table.answered(
      back, at: Tick(nanoseconds: 9_000_000_000), after: .milliseconds(80), directory: book)
    #expect(table.seeds(for: own, directory: book) == [back])
  }

  @Test("anchors are fresh, staked before puzzled, quick before slow, one of a group")
  func anchors() {
    var random = SplitMix64(seed: 12)
    var book = TestBook()
    let own = DistanceKey.random(&random)
    var table = RoutingTable(local: book.add(own, group: 0), key: own)
    let now = KademliaWorld.epoch
    func add(_ admission: KademliaAdmission, group: UInt32, roundTrip: Int?) -> PeerHandle {
      let peer = book.add(.random(&random), group: group)
      _ = table.insert(peer, admission: admission, directory: book)
      if let roundTrip {
        table.answered(peer, at: now, after: .milliseconds(roundTrip), directory: book)
      }
      return peer
    }
    let quickPuzzle = add(.puzzle, group: 1, roundTrip: 10)
    let slow = add(.staked, group: 2, roundTrip: 90)
    let quick = add(.staked, group: 3, roundTrip: 20)
    _ = add(.staked, group: 3, roundTrip: 30)
    _ = add(.staked, group: 4, roundTrip: nil)
    #expect(table.anchors(at: now, directory: book) == [quick, slow, quickPuzzle])
    let later = now.advanced(by: KademliaLimits.entryFreshness)
    #expect(table.anchors(at: later, directory: book).isEmpty)
  }

  @Test("a random point of a bucket lies in it")
  func randomPoints() {
    var (table, _, random) = Self.filled(peers: 0, seed: 3)
    for bucket in 0..<63 {
      let point = table.randomPoint(inBucket: bucket, random: &random)
      #expect(table.bucket(of: point) == bucket)
    }
  }
}
