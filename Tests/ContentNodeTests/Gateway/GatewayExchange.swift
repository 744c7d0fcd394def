import Networking
import Primitives

/// One exchange over a real connection, as its bytes were.
struct GatewayExchange {
  let status: Int
  private let fields: [(name: String, value: String)]
  let body: Bytes
  /// Whether the connection ended before the body was complete.
  let isBroken: Bool

  /// The values of a field, joined.
  subscript(name: String) -> String? {
    let values = fields.filter { $0.name == name.lowercased() }.map(\.value)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }

  var text: String { String(decoding: body, as: UTF8.self) }

  /// Sends one request and reads until the server closes.
  init(
    _ method: String, _ target: String, fields: [(String, String)] = [], host: String = "localhost",
    at address: SocketAddress, on loop: EventLoop
  ) async throws {
    let lines = fields.map { "\($0): \($1)\r\n" }.joined()
    let request =
      "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(lines)\r\n"
    let received = try await loop.perform {
      let socket = try await Socket.connect(to: address, on: loop, within: .seconds(5))
      defer { socket.close() }
      try await socket.write(Bytes(request.utf8))
      var received = Bytes()
      let deadline = loop.now.advanced(by: .seconds(30))
      while try await socket.read(appendingTo: &received, deadline: deadline) > 0 {}
      return received
    }
    try self.init(reading: received, isHeadOnly: method == "HEAD")
  }

  private struct NoResponse: Error {}

  private init(reading bytes: Bytes, isHeadOnly: Bool) throws {
    guard let end = bytes.firstRange(of: "\r\n\r\n".utf8) else { throw NoResponse() }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    guard let code = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw NoResponse() }
    status = code
    var fields: [(name: String, value: String)] = []
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      fields.append(
        (parts[0].lowercased(), parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""))
    }
    self.fields = fields
    let rest = bytes[end.upperBound...]
    if isHeadOnly || code == 304 || code == 204 {
      (body, isBroken) = (Bytes(rest), false)
    } else if fields.contains(where: { $0.name == "transfer-encoding" }) {
      (body, isBroken) = Self.unchunked(rest)
    } else {
      let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) }
      (body, isBroken) = (Bytes(rest), rest.count != length ?? -1)
    }
  }

  private static func unchunked(_ bytes: Bytes.SubSequence) -> (Bytes, Bool) {
    var (rest, body) = (bytes, Bytes())
    while let line = rest.firstRange(of: "\r\n".utf8) {
      let digits = String(decoding: rest[..<line.lowerBound], as: UTF8.self)
      guard let count = Int(digits, radix: 16) else { return (body, true) }
      if count == 0 { return (body, false) }
      let chunk = rest[line.upperBound...].prefix(count)
      body += chunk
      guard chunk.count == count else { return (body, true) }
      rest = rest[chunk.endIndex...].dropFirst(2)
    }
    return (body, true)
  }
}
