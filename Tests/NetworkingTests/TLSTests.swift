import Glibc
import Networking
import Primitives
import Testing

@Suite("TLS")
struct TLSTests {
  static func makeCertificate(in directory: String, name: String) async throws {
    _ = try await shell(
      """
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
      -subj /CN=\(name) -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
      -keyout '\(directory)/key.pem' -out '\(directory)/cert.pem' 2>&1
      """)
  }

  /// Counts an upload, or sends three events, or a large streamed download.
  static let handler: HTTPServer.Handler = { request in
    switch request.path {
    case "/sink":
      var count = 0
      do {
        while let chunk = try await request.body.nextChunk() { count += chunk.count }
      } catch {
        return .text(.badRequest, "\(error)")
      }
      return .text(.ok, "\(count) \(request.isEncrypted)")
    case "/events":
      return HTTPResponse(
        status: .ok, headers: ["Content-Type": "text/event-stream"],
        body: .events { writer in
          for number in 1...3 { try await writer.writeEvent("\(number)\nline", name: "n") }
        })
    default:
      return HTTPResponse(
        status: .ok,
        body: .stream(length: nil) { writer in
          for _ in 0..<64 { try await writer.write(Bytes(repeating: 0x61, count: 50_000)) }
        })
    }
  }

  @Test("curl verifies the certificate, uploads, downloads and reads events over TLS 1.3")
  func throughCurl() async throws {
    try await withTemporaryDirectory { directory in
      try await Self.makeCertificate(in: directory, name: "first")
      let identity = try TLSIdentity(
        certificateFile: directory + "/cert.pem", keyFile: directory + "/key.pem")
      try await withServer(tls: identity, handler: Self.handler) { _, address in
        let curl = "curl -sS --tlsv1.3 --cacert '\(directory)/cert.pem'"
        let base = "https://\(address)"
        let upload = try await shell(
          "head -c 20000000 /dev/zero | \(curl) -T - \(base)/sink 2>&1")
        #expect(upload == "20000000 true")
        let events = try await shell("\(curl) -N \(base)/events 2>&1")
        #expect(events == (1...3).map { "event: n\ndata: \($0)\ndata: line\n\n" }.joined())
        let size = try await shell("\(curl) \(base)/large 2>&1 | wc -c")
        #expect(size == "3200000\n")
        let old = try await shell("\(curl) --tls-max 1.2 --tlsv1.2 \(base)/ 2>&1 | head -c 5")
        #expect(old == "curl:")
      }
    }
  }

  @Test("a reload serves the new certificate, and a broken one leaves the old in use")
  func reload() async throws {
    try await withTemporaryDirectory { directory in
      try await Self.makeCertificate(in: directory, name: "first")
      let identity = try TLSIdentity(
        certificateFile: directory + "/cert.pem", keyFile: directory + "/key.pem")
      try await withServer(tls: identity, handler: Self.handler) { _, address in
        let subject = """
          openssl s_client -connect \(address) </dev/null 2>/dev/null \
          | openssl x509 -noout -subject
          """
        #expect(try await shell(subject).contains("first"))
        try await Self.makeCertificate(in: directory, name: "second")
        try identity.reload()
        #expect(try await shell(subject).contains("second"))
        _ = try await shell("echo broken > '\(directory)/cert.pem'")
        #expect(throws: TLSError.self) { try identity.reload() }
        #expect(try await shell(subject).contains("second"))
      }
    }
  }

  @Test("plain bytes sent to a TLS port end the connection")
  func plainToTLS() async throws {
    try await withTemporaryDirectory { directory in
      try await Self.makeCertificate(in: directory, name: "first")
      let identity = try TLSIdentity(
        certificateFile: directory + "/cert.pem", keyFile: directory + "/key.pem")
      try await withServer(tls: identity, handler: Self.handler) { server, address in
        let text = try await exchange(
          "GET / HTTP/1.1\r\nHost: h\r\n\r\n", with: address, on: server.loop)
        #expect(!text.hasPrefix("HTTP/"))
      }
    }
  }
}
