public import Primitives

/// What happens to the serving side of bitswap.
public enum BitswapServerEvent: Equatable, Sendable {
  /// A peer wants something, or wants it no more.
  case received(BitswapMessage, from: BitswapPeer)
  /// A peer is gone.
  case disconnected(BitswapPeer)
  /// Of the blocks looked up, the store has these.
  case looked([CID], has: Set<CID>, for: BitswapPeer)
  /// The blocks that were to be read, with what was reserved for them; those missing are gone, or
  /// damaged.
  case read([CID], [CID: Bytes], for: BitswapPeer, reserved: Int)
  /// Of what was to be sent, so many bytes of blocks are on their way.
  case sent(BitswapPeer, byteCount: Int)
  /// The store has new blocks.
  case stored([CID])
}

/// What the serving side of bitswap asks for.
public enum BitswapServerEffect: Equatable, Sendable {
  /// Find out which of the blocks the store has.
  case lookUp([CID], for: BitswapPeer)
  /// Read blocks, for which so many bytes are reserved.
  case read([CID], for: BitswapPeer, reserved: Int)
  /// Send a message.
  case send(BitswapMessage, to: BitswapPeer)
}

/// The serving side of bitswap: who wants what of us, and in which order they get it.
///
/// Peers take turns, a batch each; of one peer's wants the one of the highest priority comes first,
/// then the oldest. What is read for a peer and not yet sent is bounded, so a peer that asks and
/// does not read costs no more than that.
public struct BitswapServerMachine: Sendable {
  struct Entry: Sendable {
    var want: BitswapMessage.Want
    /// Its place among wants of one priority.
    var order: UInt64
    var isFound = false
  }

  struct Ledger: Sendable {
    /// What the peer wants and has not got, by multihash: names of one digest are one block.
    var entries: [Multihash: Entry] = [:]
    /// Found blocks that wait for their turn, in order.
    var queue: [CID] = []
    /// Bytes that are being read, as far as they can be guessed.
    var readingByteCount = 0
    /// Bytes that are being sent.
    var sendingByteCount = 0
    /// The largest block that the peer got: what the next one is taken to be.
    var largestByteCount = 0

    var outstandingByteCount: Int { readingByteCount + sendingByteCount }
    var guess: Int { largestByteCount == 0 ? BlockLimits.byteCountMax : largestByteCount }
  }

  private(set) var ledgers: [BitswapPeer: Ledger] = [:]
  /// Peers that wait for a turn, the next one first; each at most once.
  private var turns: [BitswapPeer] = []
  private var outstandingTotal = 0
  private var lastOrder: UInt64 = 0
  /// Who waits for a block that the store does not have.
  private var waiters: [Multihash: [BitswapPeer]] = [:]
  /// Wants that no limit left room for.
  public private(set) var refusedCount = 0

  /// A server that nobody wants anything of.
  public init() {}

  /// How many blocks a peer wants that it has not got.
  public func wantCount(of peer: BitswapPeer) -> Int { ledgers[peer]?.entries.count ?? 0 }

  /// Takes an event and says what is to be done.
  public mutating func handle(_ event: BitswapServerEvent) -> [BitswapServerEffect] {
    var effects: [BitswapServerEffect] = []
    switch event {
    case .received(let message, let peer): receive(message, from: peer, &effects)
    case .disconnected(let peer): forget(peer)
    case .looked(let asked, let had, let peer): looked(asked, had, peer, &effects)
    case .read(let asked, let blocks, let peer, let reserved):
      read(asked, blocks, peer, reserved, &effects)
    case .sent(let peer, let byteCount): sent(byteCount, to: peer)
    case .stored(let cids): stored(cids, &effects)
    }
    serve(&effects)
    return effects
  }

  // MARK: What peers want

  private mutating func receive(
    _ message: BitswapMessage, from peer: BitswapPeer, _ effects: inout [BitswapServerEffect]
  ) {
    guard !message.wants.isEmpty || message.isFull || !message.unreadableWants.isEmpty else {
      return
    }
    if message.isFull { keepOnly(message.wants, of: peer) }
    var asked: [CID] = []
    var reply = BitswapMessage()
    reply.unreadableAbsent = message.unreadableWants
    for want in message.wants {
      if want.kind == .cancel {
        remove(want.cid, of: peer)
      } else if note(want, of: peer) {
        asked.append(want.cid)
      } else if want.sendsDontHave {
        reply.presences.append(.init(want.cid, isHad: false))
      }
    }
    if !asked.isEmpty { effects.append(.lookUp(asked, for: peer)) }
    if !reply.isEmpty { effects.append(.send(reply, to: peer)) }
  }

  /// Puts a want down; false when the peer wants too much already. One that is wanted again counts
  /// as asked anew.
  private mutating func note(_ want: BitswapMessage.Want, of peer: BitswapPeer) -> Bool {
    let key = want.cid.multihash
    let isKnown = ledgers[peer]?.entries[key] != nil
    guard isKnown || wantCount(of: peer) < BitswapLimits.wantsPerPeerMax else {
      refusedCount += 1
      return false
    }
    if isKnown { remove(want.cid, of: peer) }
    lastOrder += 1
    ledgers[peer, default: Ledger()].entries[key] = Entry(want: want, order: lastOrder)
    return true
  }

  private mutating func keepOnly(_ wants: [BitswapMessage.Want], of peer: BitswapPeer) {
    let kept = Set(wants.map(\.cid.multihash))
    let entries = ledgers[peer]?.entries ?? [:]
    let dropped = entries.filter { !kept.contains($0.key) }.map(\.value)
    for entry in dropped.sorted(by: { $0.order < $1.order }) { remove(entry.want.cid, of: peer) }
  }

  private mutating func remove(_ cid: CID, of peer: BitswapPeer) {
    guard let entry = ledgers[peer]?.entries.removeValue(forKey: cid.multihash) else { return }
    if entry.isFound {
      ledgers[peer]?.queue.removeAll { $0.multihash == cid.multihash }
    } else {
      stopWaiting(peer, for: cid.multihash)
    }
  }

  private mutating func stopWaiting(_ peer: BitswapPeer, for key: Multihash) {
    guard var waiting = waiters[key] else { return }
    waiting.removeAll { $0 == peer }
    waiters[key] = waiting.isEmpty ? nil : waiting
  }

  private mutating func forget(_ peer: BitswapPeer) {
    guard let ledger = ledgers.removeValue(forKey: peer) else { return }
    for key in ledger.entries.keys { stopWaiting(peer, for: key) }
    outstandingTotal -= ledger.outstandingByteCount
    turns.removeAll { $0 == peer }
  }
}

// MARK: - What the store has

extension BitswapServerMachine {
  private mutating func looked(
    _ asked: [CID], _ had: Set<CID>, _ peer: BitswapPeer, _ effects: inout [BitswapServerEffect]
  ) {
    var reply = BitswapMessage()
    for cid in asked {
      // What was cancelled meanwhile is answered no more.
      guard let entry = ledgers[peer]?.entries[cid.multihash], !entry.isFound else { continue }
      if had.contains(cid) {
        found(entry.want, by: peer, &reply)
      } else {
        if entry.want.sendsDontHave { reply.presences.append(.init(cid, isHad: false)) }
        let waiting = waiters[cid.multihash, default: []]
        if !waiting.contains(peer) { waiters[cid.multihash] = waiting + [peer] }
      }
    }
    if !reply.isEmpty { effects.append(.send(reply, to: peer)) }
  }

  /// A block that a peer wants is there: the answer, or a place in its queue.
  private mutating func found(
    _ want: BitswapMessage.Want, by peer: BitswapPeer, _ reply: inout BitswapMessage
  ) {
    let key = want.cid.multihash
    switch want.kind {
    case .cancel: break
    case .have:
      ledgers[peer]?.entries[key] = nil
      reply.presences.append(.init(want.cid, isHad: true))
    case .block:
      ledgers[peer]?.entries[key]?.isFound = true
      enqueue(want.cid, priority: want.priority, of: peer)
    }
  }

  /// Wants come in order nearly always, so the place is at the end or near it.
  private mutating func enqueue(_ cid: CID, priority: Int32, of peer: BitswapPeer) {
    guard let ledger = ledgers[peer] else { return }
    var place = ledger.queue.count
    while place > 0,
      let before = ledger.entries[ledger.queue[place - 1].multihash],
      before.want.priority < priority
    { place -= 1 }
    ledgers[peer]?.queue.insert(cid, at: place)
    if !turns.contains(peer) { turns.append(peer) }
  }

  private mutating func stored(_ cids: [CID], _ effects: inout [BitswapServerEffect]) {
    var replies: [BitswapPeer: BitswapMessage] = [:]
    for cid in cids {
      for peer in waiters.removeValue(forKey: cid.multihash) ?? [] {
        guard let entry = ledgers[peer]?.entries[cid.multihash], !entry.isFound else { continue }
        found(entry.want, by: peer, &replies[peer, default: BitswapMessage()])
      }
    }
    for (peer, reply) in replies.sorted(by: { $0.key < $1.key }) where !reply.isEmpty {
      effects.append(.send(reply, to: peer))
    }
  }
}

// MARK: - Turns

extension BitswapServerMachine {
  /// Gives turns as long as somebody waits and memory is left.
  private mutating func serve(_ effects: inout [BitswapServerEffect]) {
    var passed = 0
    while passed < turns.count, outstandingTotal < BitswapLimits.outstandingTotalMax {
      let peer = turns.removeFirst()
      guard let ledger = ledgers[peer], !ledger.queue.isEmpty else { continue }
      turns.append(peer)
      guard ledger.outstandingByteCount < BitswapLimits.outstandingByteCountMax else {
        passed += 1
        continue
      }
      passed = 0
      effects.append(takeBatch(of: peer))
    }
  }

  private mutating func takeBatch(of peer: BitswapPeer) -> BitswapServerEffect {
    var ledger = ledgers[peer] ?? Ledger()
    let count = min(
      ledger.queue.count, BitswapLimits.batchCountMax,
      max(1, BitswapLimits.batchByteCountMax / ledger.guess))
    let batch = Array(ledger.queue.prefix(count))
    ledger.queue.removeFirst(count)
    for cid in batch { ledger.entries[cid.multihash] = nil }
    let reserved = count * ledger.guess
    ledger.readingByteCount += reserved
    outstandingTotal += reserved
    ledgers[peer] = ledger
    return .read(batch, for: peer, reserved: reserved)
  }

  private mutating func read(
    _ asked: [CID], _ blocks: [CID: Bytes], _ peer: BitswapPeer, _ reserved: Int,
    _ effects: inout [BitswapServerEffect]
  ) {
    guard var ledger = ledgers[peer] else { return }
    outstandingTotal -= ledger.outstandingByteCount
    // A peer that came again meanwhile has nothing reserved.
    ledger.readingByteCount = max(0, ledger.readingByteCount - reserved)
    var reply = BitswapMessage()
    for cid in asked {
      guard let bytes = blocks[cid] else {
        reply.presences.append(.init(cid, isHad: false))
        continue
      }
      if !reply.blocks.isEmpty,
        reply.blockByteCount + bytes.count > BitswapLimits.batchByteCountMax
      {
        effects.append(.send(reply, to: peer))
        reply = BitswapMessage()
      }
      reply.append(bytes, as: cid)
      ledger.sendingByteCount += bytes.count
      ledger.largestByteCount = max(ledger.largestByteCount, bytes.count)
    }
    outstandingTotal += ledger.outstandingByteCount
    ledgers[peer] = ledger
    if !reply.isEmpty { effects.append(.send(reply, to: peer)) }
  }

  private mutating func sent(_ byteCount: Int, to peer: BitswapPeer) {
    guard let ledger = ledgers[peer] else { return }
    let count = min(byteCount, ledger.sendingByteCount)
    ledgers[peer]?.sendingByteCount -= count
    outstandingTotal -= count
  }
}
