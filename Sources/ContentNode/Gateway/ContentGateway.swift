package import ContentStore
internal import Glibc
package import Networking
package import Persistence
package import Primitives
package import Telemetry

/// An IPFS gateway over a block store (specs.ipfs.tech/http-gateways): verifiable blocks, archives
/// and name records, and unless that is turned off the files themselves.
///
/// Everything streams: a response costs one block of memory, whatever it is a response about.
package final class ContentGateway: Sendable {
  /// Fetches a block that is not stored, such as from peers; throws `ContentError.missingBlock`
  /// where nobody has it. What comes is checked here. Cancelled when it takes too long or the
  /// client leaves.
  package typealias Fetch = @Sendable (CID) async throws -> Bytes
  /// Says whether, and why, the operator does not serve a block; must be quick.
  package typealias Denylist = @Sendable (CID) -> ContentDenial?

  let settings: GatewaySettings
  let records: (any IPNSRecords)?
  let blocks: GatewayBlocks
  private let metrics: GatewayMetrics
  private let hosts: HTTPHostPolicy
  private let admission: GatewayAdmission

  /// A gateway of what `store` holds and, where it is given, of what `fetch` finds.
  package init(
    store: BlockStore, loop: EventLoop, settings: GatewaySettings = GatewaySettings(),
    metrics: MetricsRegistry = MetricsRegistry(), fetch: Fetch? = nil,
    records: (any IPNSRecords)? = nil, denylist: Denylist? = nil
  ) {
    self.settings = settings
    self.records = records
    self.metrics = GatewayMetrics(registry: metrics)
    hosts =
      settings.hostNames.map { HTTPHostPolicy.localhost(and: $0).welcomingAnyOrigin() } ?? .any
    admission = GatewayAdmission(requestsMax: settings.requestsMax)
    // Each request waits for at most one piece of work.
    let pool = ComputePool(
      named: "gateway", threads: Self.readingThreads, queueMax: settings.requestsMax + 1)
    blocks = GatewayBlocks(
      store: store, pool: pool, loop: loop, retrievalTime: settings.retrievalTime,
      denylist: denylist, fetch: fetch)
  }

  private static var readingThreads: Int {
    min(GatewayLimits.readingThreadsMax, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Ends the threads; no request may be under way.
  package func close() { blocks.pool.stop() }

  /// A server whose every request is the gateway's.
  package func server() -> HTTPServer {
    HTTPServer(loop: blocks.loop) { await self.answer($0) }
  }

  /// Answers one request; the handler of an `HTTPServer`.
  package func answer(_ request: HTTPRequest) async -> HTTPResponse {
    if let refusal = hosts.refusal(of: request) { return refusal }
    let began = blocks.loop.now
    var format = "error"
    var response: HTTPResponse
    do {
      response = try await answer(request, at: began, format: &format)
    } catch {
      response = GatewayError(describing: error).response
    }
    Self.addSharing(to: &response.headers)
    metrics.count(
      format: format, status: response.status, seconds: blocks.loop.now.duration(since: began))
    return response
  }

  private func answer(
    _ request: HTTPRequest, at began: Tick, format: inout String
  ) async throws -> HTTPResponse {
    if request.method == .options { return HTTPResponse(status: .noContent) }
    guard let place = admission.enter() else { throw GatewayError.busy }
    let asked = try GatewayRequest(
      method: request.method, path: request.path, query: request.head.query,
      headers: request.headers)
    format = asked.negotiation.format?.rawValue ?? "deserialized"
    let response = try await respond(to: asked)
    let (loop, written) = (blocks.loop, metrics.bytes(format))
    let deadline = began.advanced(by: settings.responseTime)
    let body: HTTPResponse.Body
    switch response.body {
    case .bytes(let bytes):
      if !asked.isHeadOnly { written.increment(by: UInt64(bytes.count)) }
      body = .bytes(bytes)
    case .stream(let length, let produce):
      body = .stream(length: length) { writer in
        try await produce(
          GatewayWriter(writer: writer, loop: loop, deadline: deadline, written: written))
        // Until here the request is under way.
        withExtendedLifetime(place) {}
      }
    }
    return HTTPResponse(status: response.status, headers: response.headers, body: body)
  }

  /// Pages of other sites may read what is public anyway, and see the fields that describe it.
  private static func addSharing(to headers: inout HTTPHeaders) {
    headers.append("Access-Control-Allow-Origin", "*")
    headers.append("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
    headers.append(
      "Access-Control-Allow-Headers", "Content-Type, Range, User-Agent, X-Requested-With")
    headers.append(
      "Access-Control-Expose-Headers",
      """
      Content-Length, Content-Range, X-Chunked-Output, X-Ipfs-Path, X-Ipfs-Roots, X-Stream-Output
      """)
  }
}

/// Counts the requests under way.
final class GatewayAdmission: Sendable {
  /// A place among them; given back when it is let go of.
  final class Place: Sendable {
    private let admission: GatewayAdmission
    fileprivate init(_ admission: GatewayAdmission) { self.admission = admission }
    deinit { admission.count.withLock { $0 -= 1 } }
  }

  private let requestsMax: Int
  private let count = Lock(0)

  init(requestsMax: Int) { self.requestsMax = requestsMax }

  /// A place, or nil where all are taken.
  func enter() -> Place? {
    let isFree = count.withLock { count in
      guard count < requestsMax else { return false }
      count += 1
      return true
    }
    return isFree ? Place(self) : nil
  }
}
