import Coordinator
import Glibc
import MartletClient
import Networking
import Primitives
import Testing

@Suite("REST content", .serialized)
struct APIContentTests {
  @Test("5 MB come back as they went, over the socket file and over TCP")
  func roundTrip() async throws {
    let fixture = try APIFixture()
    try await fixture.run { target in
      let source = fixture.root + "/source"
      let result = fixture.root + "/result"
      let bytes = Sample.bytes(5_000_000)
      try write(bytes, to: source)
      for endpoint: NetworkClient.Endpoint in [
        .socket(path: target.socket), .address(url: target.base, key: target.key),
      ] {
        try await target.withClient(endpoint) { client in
          let stored = try await client.uploadContent(source)
          #expect(stored["bytes"]?.integer == 5_000_000)
          let cid = try #require(stored["cid"]?.text)
          let count = try await client.downloadContent(cid, to: result)
          #expect(count == bytes.count)
          #expect(read(result) == bytes)
        }
      }
    }
  }

  @Test("a chunked upload of profile unixfs-v0-2015 has Kubo's CID, and a wrong profile is named")
  func profiles() async throws {
    try await APIFixture().run { target in
      // `ipfs add` of "hello world" (docs.ipfs.tech).
      let known = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"
      let pieces = Pieces(["hello ", "world"])
      let answer = try await target.send(
        .post, Sample.api + "/content?profile=unixfs-v0-2015", key: target.key,
        body: .stream(length: nil) { _ in pieces.next() })
      #expect(answer.status == 201)
      #expect(answer.json?["cid"]?.text == known)
      #expect(answer.json?["size"]?.integer == 19)
      let file = try await target.send(.get, Sample.api + "/content/\(known)")
      #expect(file.text == "hello world")
      #expect(file.headers["ETag"] == "\"\(known)\"")
      #expect(file.headers["Content-Length"] == "11")
      let wrong = try await target.send(
        .post, Sample.api + "/content?profile=zip", key: target.key, body: .bytes([1]))
      #expect(wrong.status == 400)
      #expect(wrong.code == "malformed_profile")
    }
  }

  @Test("a larger upload than allowed is refused by its announced and by its real length")
  func tooLarge() async throws {
    var settings = APISettings()
    settings.uploadBytesMax = 1_000
    try await APIFixture(settings: settings).run { target in
      let bytes = Sample.bytes(1_001)
      let announced = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(bytes))
      #expect(announced.status == 413)
      #expect(announced.code == "body_too_large")
      let pieces = Pieces([String(repeating: "x", count: 1_001)])
      let chunked = try await target.send(
        .post, Sample.api + "/content", key: target.key,
        body: .stream(length: nil) { _ in pieces.next() })
      #expect(chunked.status == 413)
      let fits = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(Bytes(bytes.dropLast())))
      #expect(fits.status == 201)
    }
  }

  @Test("a file that cannot be read or written is named, and nothing half is left")
  func localFaults() async throws {
    let fixture = try APIFixture()
    try await fixture.run { target in
      try await target.withClient { client in
        await #expect {
          _ = try await client.uploadContent(fixture.root + "/nothing")
        } throws: { ($0 as? NetworkClientError)?.code == "file_failed" }
        let target = fixture.root + "/wanted"
        await #expect {
          try await client.downloadContent(
            "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", to: target)
        } throws: { ($0 as? NetworkClientError)?.status == 404 }
        #expect(access(target, F_OK) != 0)
      }
    }
  }
}

/// Pieces of a request body, one a call.
private final class Pieces: Sendable {
  // Only the one thread of the exchange takes pieces.
  private nonisolated(unsafe) var rest: [String]

  init(_ pieces: [String]) { rest = pieces }

  func next() -> Bytes { rest.isEmpty ? [] : Bytes(rest.removeFirst().utf8) }
}

private func write(_ bytes: Bytes, to path: String) throws {
  let file = try #require(fopen(path, "w"))
  #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  fclose(file)
}

private func read(_ path: String) -> Bytes {
  guard let file = fopen(path, "r") else { return [] }
  defer { fclose(file) }
  var bytes = Bytes(repeating: 0, count: 6_000_000)
  let count = fread(&bytes, 1, bytes.count, file)
  return Bytes(bytes.prefix(count))
}
