public import Cryptography
import Glibc
public import Ledger
public import Primitives

/// Why a home directory could not be used.
public enum HomeError: Error, Equatable, Sendable {
  case file(FileError)
  /// There is no such file: `what` says what it would hold.
  case missing(what: String, path: String)
  /// Others may read a secret.
  case notPrivate(path: String, mode: UInt32)
  case damaged(what: String, path: String, reason: String)
}

extension HomeError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .file(let error): error.description
    case .missing(let what, let path): "there is no \(what) at \(path)"
    case .notPrivate(let path, let mode):
      "\(path) is readable by others (mode \(String(mode, radix: 8)))"
    case .damaged(let what, let path, let reason): "the \(what) at \(path) is damaged: \(reason)"
    }
  }

  /// The next step.
  public var hint: String {
    switch self {
    case .file(let error): error.hint
    case .missing: "make one with `martlet init`, or name another place with --home"
    case .notPrivate(let path, _): "run `chmod 600 \(path)`, and make a new key if it was seen"
    case .damaged: "restore it from a backup"
    }
  }
}

/// The directory that holds all state of one node (`--home`).
///
/// Keys are 32-byte seeds in hexadecimal, mode 0600.
public struct HomeDirectory: Hashable, Sendable {
  /// The directory.
  public let path: String
  private static let keyFileBytesMax = 1_024

  /// Names a directory; nothing is touched.
  public init(path: String) { self.path = path }

  /// The path of a file inside.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes the directory, and those above it, for the owner only.
  public func create() throws(HomeError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for part in path.pathNames {
      prefix += prefix.isEmpty || prefix.hasSuffix("/") ? part : "/\(part)"
      guard mkdir(prefix, 0o700) == 0 || errno == EEXIST else {
        throw .file(.failed("creating", prefix, errno))
      }
    }
  }

  /// Whether a file is there.
  public func contains(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

  /// Stores a key under `name`.key.
  public func store(_ key: SigningKey, named name: String) throws(HomeError) {
    try write(Bytes((Hex.encode(key.seed) + "\n").utf8), to: "\(name).key")
  }

  /// Reads the key `name`.key; a key that others can read is refused.
  public func key(named name: String) throws(HomeError) -> SigningKey {
    let path = file("\(name).key")
    guard let bytes = try read("\(name).key", max: Self.keyFileBytesMax) else {
      throw .missing(what: "\(name) key", path: path)
    }
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
      throw .notPrivate(path: path, mode: status.st_mode & 0o777)
    }
    do {
      let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      return try SigningKey(seed: Hex.decode(text))
    } catch {
      throw .damaged(what: "\(name) key", path: path, reason: "\(error)")
    }
  }

  /// Reads the key `name`.key, or draws and stores one.
  public func keyOrNew(named name: String) throws(HomeError) -> SigningKey {
    if contains("\(name).key") { return try key(named: name) }
    let key = SigningKey.generate()
    try store(key, named: name)
    return key
  }

  /// Stores the chain's beginning as JSON.
  public func store(_ genesis: Genesis) throws(HomeError) {
    try write(genesis.json.encoded(indented: true) + Bytes("\n".utf8), to: "genesis.json")
  }

  /// Reads the chain's beginning.
  public func genesis() throws(HomeError) -> Genesis {
    let path = file("genesis.json")
    guard let bytes = try read("genesis.json", max: JSONLimits.bytesMax) else {
      throw .missing(what: "genesis document", path: path)
    }
    do {
      return try Genesis(json: JSONValue(parsing: bytes))
    } catch {
      let reason = (error as? LedgerError)?.sentence ?? "\(error)"
      throw .damaged(what: "genesis document", path: path, reason: reason)
    }
  }

  /// Replaces a file as a whole.
  public func write(_ bytes: Bytes, to name: String) throws(HomeError) {
    do throws(FileError) {
      try AtomicFile.write(bytes, to: file(name))
    } catch { throw .file(error) }
  }

  /// Reads a file; nil if it is not there.
  public func read(_ name: String, max: Int) throws(HomeError) -> Bytes? {
    do throws(FileError) {
      return try AtomicFile.read(file(name), byteCountMax: max)
    } catch { throw .file(error) }
  }
}
