import ContentStore
import IPFSClient
import Primitives
import Testing

@Suite("Standing of nodes")
struct NodeBookTests {
  static func at(_ seconds: Int) -> Tick { Tick.zero.advanced(by: .seconds(seconds)) }

  /// A gateway, an RPC node, an embedded node, another gateway.
  static let kinds: [NodeKind] = [.gateway, .rpc, .embedded, .gateway]

  @Test("embedded comes before RPC before gateways, and gateways only read")
  func order() {
    let book = NodeBook(kinds: Self.kinds)
    #expect(book.order(for: .read, at: .zero) == [2, 1, 0, 3])
    #expect(book.order(for: .stream, at: .zero) == [1, 0, 3])
    #expect(book.order(for: .write, at: .zero) == [2, 1])
    #expect(book.order(for: .pin, at: .zero) == [2, 1])
  }

  @Test("of equals the better one is asked first: faster, more often there")
  func score() {
    var book = NodeBook(kinds: Self.kinds)
    book.finish(0, .read, .succeeded, latency: .milliseconds(300), at: .zero)
    book.finish(3, .read, .succeeded, latency: .milliseconds(30), at: .zero)
    #expect(book.order(for: .read, at: .zero) == [2, 1, 3, 0])
    for _ in 0..<3 { book.finish(3, .read, .failed, latency: .zero, at: .zero) }
    #expect(book.order(for: .read, at: .zero) == [2, 1, 0, 3])
  }

  @Test("a lie costs more than any slowness: the node is unhealthy and last until it is forgotten")
  func lie() {
    var book = NodeBook(kinds: Self.kinds)
    for node in 0..<4 {
      book.finish(node, .read, .succeeded, latency: .milliseconds(10), at: .zero)
    }
    let before = book.records[1].score.value
    book.finish(1, .read, .lied, latency: .milliseconds(10), at: .zero)
    #expect(book.records[1].score.value < before / 4)
    #expect(book.health(of: 1) == .unhealthy)
    #expect(book.order(for: .read, at: .zero) == [2, 0, 3, 1])
    for _ in 0..<25 {
      book.finish(1, .read, .succeeded, latency: .milliseconds(10), at: .zero)
    }
    #expect(book.health(of: 1) == .healthy)
    #expect(book.records[1].score.lies == 1)
  }

  @Test("not having something is an answer: it opens no breaker and lowers no score")
  func missing() {
    var book = NodeBook(kinds: [.gateway])
    for _ in 0..<100 { book.finish(0, .read, .missing, latency: .zero, at: .zero) }
    #expect(book.records[0].breaker(for: .read).state == .closed)
    #expect(book.records[0].score.value == 1)
    #expect(book.health(of: 0) == .healthy)
  }

  @Test("a node that asks to be left alone is, for as long as it said, and has no fault")
  func throttled() {
    var book = NodeBook(kinds: Self.kinds)
    let score = book.records[1].score
    book.finish(1, .read, .throttled(.seconds(7)), latency: .zero, at: .zero)
    #expect(book.records[1].score == score)
    #expect(book.order(for: .read, at: Self.at(6)) == [2, 0, 3])
    #expect(book.order(for: .write, at: Self.at(6)) == [2])
    #expect(book.askedBackAt(.pin) == .zero)
    #expect(book.order(for: .read, at: Self.at(7)) == [2, 1, 0, 3])
    var alone = NodeBook(kinds: [.gateway])
    alone.finish(0, .read, .throttled(.seconds(7)), latency: .zero, at: .zero)
    #expect(alone.askedBackAt(.read) == Self.at(7))
  }

  @Test("a breaker is of one class of operations")
  func classes() {
    var book = NodeBook(kinds: [.rpc])
    for _ in 0..<5 { book.finish(0, .write, .failed, latency: .zero, at: .zero) }
    #expect(book.order(for: .write, at: .zero).isEmpty)
    #expect(book.order(for: .read, at: .zero) == [0])
    #expect(book.askedBackAt(.write) == nil)
  }

  @Test("health: unknown is degraded, then healthy, degraded, unhealthy, and back")
  func health() {
    var book = NodeBook(kinds: [.rpc])
    #expect(book.health(of: 0) == .degraded)
    book.noteProbe(0, succeeded: true, latency: .milliseconds(5), at: .zero)
    #expect(book.health(of: 0) == .healthy)
    book.noteProbe(0, succeeded: false, latency: .zero, at: .zero)
    #expect(book.health(of: 0) == .degraded)
    book.noteProbe(0, succeeded: false, latency: .zero, at: .zero)
    book.noteProbe(0, succeeded: false, latency: .zero, at: .zero)
    #expect(book.health(of: 0) == .unhealthy)
    for _ in 0..<9 { book.noteProbe(0, succeeded: true, latency: .milliseconds(5), at: .zero) }
    #expect(book.health(of: 0) == .healthy)
    for _ in 0..<20 { book.noteProbe(0, succeeded: true, latency: .seconds(3), at: .zero) }
    #expect(book.health(of: 0) == .degraded)
  }

  @Test("an open breaker for reading makes a node unhealthy; a probe lets the next read through")
  func breakerAndProbe() {
    var book = NodeBook(kinds: [.gateway])
    for _ in 0..<5 { book.finish(0, .read, .failed, latency: .zero, at: .zero) }
    #expect(book.health(of: 0) == .unhealthy)
    #expect(book.order(for: .read, at: Self.at(1)).isEmpty)
    book.noteProbe(0, succeeded: true, latency: .milliseconds(1), at: Self.at(1))
    #expect(book.order(for: .read, at: Self.at(1)) == [0])
    let first = book.begin(0, .read, at: Self.at(1))
    let second = book.begin(0, .read, at: Self.at(1))
    #expect(first && !second)
  }

  @Test("a second node is asked after the 95th percentile of the first one's answers")
  func hedging() {
    let rule = HedgingRule()
    var latencies = LatencyWindow()
    #expect(rule.delay(after: latencies) == .milliseconds(500))
    for milliseconds in 1...100 { latencies.note(.milliseconds(milliseconds)) }
    #expect(rule.delay(after: latencies) == .milliseconds(96))
    for _ in 0..<100 { latencies.note(.milliseconds(1)) }
    #expect(rule.delay(after: latencies) == .milliseconds(10))
    for _ in 0..<100 { latencies.note(.seconds(60)) }
    #expect(rule.delay(after: latencies) == .seconds(5))
  }

  @Test("pins wait in order, once each, up to a limit")
  func pinQueue() {
    func cid(_ number: Int) -> CID {
      ContentBlock(hashing: Bytes("\(number)".utf8), codec: .raw).cid
    }
    var queue = PinQueue()
    for number in 0..<PinQueue.entriesMax {
      let isKept = queue.add(cid(number), name: "")
      #expect(isKept)
    }
    let isTooMuch = !queue.add(cid(-1), name: "")
    let isRenewed = queue.add(cid(0), name: "again")
    #expect(isTooMuch && isRenewed && queue.entries.last?.name == "again")
    queue.remove(cid(1))
    #expect(queue.entries.count == PinQueue.entriesMax - 1)
  }
}
