internal import ContentStore
internal import Networking
internal import Primitives

/// A trustless gateway (specs.ipfs.tech/http-gateways/trustless-gateway): single blocks and
/// archives, never a file that the gateway has put together.
struct GatewayConnection: NodeConnection {
  let exchange: NodeExchange

  /// The empty identity CID, which every gateway can answer.
  private static let probePath = "/ipfs/bafkqaaa?format=raw"

  func block(_ cid: CID) async throws(NodeFault) -> Bytes {
    var request = exchange.request(.get, "/ipfs/\(cid)?format=raw")
    request.headers.append("Accept", "application/vnd.ipld.raw")
    return try await exchange.block(request, cid)
  }

  func archive(
    _ cid: CID, from offset: UInt64, into sink: @escaping @Sendable (Bytes) throws -> Void
  ) async throws {
    let range = offset == 0 ? "" : "&entity-bytes=\(offset):*"
    var request = exchange.request(
      .get, "/ipfs/\(cid)?format=car&dag-scope=entity\(range)&car-order=dfs&car-dups=y")
    request.headers.append("Accept", "application/vnd.ipld.car; version=1; order=dfs; dups=y")
    try await exchange.stream(request, into: sink)
  }

  func probe() async throws(NodeFault) -> String? {
    var request = exchange.request(.get, Self.probePath)
    request.headers.append("Accept", "application/vnd.ipld.raw")
    request.timeout = min(exchange.timeout, IPFSClientLimits.probeTimeout)
    let answer = try await exchange.answer(to: request)
    guard answer.isEmpty else { throw .malformed("the empty block has \(answer.count) bytes") }
    return nil
  }

  func store(_ upload: Upload, isPinned: Bool) async throws {
    preconditionFailure("a gateway only reads")
  }

  func pin(_ cid: CID, name: String) async throws(NodeFault) {
    preconditionFailure("a gateway only reads")
  }

  func unpin(_ cid: CID) async throws(NodeFault) {
    preconditionFailure("a gateway only reads")
  }
}
