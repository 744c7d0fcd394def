import ContentNode
import ContentStore
import Cryptography
import Glibc
import Ledger
import Persistence
import Primitives
import Telemetry
import Testing

/// A home with a block store and a library, deleted in the end.
final class LibraryWorld: Sendable {
  let path: String
  let store: BlockStore

  init() throws {
    var template = Array("/tmp/martlet-library-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    store = try BlockStore(path: path + "/content")
  }

  deinit {
    store.close()
    for name in ["content/index", "content/segments", "content", "files", ""] {
      Self.removeFiles(in: path + "/" + name)
    }
  }

  private static func removeFiles(in folder: String) {
    guard let stream = opendir(folder) else { return }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { unlink(folder + "/" + name) }
    }
    closedir(stream)
    rmdir(folder)
  }

  static func key(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  func library(
    key number: UInt8 = 1, policy: ContentPolicy = ContentPolicy(),
    scanner: (any ContentScanner)? = nil
  ) throws -> ContentLibrary {
    try ContentLibrary(
      store: store, directory: path, key: Self.key(number), policy: policy, scanner: scanner)
  }

  /// Writes a file below the home and returns its path.
  func file(_ name: String, _ bytes: Bytes) throws -> String {
    mkdir(path + "/files", 0o700)
    let place = path + "/files/" + name
    try AtomicFile.write(bytes, to: place)
    return place
  }

  /// A file that looks like safetensors, different for each name.
  static func model(_ name: String, size: Int = 4_000) -> Bytes {
    let header = Bytes("{\"__metadata__\":{\"name\":\"\(name)\"}}".utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Bytes($0) }
    return length + header + Bytes(repeating: 7, count: size)
  }
}

func description(
  _ name: String, tags: [String] = [], parents: [CID] = [], at time: UInt64 = 1_000,
  terms: ContentTerms = ContentTerms()
) -> ContentDescription {
  ContentDescription(
    name: name, tags: tags, licence: "MIT", parents: parents, terms: terms,
    createdMilliseconds: time)
}

/// A ledger in one process: each order is sealed into a block of its own.
actor LocalLedger: ContentLedger {
  private(set) var state: LedgerState
  private let key: SigningKey
  private let validator: SigningKey

  init(key: SigningKey, funding accounts: [SigningKey]) throws {
    self.key = key
    validator = try LibraryWorld.key(99)
    let beacon = BeaconChain(seed: .zero, count: 4)
    state = try LedgerState(
      genesis: Genesis(
        name: "library",
        accounts: accounts.map { GenesisAccount(id: $0.publicKey, balance: .tokens(100)) },
        validators: [GenesisValidator(key: validator.publicKey, power: 1)],
        beacon: beacon.anchor))
  }

  func record(of id: ContentID) -> ContentRecord? { state.contents[id] }

  func royalties(of id: ContentID, accesses: UInt32) throws -> [RoyaltyPart] {
    try state.royalties(of: id, accesses: accesses)
  }

  func submit(_ body: TransactionBody) throws -> Digest { try submit(body, by: key) }

  @discardableResult
  func submit(_ body: TransactionBody, by key: SigningKey) throws -> Digest {
    let transaction = Transaction(
      signing: body, chainID: state.chainID, nonce: state.account(key.publicKey).nonce,
      fee: try state.fee(for: body), key: key)
    let proposed = try state.propose(
      [transaction], proposer: validator.publicKey, timeMilliseconds: 0, beaconLink: nil)
    if let refusal = proposed.refused.first { throw refusal.error }
    state.commit(proposed)
    return transaction.id
  }

  func balance(_ key: SigningKey) -> Amount { state.account(key.publicKey).balance }
}

/// Says what it was told to, and counts what it is asked.
final class ScriptedScanner: ContentScanner {
  private let answers: Lock<[VirusScan]>
  private let bytes = Lock(0)

  init(_ answers: [VirusScan]) { self.answers = Lock(answers) }

  var byteCount: Int { bytes.withLock { $0 } }

  func scanBlocking(_ next: () throws -> Bytes?) throws -> VirusScan {
    while let part = try next() { bytes.withLock { $0 += part.count } }
    return answers.withLock { $0.isEmpty ? .clean : $0.removeFirst() }
  }
}
