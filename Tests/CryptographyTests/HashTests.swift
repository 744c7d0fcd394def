import Cryptography
import Primitives
import Testing

@Suite struct HashTests {
  /// NIST FIPS 180-4 examples.
  @Test(
    "SHA-256 has the published digests",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func sha256(text: String, hex: String) {
    #expect(SHA256.hash(Bytes(text.utf8)).hex == hex)
    let hasher = SHA256Hasher()
    for byte in text.utf8 { hasher.update([byte]) }
    #expect(hasher.finalize().hex == hex)
  }

  /// RFC 4231 test case 2 and 6 (a key longer than the block).
  @Test("HMAC-SHA-256 has the published tags")
  func hmac() throws {
    let short = HMACSHA256.authenticate(
      key: Bytes("Jefe".utf8), Bytes("what do ya want for nothing?".utf8))
    #expect(short.hex == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    let long = HMACSHA256.authenticate(
      key: Bytes(repeating: 0xaa, count: 131),
      Bytes("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
    #expect(long.hex == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  /// RFC 5869 test case 1.
  @Test("HKDF-SHA-256 has the published key")
  func hkdf() throws {
    let key = HKDFSHA256.extract(
      salt: try Hex.decode("000102030405060708090a0b0c"),
      inputKey: Bytes(repeating: 0x0b, count: 22))
    #expect(key.hex == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    let output = HKDFSHA256.expand(
      pseudorandomKey: key, info: try Hex.decode("f0f1f2f3f4f5f6f7f8f9"), count: 42)
    #expect(
      Hex.encode(output)
        == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
  }

  /// Leaves and roots of the certificate-transparency-go reference tests for RFC 6962.
  static let leaves = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ]
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]

  @Test("Merkle roots are those of RFC 6962 logs", arguments: 1...8)
  func merkleRoot(count: Int) throws {
    let hashes = try Self.leaves.prefix(count).map { MerkleTree.leafHash(try Hex.decode($0)) }
    #expect(MerkleTree.root(of: hashes).hex == Self.roots[count - 1])
  }

  @Test("two messages hashed at once have the hashes of each alone, as leaves and as they are")
  func pairs() {
    let counts = Array(0...130) + [191, 192, 255, 256, 4095, 10_000]
    let bytes = (0..<10_001).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 8) }
    for (place, count) in counts.enumerated() {
      let other = counts[(place * 61 + 7) % counts.count]
      let (first, second) = (Bytes(bytes[0..<count]), Bytes(bytes[1..<other + 1]))
      first.withUnsafeBytes { one in
        second.withUnsafeBytes { two in
          let leaves = MerkleTree.leafHashes(one, two)
          #expect(leaves == (MerkleTree.leafHash(first), MerkleTree.leafHash(second)))
          #expect(SHA256.hashes(one, two) == (SHA256.hash(first), SHA256.hash(second)))
        }
      }
    }
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    #expect(MerkleTree.leafHashes(empty, empty).second == MerkleTree.leafHash([]))
    #expect(SHA256.hashes(empty, empty).first == SHA256.hash())
  }

  @Test("each leaf has a proof, and only for its own place", arguments: [1, 2, 3, 7, 8, 13, 64])
  func merkleProofs(count: Int) throws {
    let hashes = (0..<count).map { MerkleTree.leafHash([UInt8($0)]) }
    let root = MerkleTree.root(of: hashes)
    for index in 0..<count {
      let proof = MerkleTree.proof(index: index, in: hashes)
      #expect(proof.proves(hashes[index], under: root))
      #expect(try MerkleProof(decoding: proof.encoded()) == proof)
      for other in 0..<count where other != index {
        #expect(!proof.proves(hashes[other], under: root))
        let moved = MerkleProof(index: other, leafCount: count, siblings: proof.siblings)
        #expect(!moved.proves(hashes[index], under: root))
      }
      let longer = MerkleProof(
        index: index, leafCount: count, siblings: proof.siblings + [Digest.zero])
      #expect(longer.root(of: hashes[index]) == nil)
    }
  }

  @Test("digests are ordered as byte strings")
  func order() throws {
    let low = try Digest(bytes: [0, 1] + Bytes(repeating: 0xff, count: 30))
    let high = try Digest(bytes: [1, 0] + Bytes(repeating: 0, count: 30))
    #expect(low < high)
    #expect(!(high < low))
  }
}
