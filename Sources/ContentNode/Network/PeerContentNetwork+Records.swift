package import ContentStore
import Cryptography
import Peering
import Primitives

/// Names for a gateway.
extension PeerContentNetwork: IPNSRecords {
  /// The best record of a name that counts now.
  package func record(of name: CID) async throws -> ServedNameRecord? {
    guard let peer = name.namedPeer, let record = await names.record(of: peer) else { return nil }
    return ServedNameRecord(
      bytes: record.bytes, timeToLive: .nanoseconds(Int64(clamping: record.timeToLive)))
  }

  /// Where a name leads, through other names.
  package func resolve(_ name: CID) async throws -> ServedNameTarget? {
    guard let peer = name.namedPeer, let record = await names.record(of: peer) else { return nil }
    do {
      let path = try await names.resolve("/ipns/\(peer.base36)")
      return ServedNameTarget(
        path: try ContentPath(parsing: path),
        timeToLive: .nanoseconds(Int64(clamping: record.timeToLive)))
    } catch NameFault.unresolved {
      return nil
    }
  }
}

extension CID {
  /// The peer whose key a name of IPNS is; nil for what is none.
  var namedPeer: PeerID? { try? PeerID(bytes: multihash.bytes) }
}
