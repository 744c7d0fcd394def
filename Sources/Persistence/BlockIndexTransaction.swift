import CLMDB
import Cryptography
import Primitives

/// A transaction on the index; valid until the function that began it returns.
///
/// The typed reads and writes of each database are in `BlockIndexTransaction+….swift`.
struct BlockIndexTransaction {
  let handle: OpaquePointer?
  let databases: BlockIndex.Databases
  let path: String

  /// The number of entries.
  func count(of database: MDB_dbi) throws(BlockStoreError) -> Int {
    var status = MDB_stat()
    try check("inspect", mdb_stat(handle, database, &status))
    return status.ms_entries
  }

  /// The value of a key, copied: the map's page is valid only until the transaction ends.
  func value(of key: Bytes, in database: MDB_dbi) throws(BlockStoreError) -> Bytes? {
    var found: Bytes?
    let status = key.withUnsafeBytes { buffer in
      var name = Self.value(buffer)
      var value = MDB_val()
      let status = mdb_get(handle, database, &name, &value)
      if status == 0 { found = Self.copy(value) }
      return status
    }
    if status == MDB_NOTFOUND { return nil }
    try check("look up", status)
    return found
  }

  func put(_ key: Bytes, _ value: Bytes, in database: MDB_dbi) throws(BlockStoreError) {
    let status = key.withUnsafeBytes { keyBuffer in
      value.withUnsafeBytes { valueBuffer in
        var name = Self.value(keyBuffer)
        var content = Self.value(valueBuffer)
        return mdb_put(handle, database, &name, &content, 0)
      }
    }
    try check("write", status)
  }

  /// Removes a key; one that is not there is as good.
  func remove(_ key: Bytes, from database: MDB_dbi) throws(BlockStoreError) {
    let status = key.withUnsafeBytes { buffer in
      var name = Self.value(buffer)
      return mdb_del(handle, database, &name, nil)
    }
    if status != MDB_NOTFOUND { try check("remove", status) }
  }

  /// Up to `limit` entries behind the key `start`, in order of their keys.
  func entries(
    of database: MDB_dbi, after start: Bytes?, limit: Int
  ) throws(BlockStoreError) -> [(key: Bytes, value: Bytes)] {
    var cursor: OpaquePointer?
    try check("open a cursor of", mdb_cursor_open(handle, database, &cursor))
    defer { mdb_cursor_close(cursor) }
    var found: [(key: Bytes, value: Bytes)] = []
    var name = MDB_val()
    var value = MDB_val()
    var status = seek(cursor, after: start, &name, &value)
    while status == 0, found.count < limit {
      found.append((Self.copy(name), Self.copy(value)))
      status = mdb_cursor_get(cursor, &name, &value, MDB_NEXT)
    }
    if status != MDB_NOTFOUND { try check("walk", status) }
    return found
  }

  /// Moves to the first entry behind `start`.
  private func seek(
    _ cursor: OpaquePointer?, after start: Bytes?, _ name: inout MDB_val, _ value: inout MDB_val
  ) -> Int32 {
    guard let start else { return mdb_cursor_get(cursor, &name, &value, MDB_FIRST) }
    return start.withUnsafeBytes { buffer in
      name = Self.value(buffer)
      let status = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE)
      guard status == 0, Self.buffer(name).elementsEqual(buffer) else { return status }
      return mdb_cursor_get(cursor, &name, &value, MDB_NEXT)
    }
  }

  private static func value(_ buffer: UnsafeRawBufferPointer) -> MDB_val {
    MDB_val(mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
  }

  private static func buffer(_ value: MDB_val) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
  }

  private static func copy(_ value: MDB_val) -> Bytes { Bytes(buffer(value)) }

  func check(_ operation: String, _ code: Int32) throws(BlockStoreError) {
    if code == 0 { return }
    if code > 0 { throw .failed(operation, path, code) }
    throw .index(operation: operation, code: code)
  }
}
