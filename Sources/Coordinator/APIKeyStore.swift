internal import Cryptography
internal import Ledger
internal import Networking
package import Persistence
package import Primitives

/// A key to the REST interface as it is stored: enough to check one, not enough to use one.
package struct APIKeyRecord: Hashable, Sendable {
  /// The first eight digits of the hash: names the key in lists and commands.
  package let id: String
  /// What its owner calls it.
  package let label: String
  /// Unix time.
  package let createdAtMilliseconds: UInt64
  /// SHA-256 of the key's text. The key has 32 random bytes, so a slow hash would protect nothing.
  let hash: Digest

  /// Without the hash.
  package var json: JSONValue {
    [
      "id": .string(id), "label": .string(label),
      "created_at_ms": JSONValue(createdAtMilliseconds),
    ]
  }
}

/// Why the keys could not be read or changed.
package enum APIKeyError: Error, Equatable {
  case home(HomeError)
  case damaged(path: String, reason: String)
  case tooMany(limit: Int)
  case labelTooLong(limit: Int)
  case unknown(id: String)
}

/// The keys of one server, in `api-keys.json` of its home directory. Every call reads the file, so
/// that keys made on the command line work at once. Blocks: not on a loop.
package struct APIKeyStore: Sendable {
  enum Limits {
    /// Every request with a key is compared with all of them.
    static let keysMax = 256
    /// One column of a list.
    static let labelBytesMax = 100
    /// Room for `keysMax` entries.
    static let fileBytesMax = 256 << 10
    /// As hard to guess as a signing key.
    static let randomBytes = 32
  }

  /// Tells people and secret scanners what they have found.
  static let prefix = "mk_"
  private static let fileName = "api-keys.json"
  private let home: HomeDirectory

  /// Names the store; nothing is touched.
  package init(home: HomeDirectory) { self.home = home }

  /// Draws a key, stores its hash and returns its text, which is never shown again.
  package func create(label: String) throws(APIKeyError) -> String {
    guard label.utf8.count <= Limits.labelBytesMax else {
      throw .labelTooLong(limit: Limits.labelBytesMax)
    }
    var keys = try list()
    guard keys.count < Limits.keysMax else { throw .tooMany(limit: Limits.keysMax) }
    let text = Self.prefix + Hex.encode(SystemRandom.bytes(Limits.randomBytes))
    let hash = Self.hash(text)
    keys.append(
      APIKeyRecord(
        id: String(hash.hex.prefix(8)), label: label,
        createdAtMilliseconds: WallClock.milliseconds(), hash: hash))
    try write(keys)
    return text
  }

  /// All keys, the oldest first.
  package func list() throws(APIKeyError) -> [APIKeyRecord] {
    let bytes: Bytes?
    do { bytes = try home.read(Self.fileName, max: Limits.fileBytesMax) } catch {
      throw .home(error)
    }
    guard let bytes else { return [] }
    do {
      return try Self.records(in: JSONValue(parsing: bytes))
    } catch {
      throw .damaged(path: home.file(Self.fileName), reason: "\(error)")
    }
  }

  /// Makes a key worthless.
  package func revoke(id: String) throws(APIKeyError) {
    let keys = try list()
    let rest = keys.filter { $0.id != id }
    guard rest.count < keys.count else { throw .unknown(id: id) }
    try write(rest)
  }

  /// The key whose text this is; nil for a wrong one.
  package func check(_ text: String) throws(APIKeyError) -> APIKeyRecord? {
    Self.find(text, in: try list())
  }

  /// Compares with every key, each in constant time.
  static func find(_ text: String, in keys: [APIKeyRecord]) -> APIKeyRecord? {
    let hash = hash(text)
    var found: APIKeyRecord?
    for key in keys where isEqual(key.hash, hash) { found = key }
    return found
  }

  static func hash(_ text: String) -> Digest { SHA256.hash(Bytes(text.utf8)) }

  /// Takes the same time wherever the digests differ.
  static func isEqual(_ left: Digest, _ right: Digest) -> Bool {
    zip(left.bytes, right.bytes).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private func write(_ keys: [APIKeyRecord]) throws(APIKeyError) {
    let list = keys.map { key -> JSONValue in
      [
        "id": .string(key.id), "label": .string(key.label), "sha256": .string(key.hash.hex),
        "created_at_ms": JSONValue(key.createdAtMilliseconds),
      ]
    }
    let document: JSONValue = ["keys": .array(list)]
    do {
      try home.write(document.encoded(indented: true) + Bytes("\n".utf8), to: Self.fileName)
    } catch { throw .home(error) }
  }

  private static func records(in document: JSONValue) throws(LedgerError) -> [APIKeyRecord] {
    var fields = try JSONFields(document, of: "keys")
    var keys: [APIKeyRecord] = []
    for entry in try fields.array("keys") {
      var fields = try JSONFields(entry, of: "key")
      keys.append(
        APIKeyRecord(
          id: try fields.text("id"), label: try fields.text("label"),
          createdAtMilliseconds: try fields.unsigned("created_at_ms"),
          hash: try fields.digest("sha256")))
      try fields.finish()
    }
    try fields.finish()
    return keys
  }
}
