package import ContentStore
package import Cryptography

extension ContentLibrary {
  /// Why a gateway, whose readers have no account, does not give content; nil if it does.
  package func denial(of cid: CID) -> ContentDenial? {
    obstacle(to: nil, reading: cid).map { .refused(reason: $0.description) }
  }

  /// Whether a peer, whose name its connection proves, is given what `cid` names.
  package func serves(_ cid: CID, to peer: PeerID) -> Bool {
    obstacle(to: peer.publicKey, reading: cid) == nil
  }
}
