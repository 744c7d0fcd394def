import Cryptography
import Primitives

extension FuzzedParser {
  static let cryptography: [FuzzedParser] = [
    FuzzedParser("peer-id") { bytes in
      if let peer = try? PeerID(bytes: bytes) { precondition(peer.bytes == bytes) }
      _ = try? PeerID(String(decoding: bytes, as: UTF8.self))
    },
    FuzzedParser("merkle-proof") { bytes in
      guard let proof = try? MerkleProof(decoding: bytes) else { return }
      precondition(proof.encoded() == bytes)
      _ = proof.root(of: SHA256.hash(bytes))
    },
  ]
}
