public import Consensus
import Cryptography
public import Ledger
import Primitives
import Telemetry

/// Why the stored chain could not be opened or read.
public enum BlockLogError: Error, Equatable, Sendable {
  /// The log could not be opened or written.
  case log(WriteAheadLogError)
  /// The file belongs to another chain.
  case wrongGenesis
  /// A stored block does not decode or does not follow.
  case invalidBlock(height: BlockHeight, reason: String)
}

/// All committed blocks of one chain in a write-ahead log, the genesis document first.
public final class BlockLog: Sendable {
  private let log: WriteAheadLog
  /// The place of block i + 1 at index i.
  private let locations: Lock<[WriteAheadLogLocation]>

  /// What opening found; the first record is the genesis document.
  public var recovery: WriteAheadLogRecovery { log.recovery }

  /// Opens or creates the log and returns it with the ledger that its blocks lead to.
  ///
  /// Certificates and execution are checked again, transaction signatures are not: this node
  /// checked them before it stored the block, and the log's checksums show damage.
  public static func open(
    path: String, genesis: Genesis
  ) throws(BlockLogError) -> (log: BlockLog, chain: ChainFollower) {
    do {
      var chain = try ChainFollower(genesis: genesis)
      var locations: [WriteAheadLogLocation] = []
      let log = try WriteAheadLog(path: path) { location, bytes in
        guard location.index > 0 else {
          guard bytes == genesis.encoded() else { throw BlockLogError.wrongGenesis }
          return
        }
        try replay(bytes, into: &chain)
        locations.append(location)
      }
      if log.recovery.records == 0 { try log.appendBlocking(genesis.encoded()) }
      return (BlockLog(log: log, locations: locations), chain)
    } catch let error as BlockLogError {
      throw error
    } catch let error as WriteAheadLogError {
      throw .log(error)
    } catch {
      throw .invalidBlock(height: 0, reason: "\(error)")
    }
  }

  private init(log: WriteAheadLog, locations: sending [WriteAheadLogLocation]) {
    self.log = log
    self.locations = Lock(locations)
  }

  private static func replay(_ bytes: Bytes, into chain: inout ChainFollower) throws(BlockLogError)
  {
    let height = chain.state.chain.height + 1
    do {
      let committed = try CommittedBlock(decoding: bytes)
      let ids = Set(committed.block.transactions.map(\.id))
      try chain.follow(committed, checkedSignatures: ids)
    } catch {
      throw .invalidBlock(height: height, reason: "\(error)")
    }
  }

  /// The newest stored height.
  public var height: BlockHeight { locations.withLock { BlockHeight($0.count) } }

  /// Stores the next block and suspends until it is durable.
  public func append(_ committed: CommittedBlock) async throws(BlockLogError) {
    do throws(WriteAheadLogError) {
      let location = try await log.append(committed.encoded())
      locations.withLock { $0.append(location) }
    } catch {
      throw .log(error)
    }
  }

  /// Stores the next block and blocks this thread until it is durable.
  public func appendBlocking(_ committed: CommittedBlock) throws(BlockLogError) {
    do throws(WriteAheadLogError) {
      let location = try log.appendBlocking(committed.encoded())
      locations.withLock { $0.append(location) }
    } catch {
      throw .log(error)
    }
  }

  /// Reads a block; nil if the chain is not that high. Touches the disk: not on a loop.
  public func block(at height: BlockHeight) throws(BlockLogError) -> CommittedBlock? {
    let location = locations.withLock { locations in
      (1...BlockHeight(max(1, locations.count))).contains(height) && !locations.isEmpty
        ? locations[Int(height) - 1] : nil
    }
    guard let location else { return nil }
    do {
      return try CommittedBlock(decoding: try log.read(location))
    } catch let error as WriteAheadLogError {
      throw .log(error)
    } catch {
      throw .invalidBlock(height: height, reason: "\(error)")
    }
  }

  /// Waits until what was accepted is durable, then refuses everything.
  public func close() { log.close() }
}
