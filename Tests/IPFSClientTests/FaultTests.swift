import ContentStore
import Primitives
import Telemetry
import Testing

@testable import IPFSClient

@Suite("Nodes that fail, lie or stall")
struct FaultTests {
  static let content = DownloadTests.content
  static let honest = DownloadTests.honest

  static let faults: [TestNode.Fault] = [
    .lies, .truncates, .floods, .endless, .stalls, .fails, .empty, .silent,
    .throttles(seconds: 60, times: 1_000),
  ]

  @Test(
    "a verified read succeeds from another node, whatever the first does",
    arguments: faults.indices)
  func failover(fault: Int) async throws {
    let bad = TestNode(Self.honest.blocks, fault: Self.faults[fault])
    let good = TestNode(Self.honest.blocks)
    try await withNodes([bad, good]) { urls in
      try await withClient(
        ["gateway:\(urls[0])", "gateway:\(urls[1])"],
        adjusting: { ($0.timeout, $0.stallTimeout) = (.seconds(3), .seconds(1)) }
      ) { client in
        let result = await client.downloadContent(Self.honest.cid.text)
        #expect(result.error == nil)
        #expect(result.metadata.content == Self.content)
        #expect(bad.requests.withLock { !$0.isEmpty })
      }
    }
  }

  @Test(
    "a lie costs the node its score and its health, and the lie is never given",
    arguments: ["block", "archive", "endless block", "flood"])
  func liar(kind: String) async throws {
    let fault: TestNode.Fault =
      switch kind {
      case "endless block": .endless
      case "flood": .floods
      default: .lies
      }
    let isArchive = kind == "archive" || kind == "flood"
    let bad = TestNode(Self.honest.blocks, fault: isArchive ? .none : fault)
    let good = TestNode(Self.honest.blocks)
    try await withNodes([bad, good]) { urls in
      // Nodes of this kind are asked first, however they score.
      try await withClient(["rpc:\(urls[0])", "gateway:\(urls[1])"]) { client in
        let wanted = Self.honest.cid
        if isArchive {
          // The root is honest, what comes after it is not.
          _ = try await client.block(wanted)
          bad.fault.withLock { $0 = fault }
          let result = await client.downloadContent(wanted.text)
          #expect(result.metadata.content == Self.content)
        } else {
          let block = try await client.block(wanted)
          #expect(block.cid == wanted)
        }
        let status = client.nodeStatus()
        #expect(status[0].lies == 1 && status[0].health == .unhealthy)
        // A quarter is left of its trust; how fast the nodes are is this machine's affair.
        #expect(status[0].score <= 0.25)
        #expect(client.order(for: .read) == [1, 0])
      }
    }
  }

  @Test("when every node is down the error names each, and the breakers then spare them")
  func allDown() async throws {
    let nodes = [TestNode(fault: .fails), TestNode(fault: .fails)]
    try await withNodes(nodes) { urls in
      let registry = MetricsRegistry()
      let addresses = ["rpc:\(urls[0])", "gateway:\(urls[1])", "gateway:http://127.0.0.1:1"]
      try await withClient(addresses, metrics: registry) { client in
        let result = await client.downloadContent(Self.honest.cid.text)
        guard case .allNodesFailed(let failures)? = result.error else {
          Issue.record("\(result.error as Any)")
          return
        }
        #expect(failures.count == 3 && result.error?.description.contains("127.0.0.1:1 ") == true)
        #expect(failures.last?.fault == .unreachable)
        // Three passes, as the configuration says.
        #expect(nodes[1].requests.withLock { $0.count } == 3)
        #expect(registry.prometheusText().contains("ipfs_retries_total{operation=\"read\"} 2"))
        for _ in 0..<3 { _ = await client.downloadContent(Self.honest.cid.text) }
        #expect(nodes[1].requests.withLock { $0.count } == 5)
        #expect(client.nodeStatus().allSatisfy { $0.breakers[0].state == "open" })
        let last = await client.downloadContent(Self.honest.cid.text)
        #expect(last.error == .allNodesFailed([]))
        let report = await client.healthCheck()
        #expect(report.status == .unhealthy && report.healthyCount == 0)
      }
    }
  }

  @Test("Retry-After is waited for, and a node is not asked before")
  func retryAfter() async throws {
    let node = TestNode(Self.honest.blocks, fault: .throttles(seconds: 7, times: 1))
    let virtual = VirtualClock()
    try await withNodes([node]) { urls in
      try await withClient(["gateway:\(urls[0])"], clock: virtual.clock) { client in
        let block = try await client.block(Self.honest.cid)
        #expect(block.cid == Self.honest.cid)
        #expect(virtual.slept.withLock { $0 } == [.seconds(7)])
        #expect(node.requests.withLock { $0.count } == 2)
        #expect(client.nodeStatus()[0].score > 0.9)
      }
    }
  }

  @Test("a node that asks for longer than anybody waits is left alone")
  func longRetryAfter() async throws {
    let node = TestNode(Self.honest.blocks, fault: .throttles(seconds: 600, times: 9))
    try await withNodes([node]) { urls in
      try await withClient(["gateway:\(urls[0])"]) { client in
        let result = await client.downloadContent(Self.honest.cid.text)
        guard case .allNodesFailed(let failures)? = result.error else {
          Issue.record("\(result.error as Any)")
          return
        }
        #expect(failures.map(\.fault) == [.throttled(.seconds(600))])
        #expect(node.requests.withLock { $0.count } == 1)
      }
    }
  }

  @Test("a second node is asked when the first is slow, and the first is not waited for")
  func hedged() async throws {
    let (slow, fast) = (
      TestNode(Self.honest.blocks, fault: .silent), TestNode(Self.honest.blocks)
    )
    try await withNodes([slow, fast]) { urls in
      let registry = MetricsRegistry()
      try await withClient(
        ["gateway:\(urls[0])", "gateway:\(urls[1])"], metrics: registry,
        adjusting: { configuration in
          configuration.hedging.initialDelay = .milliseconds(20)
          configuration.stallTimeout = .seconds(1_000)
          configuration.timeout = .seconds(1_000)
        }
      ) { client in
        let block = try await client.block(Self.honest.cid)
        #expect(block.cid == Self.honest.cid)
        #expect(registry.prometheusText().contains("ipfs_hedged_requests_total 1"))
        // Who lost the race has done nothing wrong.
        #expect(client.nodeStatus()[0].score > 0.9)
      }
    }
  }

  @Test("two who ask for one block at the same time make one request")
  func singleflight() async throws {
    let node = TestNode(Self.honest.blocks, fault: .slow(.milliseconds(100)))
    try await withNodes([node]) { urls in
      try await withClient(["gateway:\(urls[0])"]) { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<20 { group.addTask { _ = try await client.block(Self.honest.cid) } }
          try await group.waitForAll()
        }
        #expect(node.requests.withLock { $0.count } == 1)
      }
    }
  }
}

/// A clock that jumps where somebody sleeps.
final class VirtualClock: Sendable {
  private let now = Lock(Tick.zero)
  let slept = Lock<[Duration]>([])

  var clock: ClientClock {
    ClientClock(
      now: { self.now.withLock { $0 } },
      sleep: { duration in
        try Task.checkCancellation()
        self.now.withLock { $0 = $0.advanced(by: duration) }
        self.slept.withLock { $0.append(duration) }
      })
  }
}
