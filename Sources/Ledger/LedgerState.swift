public import Cryptography
public import Primitives

/// The ledger after some block: a pure value that only valid blocks change.
public struct LedgerState: Sendable {
  /// The agreed beginning.
  public let genesis: Genesis
  /// The hash of `genesis`.
  public let chainID: Digest
  /// Every token there ever was: those of genesis and those that mining minted.
  public var supply: Amount {
    // Genesis is refused if all that can ever be minted would not fit.
    Amount(baseUnits: initialSupply.baseUnits + (chain.mining?.minted.baseUnits ?? 0))
  }
  private let initialSupply: Amount
  /// All accounts that ever held something.
  public private(set) var accounts: [AccountID: Account]
  /// Open jobs.
  public private(set) var jobs: [JobID: Job] = [:]
  /// Client-rounds of open jobs.
  public private(set) var slots: [WorkSlot: SlotRecord] = [:]
  /// Everything that was ever registered.
  public private(set) var contents: [ContentID: ContentRecord] = [:]
  /// Open rewards of contributions.
  public private(set) var rewards: [OfferID: ContributionReward] = [:]
  /// Open storage deals.
  public private(set) var deals: [OfferID: StorageDeal] = [:]
  /// Height, beacon and what was burned.
  public private(set) var chain: ChainPosition
  private(set) var tree: StateTree
  private let validatorKeys: Set<PublicKey>

  /// The state before block 1.
  public init(genesis: Genesis) throws(LedgerError) {
    self.genesis = genesis
    chainID = genesis.chainID
    initialSupply = try genesis.supply()
    accounts = [:]
    chain = ChainPosition(genesis: genesis, chainID: chainID)
    tree = StateTree()
    validatorKeys = Set(genesis.validators.map(\.key))
    var changes: [(path: Digest, leaf: Digest?)] = [
      (StateKey.chain.path, StateKey.chain.leaf(chain.canonicalValue))
    ]
    for entry in genesis.accounts {
      let account = Account(balance: entry.balance, stake: entry.stake)
      accounts[entry.id] = account
      let key = StateKey.account(entry.id)
      changes.append((key.path, key.leaf(account.canonicalValue)))
    }
    tree.update(changes)
  }

  /// The stakes of all accounts that have one.
  public var stakes: [AccountID: Amount] {
    accounts.compactMapValues { $0.stake > .zero ? $0.stake : nil }
  }

  /// The Merkle root over accounts, jobs, client-rounds, content and the chain's position.
  public var stateRoot: Digest { tree.root }

  /// What `id` holds; an unknown key holds nothing.
  public func account(_ id: AccountID) -> Account { accounts[id] ?? Account() }

  /// Links of the beacon that are not revealed yet; each block of commitments takes one.
  public var beaconLinksLeft: UInt64 {
    UInt64(genesis.beacon.count - min(chain.beaconIndex, genesis.beacon.count))
  }

  /// Whether `key` may judge work and vote for blocks.
  public func isValidator(_ key: PublicKey) -> Bool { validatorKeys.contains(key) }

  /// Shows `account(id)` under `stateRoot`; nil for an unknown key.
  public func proof(of id: AccountID) -> StateProof? {
    tree.proof(of: StateKey.account(id).path)
  }

  /// Shows `contents[id]` under `stateRoot`; nil for what is not registered.
  public func proof(of id: ContentID) -> StateProof? {
    tree.proof(of: StateKey.content(id).path)
  }

  /// What `body` costs its sender beside the amounts it names.
  public func fee(for body: TransactionBody) throws(LedgerError) -> Amount {
    try genesis.parameters.fee(for: body)
  }

  mutating func commit(_ change: StateChange) {
    precondition(change.parentRoot == tree.root, "a change is applied to the state it was made of")
    for (id, account) in change.accounts { accounts[id] = account }
    for (id, job) in change.jobs { jobs[id] = job }
    for (slot, record) in change.slots { slots[slot] = record }
    for (id, record) in change.contents { contents[id] = record }
    for (id, reward) in change.rewards { rewards[id] = reward }
    for (id, deal) in change.deals { deals[id] = deal }
    chain = change.chain
    tree = change.tree
  }
}

/// Where a chain stands, apart from what anybody owns.
public struct ChainPosition: Hashable, Sendable {
  /// The newest block's height; 0 before block 1.
  public internal(set) var height: BlockHeight
  /// The newest header's hash; the chain id before block 1.
  public internal(set) var headHash: Digest
  /// The newest block's time.
  public internal(set) var timeMilliseconds: UInt64
  /// The newest revealed link and its place.
  public internal(set) var beaconLink: Digest
  /// How many links are revealed.
  public internal(set) var beaconIndex: UInt32
  /// Whether the next block must reveal a link, since the newest holds commitments.
  public internal(set) var isBeaconDue: Bool
  /// Slashed stake that nobody has any more.
  public internal(set) var burned: Amount
  /// What was mined; nil on a chain whose genesis has no mining.
  public internal(set) var mining: MiningState?

  init(genesis: Genesis, chainID: Digest) {
    height = 0
    headHash = chainID
    timeMilliseconds = 0
    beaconLink = genesis.beacon.link
    beaconIndex = 0
    isBeaconDue = false
    burned = .zero
    mining = genesis.mining.map { MiningState(terms: $0) }
  }

  /// The part that the state root covers; the header itself says the rest.
  var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "beacon": beaconLink.canonicalValue, "beaconIndex": .unsigned(UInt64(beaconIndex)),
      "beaconDue": .bool(isBeaconDue), "burned": burned.canonicalValue,
    ]
    if let mining { entries["mining"] = mining.canonicalValue }
    return .map(entries)
  }
}

/// The difference that one block makes, computed aside so that an invalid block leaves no trace.
struct StateChange: Sendable {
  let parentRoot: Digest
  let accounts: [AccountID: Account]
  let jobs: [JobID: Job?]
  let slots: [WorkSlot: SlotRecord?]
  let contents: [ContentID: ContentRecord]
  let rewards: [OfferID: ContributionReward?]
  let deals: [OfferID: StorageDeal?]
  let chain: ChainPosition
  let tree: StateTree
}
