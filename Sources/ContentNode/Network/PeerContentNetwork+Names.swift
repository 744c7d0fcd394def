import ContentStore
import Cryptography
import Peering
package import Primitives

/// Keys and names of a content node.
extension PeerContentNetwork {
  private static let keyType = "ed25519"

  private func described(_ key: SigningKey, _ name: String) -> ContentKey {
    ContentKey(name: name, id: key.publicKey.peerID.nameCID)
  }

  /// The keys, `self` first.
  package func keys() async throws -> [ContentKey] {
    try names.keys.names().map { described(try names.keys.key(named: $0), $0) }
  }

  /// Makes an Ed25519 key.
  package func makeKey(named name: String, type: String?) async throws -> ContentKey {
    guard type ?? Self.keyType == Self.keyType else {
      throw ContentNetworkError.unsupportedKeyType(type ?? "")
    }
    let key = SigningKey.generate()
    try names.keys.add(key, named: name)
    return described(key, name)
  }

  /// Renames a key.
  package func renameKey(
    _ name: String, to newName: String, force: Bool
  ) async throws -> RenamedContentKey {
    let hasReplaced = try names.keys.rename(name, to: newName, force: force)
    let key = try names.keys.key(named: newName)
    return RenamedContentKey(key: described(key, newName), hasReplaced: hasReplaced)
  }

  /// Removes a key.
  package func removeKey(named name: String) async throws -> ContentKey {
    described(try names.keys.remove(named: name), name)
  }

  /// Stores a private key.
  package func importKey(named name: String, _ privateKey: Bytes) async throws -> ContentKey {
    guard let key = SigningKey(privateProtobuf: privateKey) else {
      throw ContentNetworkError.unsupportedKeyType("not an Ed25519 key")
    }
    try names.keys.add(key, named: name)
    return described(key, name)
  }

  /// A private key in its protobuf form.
  package func exportKey(named name: String) async throws -> Bytes {
    try names.keys.key(named: name).privateProtobuf
  }

  /// Publishes a path under a key; fails where no peer keeps the record, unless that is allowed.
  package func publish(
    _ path: String, _ settings: NamePublication
  ) async throws -> PublishedName {
    let key = try names.keys.key(named: settings.keyName)
    let (name, peers) = try await names.publish(
      path, under: key, lifetime: settings.lifetime ?? NamingLimits.lifetime,
      timeToLive: settings.timeToLive ?? NamingLimits.timeToLive)
    // The record is kept here and goes out again later in any case.
    guard peers > 0 || settings.allowsOffline else { throw ContentNetworkError.offline }
    return PublishedName(name: name.nameCID, path: path)
  }

  /// The path that a name stands for.
  package func resolve(
    _ name: String, isRecursive: Bool, usesCache: Bool
  ) async throws -> String {
    do {
      return try await names.resolve(name, isRecursive: isRecursive, usingCache: usesCache)
    } catch NameFault.unresolved(let name) {
      throw ContentNetworkError.unresolved(name: name)
    }
  }
}

extension PeerID {
  /// The id as a name of IPNS: a CID of codec libp2p-key.
  var nameCID: CID {
    guard let cid = try? CID(decoding: [UInt8(CID.Version.v1.rawValue), 0x72] + bytes) else {
      preconditionFailure("every peer id is a multihash that CIDs take")
    }
    return cid
  }
}
