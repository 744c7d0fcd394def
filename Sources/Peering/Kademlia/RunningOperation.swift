import Primitives

/// One operation under way: the lookup of its key, then where regions are used a walk through the
/// levels of the key's region, then the requests to all peers of it.
struct RunningOperation: Sendable {
  /// What an operation does now.
  enum Phase: Sendable, Equatable {
    /// Asks ever closer peers.
    case lookup
    /// Finds the region's other peers.
    case walk
    /// Asks each peer found.
    case contact
  }

  /// The machine's own number.
  let serial: UInt32
  /// The shell's number; nil for maintenance, of which nobody is told.
  let id: UInt32?
  let operation: KademliaOperation
  let key: KademliaKey
  let startedAt: Tick
  var phase = Phase.lookup
  /// The lookup of the key.
  var main: LookupMachine
  /// The searches of a later phase.
  var searches: [LookupMachine] = []
  /// Peers known inside the region; nil until the main lookup ends, and without regions.
  var members: RegionMembers?
  /// Providers found so far, in order of handles.
  var providers: [PeerHandle] = []
  /// The best value found so far.
  var best: (record: KademliaRecord, sequence: UInt64)?
  /// Peers that answered with an older value or none, and the sequence they hold.
  var holders: [(peer: PeerHandle, sequence: UInt64?)] = []
  var nextTimeout: Tick?
  /// What the region's walk has cost.
  var walkRequests = 0
  var walkTimeouts = 0

  /// Peers that took what was to be stored.
  var storedCount: Int {
    phase == .contact && isStore ? searches.first?.answeredCount ?? 0 : 0
  }

  /// Requests of all phases.
  var requests: Int {
    main.requests + searches.reduce(phase == .contact ? walkRequests : 0) { $0 + $1.requests }
  }

  /// Requests of all phases that gave up their slot.
  var timeouts: Int {
    main.timeouts + searches.reduce(phase == .contact ? walkTimeouts : 0) { $0 + $1.timeouts }
  }

  /// What is asked in the phase of `search`.
  func request(search index: Int, local: PeerHandle) -> KademliaRequest {
    switch phase {
    case .walk:
      return .findNode(KademliaKey(point: searches[index].target))
    case .lookup:
      switch operation {
      case .findProviders: return .getProviders(key)
      case .getValue: return .getValue(key)
      case .findNode, .provide, .putValue, .bootstrap: return .findNode(key)
      }
    case .contact:
      switch operation {
      case .findProviders: return .getProviders(key)
      case .getValue: return .getValue(key)
      case .provide: return .addProvider(key, provider: local)
      case .putValue(let record): return .putValue(record)
      case .findNode, .bootstrap: return .findNode(key)
      }
    }
  }

  /// Whether records are stored at or read from more peers than the lookup meets.
  var concernsRecords: Bool {
    switch operation {
    case .findProviders, .getValue, .provide, .putValue: true
    case .findNode, .bootstrap: false
    }
  }

  /// Whether peers are told something rather than asked.
  var isStore: Bool {
    switch operation {
    case .provide, .putValue: true
    case .findNode, .findProviders, .getValue, .bootstrap: false
    }
  }

  /// Whether the present phase is over.
  var isPhaseComplete: Bool {
    phase == .lookup ? main.isComplete : searches.allSatisfy(\.isComplete)
  }

  /// Takes providers named by an answer; returns the new ones.
  mutating func add(providers named: [PeerHandle]) -> [PeerHandle] {
    var new: [PeerHandle] = []
    for peer in named.prefix(KademliaLimits.providersInAnswerMax)
    where providers.count < KademliaLimits.providersFoundMax {
      let index = providers.firstIndex { !($0 < peer) } ?? providers.count
      if index < providers.count, providers[index] == peer { continue }
      providers.insert(peer, at: index)
      new.append(peer)
    }
    return new
  }

  /// Takes the value a peer answered with, or that it has none.
  mutating func add(record: KademliaRecord?, from peer: PeerHandle) {
    var sequence: UInt64?
    if let record, record.key.point == key.point,
      let valid = try? RecordValidator.sequence(of: record)
    {
      sequence = valid
      offer(record, sequence: valid)
    }
    holders.append((peer, sequence))
  }

  /// Takes a valid value.
  mutating func offer(_ record: KademliaRecord, sequence: UInt64) {
    if let best {
      guard sequence >= best.sequence else { return }
      guard
        sequence > best.sequence
          || best.record.value.lexicographicallyPrecedes(record.value)
      else { return }
    }
    best = (record, sequence)
  }
}
