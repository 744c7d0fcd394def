package import Cryptography
package import Networking
package import Peering
import Persistence
import Primitives

/// Publishes names (IPNS), looks them up, and keeps the own ones alive.
///
/// A published record is stored before it is sent, so the sequence never goes back; each time it is
/// published again it is signed anew with the next sequence.
package actor ContentNames {
  /// Milliseconds since 1970.
  package typealias Clock = @Sendable () -> UInt64

  /// A record that was found, and until when it need not be looked up again.
  private struct Found {
    let record: IPNSRecord
    let freshUntil: RecordTime
  }

  /// The keys.
  package nonisolated let keys: ContentKeys
  private let home: HomeDirectory
  private let tables: [KademliaShell]
  private let clock: Clock
  private var cache: [PeerID: Found] = [:]

  /// Names of keys in `directory`, where the own records are kept too, published in `tables`.
  package init(
    keys: ContentKeys, directory: String, tables: [KademliaShell],
    clock: @escaping Clock = WallClock.milliseconds
  ) {
    self.keys = keys
    home = HomeDirectory(path: directory)
    self.tables = tables
    self.clock = clock
  }

  private var now: RecordTime {
    let milliseconds = clock()
    return RecordTime(
      seconds: Int64(clamping: milliseconds / 1_000),
      nanoseconds: Int32(milliseconds % 1_000) * 1_000_000)
  }

  // MARK: Publishing

  /// Says that the name of a key stands for a path; returns the name, and how many peers keep the
  /// record.
  package func publish(
    _ path: String, under key: SigningKey, lifetime: Duration = NamingLimits.lifetime,
    timeToLive: Duration = NamingLimits.timeToLive
  ) async throws -> (name: PeerID, peers: Int) {
    guard path.hasPrefix("/"), path.utf8.count <= NamingLimits.valueBytesMax else {
      throw NameFault.unusablePath
    }
    let name = key.publicKey.peerID
    let sequence = (ownRecord(of: name)?.sequence).map { $0 &+ 1 } ?? 0
    let record = IPNSRecord(
      value: Bytes(path.utf8), sequence: sequence, validUntil: now.advanced(by: lifetime),
      timeToLive: UInt64(max(0, timeToLive / .nanoseconds(1))), signedBy: key)
    try keep(record, of: name)
    return (name, await spread(record, of: name))
  }

  private func keep(_ record: IPNSRecord, of name: PeerID) throws {
    try home.create()
    try home.write(record.bytes, to: Self.file(of: name))
    cache[name] = nil
  }

  private static func file(of name: PeerID) -> String { "\(name.base36).ipns-record" }

  private func ownRecord(of name: PeerID) -> IPNSRecord? {
    let bytes = try? home.read(Self.file(of: name), max: IPNSRecord.byteCountMax)
    return bytes.flatMap { $0 }.flatMap { try? IPNSRecord($0, of: name) }
  }

  /// Puts a record into all tables; returns how many peers took it.
  private func spread(_ record: IPNSRecord, of name: PeerID) async -> Int {
    let value = KademliaRecord(key: IPNSRecord.key(of: name), value: record.bytes)
    var stored = 0
    for table in tables { stored += await table.run(.putValue(value)).stored }
    return stored
  }

  /// Publishes the own names again that were published before and still count; returns how many.
  @discardableResult
  package func republish() async -> Int {
    var count = 0
    for keyName in keys.names() {
      guard let key = try? keys.key(named: keyName),
        let record = ownRecord(of: key.publicKey.peerID), record.isValid(at: now)
      else { continue }
      let path = String(decoding: record.value, as: UTF8.self)
      let timeToLive = Duration.nanoseconds(Int64(clamping: record.timeToLive))
      if (try? await publish(path, under: key, timeToLive: timeToLive)) != nil { count += 1 }
    }
    return count
  }

  /// Publishes the own names again and again, until the task is cancelled.
  package func run(on loop: EventLoop) async {
    while !Task.isCancelled {
      do {
        try await loop.perform { try await loop.sleep(for: NamingLimits.republishInterval) }
      } catch { return }
      await republish()
    }
  }

  // MARK: Looking up

  /// The best record of a name that counts now: an own one, one found before, or what tables say.
  package func record(of name: PeerID, usingCache: Bool = true) async -> IPNSRecord? {
    if usingCache, let found = cache[name], now < found.freshUntil, found.record.isValid(at: now) {
      return found.record
    }
    var best = ownRecord(of: name)
    for table in tables {
      let outcome = await table.run(.getValue(IPNSRecord.key(of: name)))
      guard let value = outcome.record?.value, let record = try? IPNSRecord(value, of: name) else {
        continue
      }
      if best.map({ record.replaces($0) }) ?? true { best = record }
    }
    guard let best, best.isValid(at: now) else { return nil }
    remember(best, of: name)
    return best
  }

  private func remember(_ record: IPNSRecord, of name: PeerID) {
    if cache.count >= NamingLimits.cacheMax, cache[name] == nil { cache.removeAll() }
    let time = Duration.nanoseconds(Int64(clamping: record.timeToLive))
    cache[name] = Found(
      record: record, freshUntil: min(now.advanced(by: time), record.validUntil))
  }

  /// The path that a name (a key's CID or peer id, with or without `/ipns/` and names behind it)
  /// stands for; goes on until that is no name, unless `isRecursive` is false.
  package func resolve(
    _ name: String, isRecursive: Bool = true, usingCache: Bool = true
  ) async throws -> String {
    var path = name.hasPrefix("/") ? name : "/ipns/" + name
    for _ in 0..<NamingLimits.recursionMax {
      let parts = path.split(separator: "/", omittingEmptySubsequences: true)
      guard parts.first == "ipns" else { return path }
      guard parts.count > 1, let peer = try? PeerID(String(parts[1])),
        let record = await record(of: peer, usingCache: usingCache)
      else { throw NameFault.unresolved(parts.count > 1 ? String(parts[1]) : path) }
      guard let value = String(validating: record.value, as: UTF8.self), value.hasPrefix("/") else {
        throw NameFault.unresolved(String(parts[1]))
      }
      path = ([value] + parts.dropFirst(2).map(String.init)).joined(separator: "/")
      if !isRecursive { return path }
    }
    throw NameFault.tooManyNames
  }
}

/// Why a name was not published or leads nowhere.
package enum NameFault: Error, Equatable, Sendable {
  /// No valid record of the name is known.
  case unresolved(String)
  /// Names lead to names without an end.
  case tooManyNames
  /// What a name is to stand for is no path, or too long.
  case unusablePath
}
