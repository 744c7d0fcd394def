package import Cryptography
package import Primitives

/// A block of IP addresses, such as `10.0.0.0/8`.
package struct AddressBlock: Hashable, Sendable {
  private let prefix: Bytes
  private let bits: Int

  /// Reads `ADDRESS/BITS`, or an address alone.
  package init(_ text: String) throws(PeeringError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, let ip = IPAddressText.ip4(parts[0]) ?? IPAddressText.ip6(parts[0])
    else { throw .malformedMultiaddr("`\(text)` is not an address or ADDRESS/BITS") }
    let bits = parts.count == 2 ? Int(parts[1]) : ip.count * 8
    guard let bits, (0...ip.count * 8).contains(bits) else {
      throw .malformedMultiaddr("`\(text)` has no valid number of bits")
    }
    prefix = ip
    self.bits = bits
  }

  /// Whether an address of 4 or 16 bytes lies in the block.
  package func contains(_ ip: Bytes) -> Bool {
    guard ip.count == prefix.count else { return false }
    let whole = bits / 8
    guard ip[..<whole] == prefix[..<whole] else { return false }
    let rest = bits % 8
    return rest == 0 || (ip[whole] ^ prefix[whole]) >> (8 - UInt8(rest)) == 0
  }
}

/// Whom a host talks to at all.
package struct PeerFilter: Equatable, Sendable {
  /// Peers that are never talked to.
  package var deniedPeers: Set<PeerID> = []
  /// Addresses that are never talked to.
  package var deniedBlocks: [AddressBlock] = []
  /// When not empty, only these peers are talked to.
  package var allowedPeers: Set<PeerID> = []

  /// Lets everybody in.
  package init() {}

  /// Why a peer is refused, or nil.
  package func refusal(of peer: PeerID) -> FilterRefusal? {
    if deniedPeers.contains(peer) { return .peerDenied(peer) }
    if !allowedPeers.isEmpty, !allowedPeers.contains(peer) { return .peerNotAllowed(peer) }
    return nil
  }

  /// Why an address is refused, or nil.
  package func refusal(of address: Multiaddr) -> FilterRefusal? {
    guard let ip = address.ipBytes, deniedBlocks.contains(where: { $0.contains(ip) }) else {
      return nil
    }
    return .addressDenied(address)
  }
}

/// Which list keeps a peer out.
package enum FilterRefusal: Error, Equatable, Sendable {
  case peerDenied(PeerID)
  case peerNotAllowed(PeerID)
  case addressDenied(Multiaddr)
}

extension FilterRefusal: CustomStringConvertible {
  /// Who, and on which list.
  package var description: String {
    switch self {
    case .peerDenied(let peer): "\(peer) is on the deny list"
    case .peerNotAllowed(let peer): "\(peer) is not on the allow list"
    case .addressDenied(let address): "\(address) is on the deny list"
    }
  }
}
