internal import ContentStore
internal import Networking
internal import Primitives

/// Kubo's RPC API (docs.ipfs.tech/reference/kubo/rpc): `POST` only, errors as status 500 with a
/// message.
struct RPCConnection: NodeConnection {
  let exchange: NodeExchange

  /// Separates the one part of a form; occurs nowhere in it because its length is known before.
  private static let boundary = "martlet-5d1f7c0a9b3e4826"
  /// What Kubo says of a block or a pin that it does not have.
  private static let absences = ["not found", "could not find", "not pinned", "does not have"]

  func block(_ cid: CID) async throws(NodeFault) -> Bytes {
    let seconds = max(1, exchange.timeout.components.seconds)
    return try await absent {
      () async throws(NodeFault) in
      // Kubo looks for the block among its peers for this long.
      try await exchange.block(command("block/get?arg=\(cid)&timeout=\(seconds)s"), cid)
    }
  }

  func archive(
    _ cid: CID, from offset: UInt64, into sink: @escaping @Sendable (Bytes) throws -> Void
  ) async throws {
    // It has no ranges: from the middle of a file on, its beginning would be sent again.
    do {
      try await exchange.stream(command("dag/export?arg=\(cid)&progress=false"), into: sink)
    } catch let fault as NodeFault { throw Self.recognised(fault) }
  }

  func probe() async throws(NodeFault) -> String? {
    var request = command("version")
    request.timeout = min(exchange.timeout, IPFSClientLimits.probeTimeout)
    let answer = try await exchange.answer(to: request)
    guard let version = (try? JSONValue(parsing: answer))?["Version"]?.text else {
      throw .malformed("it tells no version")
    }
    return version
  }

  func store(_ upload: Upload, isPinned: Bool) async throws {
    var request = command("dag/import?pin-roots=\(isPinned)&stats=true")
    request.timeout = nil
    request.headers.append("Content-Type", "multipart/form-data; boundary=\(Self.boundary)")
    let body = try UploadBody(upload, boundary: Self.boundary)
    request.body = .stream(length: nil) { try body.next($0) }
    let answer: Bytes
    do { answer = try await exchange.answer(to: request) } catch {
      if let failure = body.failure { throw failure }
      throw error
    }
    let objects = answer.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONValue(parsing: Bytes($0))
    }
    // They come behind everything else, so nothing went wrong before them.
    guard objects.contains(where: { $0["Stats"]?["BlockCount"]?.integer != nil }) else {
      throw NodeFault.malformed("it does not say that it stored everything")
    }
    if isPinned { try Self.checkPin(of: upload.root, in: objects) }
  }

  /// The answer has an object for each root that was pinned:
  /// `{"Root":{"Cid":{"/":…},"PinErrorMsg":""}}`.
  private static func checkPin(of root: CID, in objects: [JSONValue]) throws(NodeFault) {
    for object in objects {
      guard let entry = object["Root"] else { continue }
      let text = entry["Cid"]?["/"]?.text ?? ""
      guard let cid = try? CID(parsing: text), cid.asVersion1 == root.asVersion1 else {
        throw .malformed("it stored `\(text.prefix(CIDLimits.byteCountMax))`")
      }
      let message = entry["PinErrorMsg"]?.text ?? ""
      guard message.isEmpty else { throw .refused(status: 200, message: message) }
      return
    }
    throw .malformed("it does not say what it pinned")
  }

  func pin(_ cid: CID, name: String) async throws(NodeFault) {
    let suffix = name.isEmpty ? "" : "&name=\(PercentText.encode(name))"
    let answer = try await absent { () async throws(NodeFault) in
      try await exchange.answer(to: command("pin/add?arg=\(cid)&recursive=true\(suffix)"))
    }
    guard let pins = (try? JSONValue(parsing: answer))?["Pins"]?.elements, !pins.isEmpty else {
      throw .malformed("it does not say what it pinned")
    }
  }

  func unpin(_ cid: CID) async throws(NodeFault) {
    _ = try await absent { () async throws(NodeFault) in
      try await exchange.answer(to: command("pin/rm?arg=\(cid)&recursive=true"))
    }
  }

  private func command(_ text: String) -> HTTPClientRequest {
    exchange.request(.post, "/api/v0/\(text)")
  }

  private func absent(
    _ body: () async throws(NodeFault) -> Bytes
  ) async throws(NodeFault) -> Bytes {
    do { return try await body() } catch { throw Self.recognised(error) }
  }

  /// Tells "I do not have it" from other errors, which Kubo gives the same status.
  private static func recognised(_ fault: NodeFault) -> NodeFault {
    guard case .refused(500, let message) = fault,
      absences.contains(where: message.contains)
    else { return fault }
    return .missing
  }
}

/// Text in a URL's query (RFC 3986 §2.1).
enum PercentText {
  private static let plain = Set("-._~".utf8)

  static func encode(_ text: String) -> String {
    var encoded = Bytes()
    for byte in text.utf8 {
      let isLetter = (0x41...0x5A).contains(byte | 0x20 == byte ? byte & 0xDF : byte)
      if isLetter || (0x30...0x39).contains(byte) || plain.contains(byte) {
        encoded.append(byte)
      } else {
        encoded += "%\(Hex.encode([byte]))".utf8
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
