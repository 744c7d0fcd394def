import CLMDB
import Cryptography
import Glibc
import Primitives

/// The LMDB environment that maps a digest to the place of its block and its reference count, and
/// holds the pins.
///
/// Keyed by digest, not CID: the version 0, version 1 and raw names of one digest are one block.
/// Write transactions belong to one thread at a time (the opener, then the store's writer); read
/// transactions begin and end inside one synchronous function. Never `MDB_WRITEMAP`: a stray write
/// through the map would reach the disk.
final class BlockIndex: Sendable {
  /// How far the address space for the index reaches.
  struct MapLimits: Sendable {
    /// Sparse: only used pages take space. A gibibyte holds about ten million blocks.
    var initialByteCount = 1 << 30
    /// Far more entries than any disk has blocks; ends a growth that never would.
    var byteCountMax = 1 << 42
  }

  /// The named databases; `docs/specs/block-store.md` has their keys and values.
  struct Databases: Sendable {
    static let count: MDB_dbi = 6
    let blocks: MDB_dbi
    let unreferenced: MDB_dbi
    let segments: MDB_dbi
    let pins: MDB_dbi
    let names: MDB_dbi
    let meta: MDB_dbi
  }

  let path: String
  private let mapLimits: MapLimits
  // The environment is thread-safe by the contract of LMDB.
  private nonisolated(unsafe) let environment: OpaquePointer
  private let databases: Databases
  // LMDB forbids changing the map's size while a transaction of this process is alive.
  private nonisolated(unsafe) let gate: UnsafeMutablePointer<pthread_rwlock_t>

  /// Opens or creates the index in the existing directory `path`.
  init(path: String, mapLimits: MapLimits = MapLimits()) throws(BlockStoreError) {
    self.path = path
    self.mapLimits = mapLimits
    environment = try Self.openEnvironment(path, mapByteCount: mapLimits.initialByteCount)
    do throws(BlockStoreError) {
      databases = try Self.openDatabases(environment)
    } catch {
      mdb_env_close(environment)
      throw error
    }
    gate = .allocate(capacity: 1)
    gate.initialize(to: pthread_rwlock_t())
    let status = pthread_rwlock_init(gate, nil)
    precondition(status == 0, "pthread_rwlock_init: \(status)")
  }

  deinit {
    mdb_env_close(environment)
    pthread_rwlock_destroy(gate)
    gate.deallocate()
  }

  private static func openEnvironment(
    _ path: String, mapByteCount: Int
  ) throws(BlockStoreError) -> OpaquePointer {
    var created: OpaquePointer?
    let status = mdb_env_create(&created)
    guard status == 0, let environment = created else { throw error("create", path, status) }
    do throws(BlockStoreError) {
      try check("configure", path, mdb_env_set_maxdbs(environment, Databases.count))
      try check("size", path, mdb_env_set_mapsize(environment, mapByteCount))
      // MDB_NOTLS: a reader slot belongs to its transaction, so any thread may read.
      try check("open", path, mdb_env_open(environment, path, UInt32(MDB_NOTLS), 0o600))
      // Slots of readers that were killed would pin old pages for ever.
      var dead: Int32 = 0
      try check("check readers of", path, mdb_reader_check(environment, &dead))
    } catch {
      mdb_env_close(environment)
      throw error
    }
    return environment
  }

  private static func openDatabases(
    _ environment: OpaquePointer
  ) throws(BlockStoreError) -> Databases {
    var transaction: OpaquePointer?
    try check("begin", "", mdb_txn_begin(environment, nil, 0, &transaction))
    let databases: Databases
    do throws(BlockStoreError) {
      databases = Databases(
        blocks: try openDatabase("blocks", transaction),
        unreferenced: try openDatabase("unreferenced", transaction),
        segments: try openDatabase("segments", transaction),
        pins: try openDatabase("pins", transaction),
        names: try openDatabase("names", transaction),
        meta: try openDatabase("meta", transaction))
    } catch {
      mdb_txn_abort(transaction)
      throw error
    }
    try check("commit", "", mdb_txn_commit(transaction))
    return databases
  }

  private static func openDatabase(
    _ name: String, _ transaction: OpaquePointer?
  ) throws(BlockStoreError) -> MDB_dbi {
    var database: MDB_dbi = 0
    try check("open", "", mdb_dbi_open(transaction, name, UInt32(MDB_CREATE), &database))
    return database
  }

  private static func error(_ operation: String, _ path: String, _ code: Int32) -> BlockStoreError {
    // Positive codes are errno, negative ones LMDB's own.
    code > 0 ? .failed(operation, path, code) : .index(operation: operation, code: code)
  }

  private static func check(
    _ operation: String, _ path: String, _ code: Int32
  ) throws(BlockStoreError) {
    guard code == 0 else { throw error(operation, path, code) }
  }

  // MARK: - Transactions

  /// Runs `body` in a read transaction, which ends with it: a long one would keep the pages of old
  /// versions from being used again.
  func read<Value>(
    _ body: (BlockIndexTransaction) throws(BlockStoreError) -> Value
  ) throws(BlockStoreError) -> Value {
    let transaction = try beginReading()
    defer { endReading(transaction) }
    return try body(transaction)
  }

  /// The entry of a block, if it has one.
  func entry(_ digest: Digest) throws(BlockStoreError) -> BlockIndexEntry? {
    let transaction = try beginReading()
    defer { endReading(transaction) }
    return try transaction.entry(digest)
  }

  private func beginReading() throws(BlockStoreError) -> BlockIndexTransaction {
    pthread_rwlock_rdlock(gate)
    var handle: OpaquePointer?
    let status = mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &handle)
    guard status == 0 else {
      pthread_rwlock_unlock(gate)
      throw Self.error("begin", path, status)
    }
    return BlockIndexTransaction(handle: handle, databases: databases, path: path)
  }

  private func endReading(_ transaction: BlockIndexTransaction) {
    mdb_txn_abort(transaction.handle)
    pthread_rwlock_unlock(gate)
  }

  /// Runs `body` in a write transaction and commits it; the map grows when it is full, and `body`
  /// runs again then, so it must have no other effect.
  func write(
    _ body: (BlockIndexTransaction) throws(BlockStoreError) -> Void
  ) throws(BlockStoreError) {
    while true {
      do throws(BlockStoreError) {
        return try writeOnce(body)
      } catch {
        guard case .index(_, MDB_MAP_FULL) = error, try grow() else { throw error }
      }
    }
  }

  // Never inlined: the optimizer of Swift 6.3.1 crashes when it inlines this typed throw.
  @inline(never)
  private func writeOnce(
    _ body: (BlockIndexTransaction) throws(BlockStoreError) -> Void
  ) throws(BlockStoreError) {
    var handle: OpaquePointer?
    try Self.check("begin", path, mdb_txn_begin(environment, nil, 0, &handle))
    do throws(BlockStoreError) {
      try body(BlockIndexTransaction(handle: handle, databases: databases, path: path))
    } catch {
      mdb_txn_abort(handle)
      throw error
    }
    try Self.check("commit", path, mdb_txn_commit(handle))
  }

  /// The bytes of the pages in use.
  func usedByteCount() throws(BlockStoreError) -> UInt64 {
    pthread_rwlock_rdlock(gate)
    defer { pthread_rwlock_unlock(gate) }
    var info = MDB_envinfo()
    var status = MDB_stat()
    try Self.check("inspect", path, mdb_env_info(environment, &info))
    try Self.check("inspect", path, mdb_env_stat(environment, &status))
    return UInt64(info.me_last_pgno + 1) * UInt64(status.ms_psize)
  }

  /// Doubles the map; false at the limit.
  private func grow() throws(BlockStoreError) -> Bool {
    pthread_rwlock_wrlock(gate)
    defer { pthread_rwlock_unlock(gate) }
    var info = MDB_envinfo()
    try Self.check("inspect", path, mdb_env_info(environment, &info))
    guard info.me_mapsize <= mapLimits.byteCountMax / 2 else { return false }
    try Self.check("grow", path, mdb_env_set_mapsize(environment, info.me_mapsize * 2))
    return true
  }
}
