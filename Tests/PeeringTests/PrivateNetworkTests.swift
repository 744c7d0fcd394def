import Cryptography
import Peering
import Primitives
import Testing

@Suite("private networks")
struct PrivateNetworkTests {
  /// The first 32 bytes of the key stream in "Cryptography in NaCl" (Bernstein, 2009) §8, also
  /// libsodium's test `stream3`.
  @Test("the key stream is XSalsa20's")
  func vector() throws {
    let key = try Hex.decode("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
    let nonce = try Hex.decode("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
    var stream = XSalsa20Stream(key: key, nonce: nonce)
    var bytes = Bytes(repeating: 0, count: 32)
    bytes.withUnsafeMutableBytes { stream.apply(to: $0) }
    #expect(
      Hex.encode(bytes) == "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880")
  }

  @Test("bytes come out the same however they are cut")
  func cuts() {
    let key = Bytes(0..<32)
    let nonce = Bytes(100..<124)
    var whole = Bytes(repeating: 0, count: 700)
    var stream = XSalsa20Stream(key: key, nonce: nonce)
    whole.withUnsafeMutableBytes { stream.apply(to: $0) }
    var random = SplitMix64(seed: 7)
    for _ in 0..<50 {
      var cut = Bytes()
      var stream = XSalsa20Stream(key: key, nonce: nonce)
      while cut.count < whole.count {
        let count = min(Int.random(in: 0...150, using: &random), whole.count - cut.count)
        var part = Bytes(repeating: 0, count: count)
        part.withUnsafeMutableBytes { stream.apply(to: $0) }
        cut += part
      }
      #expect(cut == whole)
    }
  }

  @Test("a key file is read in each encoding, and written as others read it")
  func files() throws {
    let secret = Bytes((0..<32).map { $0 &* 7 })
    let key = try #require(PrivateNetworkKey(secret: secret))
    #expect(try PrivateNetworkKey(file: key.file) == key)
    let header = Bytes("/key/swarm/psk/1.0.0/\n".utf8)
    #expect(try PrivateNetworkKey(file: header + Bytes("/bin/\n".utf8) + secret) == key)
    let base64 = "AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk="
    #expect(try PrivateNetworkKey(file: header + Bytes("/base64/\n\(base64)\n".utf8)) == key)
    let windows = "/key/swarm/psk/1.0.0/\r\n/base16/\r\n\(Hex.encode(secret))\r\n"
    #expect(try PrivateNetworkKey(file: Bytes(windows.utf8)) == key)
  }

  @Test("what is no key file is refused by name")
  func badFiles() {
    let cases: [(String, PrivateNetworkFault)] = [
      ("", .header), ("/key/swarm/psk/2.0.0/\n/bin/\n", .header),
      ("/key/swarm/psk/1.0.0/\n/base8/\n", .encoding), ("/key/swarm/psk/1.0.0/\n", .encoding),
      ("/key/swarm/psk/1.0.0/\n/base16/\n00", .key), ("/key/swarm/psk/1.0.0/\n/bin/\nx", .key),
      ("/key/swarm/psk/1.0.0/\n/base64/\nAA-A", .key),
      (String(repeating: "x", count: 1_025), .tooLong(bytes: 1_025, limit: 1_024)),
    ]
    for (text, fault) in cases {
      #expect(throws: fault) { _ = try PrivateNetworkKey(file: Bytes(text.utf8)) }
    }
  }

  @Test("two ends with one secret understand each other, byte by byte too; a third does not")
  func ends() throws {
    let key = try #require(PrivateNetworkKey(secret: Bytes(1...32)))
    let other = try #require(PrivateNetworkKey(secret: Bytes(2...33)))
    let text = Bytes("multistream".utf8)
    var sender = PrivateNetworkCipher(key: key, nonce: Bytes(0..<24))
    text.withUnsafeBytes { sender.seal($0) }
    let wire = sender.outbox.bytes
    #expect(wire.count == text.count + 24)
    for (secret, understands) in [(key, true), (other, false)] {
      var receiver = PrivateNetworkCipher(key: secret, nonce: Bytes(24..<48))
      var heard = Bytes()
      for byte in wire {
        var one = [byte]
        one.withUnsafeMutableBytes { heard += Bytes(receiver.open($0)) }
      }
      #expect((heard == text) == understands)
    }
  }
}
