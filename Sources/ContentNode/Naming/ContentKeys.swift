package import Cryptography
import Glibc
import Persistence
import Primitives

/// The keys that names are published under: `self`, and files `NAME.key` of mode 0600.
package struct ContentKeys: Sendable {
  /// The name of the node's own key.
  package static let own = "self"
  private static let ending = ".key"

  private let identity: SigningKey
  private let home: HomeDirectory

  /// Keys in a directory, which is made when the first one is; `identity` is the node's own.
  package init(identity: SigningKey, directory: String) {
    self.identity = identity
    home = HomeDirectory(path: directory)
  }

  /// All names, `self` first, then in their order.
  package func names() -> [String] {
    guard let directory = opendir(home.path) else { return [Self.own] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory), names.count < NamingLimits.keysMax {
      let file = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard file.hasSuffix(Self.ending) else { continue }
      let name = String(file.dropLast(Self.ending.count))
      if Self.isName(name) { names.append(name) }
    }
    return [Self.own] + names.sorted()
  }

  /// The key of a name.
  package func key(named name: String) throws -> SigningKey {
    if name == Self.own { return identity }
    guard Self.isName(name), home.contains(name + Self.ending) else {
      throw ContentNetworkError.noSuchKey(name)
    }
    return try home.key(named: name)
  }

  /// Stores a key under a new name.
  package func add(_ key: SigningKey, named name: String) throws {
    guard Self.isName(name) else { throw ContentNetworkError.keyNameRefused(name) }
    guard !home.contains(name + Self.ending) else { throw ContentNetworkError.keyExists(name) }
    guard names().count <= NamingLimits.keysMax else {
      throw ContentNetworkError.keyNameRefused(name)
    }
    try home.create()
    try home.store(key, named: name)
  }

  /// Renames a key; returns whether it took the place of another one, which needs `force`.
  package func rename(_ name: String, to newName: String, force: Bool) throws -> Bool {
    guard name != Self.own else { throw ContentNetworkError.keyNameRefused(name) }
    guard Self.isName(newName) else { throw ContentNetworkError.keyNameRefused(newName) }
    let key = try key(named: name)
    let hasReplaced = name != newName && home.contains(newName + Self.ending)
    guard !hasReplaced || force else { throw ContentNetworkError.keyExists(newName) }
    guard name != newName else { return false }
    // A crash between the two leaves the key under both names.
    try home.store(key, named: newName)
    AtomicFile.remove(home.file(name + Self.ending))
    return hasReplaced
  }

  /// Removes a key and returns it.
  package func remove(named name: String) throws -> SigningKey {
    guard name != Self.own else { throw ContentNetworkError.keyNameRefused(name) }
    let key = try key(named: name)
    AtomicFile.remove(home.file(name + Self.ending))
    return key
  }

  /// Letters, digits, `-`, `_` and, not in front, `.`: what is a file's name everywhere.
  private static func isName(_ name: String) -> Bool {
    (1...NamingLimits.keyNameBytesMax).contains(name.utf8.count) && name != own
      && !name.hasPrefix(".")
      && name.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII
          && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            || "-_.".unicodeScalars.contains(scalar))
      }
  }
}

extension SigningKey {
  /// Protobuf heads of libp2p: an Ed25519 private key of 64 bytes, seed and public key.
  private static let head: Bytes = [0x08, 0x01, 0x12, 0x40]

  /// The private key in libp2p's protobuf form.
  var privateProtobuf: Bytes { Self.head + seed + publicKey.bytes }

  /// Reads libp2p's protobuf form; nil for keys of other types, and where the halves do not match.
  init?(privateProtobuf bytes: Bytes) {
    guard bytes.count == Self.head.count + 64, bytes.starts(with: Self.head),
      let key = try? SigningKey(seed: Bytes(bytes[4..<36])),
      key.publicKey.bytes.elementsEqual(bytes[36...])
    else { return nil }
    self = key
  }
}
