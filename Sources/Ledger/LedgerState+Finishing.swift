import Cryptography
public import Primitives

extension LedgerState {
  /// Closes a block: checks that no money came or went, then hashes what changed.
  func finish(
    _ transition: StateTransition, beaconLink: Digest?
  ) throws(LedgerError) -> StateChange {
    let overlay = transition.overlay
    try checkConservation(overlay)
    var position = chain
    position.burned = overlay.burned
    position.mining = overlay.mining
    position.isBeaconDue = overlay.hasCommitments
    if let beaconLink {
      position.beaconLink = beaconLink
      position.beaconIndex += 1
    }
    var newTree = tree
    newTree.update(leaves(overlay, position))
    return StateChange(
      parentRoot: tree.root, accounts: overlay.accounts, jobs: overlay.jobs,
      slots: overlay.slots, contents: overlay.contents, rewards: overlay.rewards,
      deals: overlay.deals, chain: position, tree: newTree)
  }

  /// Dictionary order does not matter here: the tree sorts by path.
  private func leaves(
    _ overlay: StateTransition.Overlay, _ position: ChainPosition
  ) -> [(path: Digest, leaf: Digest?)] {
    var changes: [(path: Digest, leaf: Digest?)] = [
      (StateKey.chain.path, StateKey.chain.leaf(position.canonicalValue))
    ]
    for (id, account) in overlay.accounts {
      let key = StateKey.account(id)
      changes.append((key.path, key.leaf(account.canonicalValue)))
    }
    for (id, job) in overlay.jobs {
      let key = StateKey.job(id)
      changes.append((key.path, job.map { key.leaf($0.canonicalValue) }))
    }
    for (slot, record) in overlay.slots {
      let key = StateKey.slot(slot)
      changes.append((key.path, record.map { key.leaf($0.canonicalValue) }))
    }
    return changes + contentLeaves(overlay)
  }

  private func contentLeaves(
    _ overlay: StateTransition.Overlay
  ) -> [(path: Digest, leaf: Digest?)] {
    var changes: [(path: Digest, leaf: Digest?)] = []
    for (id, record) in overlay.contents {
      let key = StateKey.content(id)
      changes.append((key.path, key.leaf(record.canonicalValue)))
    }
    for (id, reward) in overlay.rewards {
      let key = StateKey.reward(id)
      changes.append((key.path, reward.map { key.leaf($0.canonicalValue) }))
    }
    for (id, deal) in overlay.deals {
      let key = StateKey.storage(id)
      changes.append((key.path, deal.map { key.leaf($0.canonicalValue) }))
    }
    return changes
  }

  /// What the touched accounts, jobs and offers held, and what was burned, is the same before and
  /// after, apart from what the block's coinbase minted.
  private func checkConservation(_ overlay: StateTransition.Overlay) throws(LedgerError) {
    var before = try sum(chain.burned, overlay.mining?.minted ?? .zero)
    var after = try sum(overlay.burned, chain.mining?.minted ?? .zero)
    for (id, account) in overlay.accounts {
      before = try sum(before, try self.account(id).held())
      after = try sum(after, try account.held())
    }
    for (id, job) in overlay.jobs {
      before = try sum(before, jobs[id]?.escrow ?? .zero)
      after = try sum(after, job?.escrow ?? .zero)
    }
    for (id, reward) in overlay.rewards {
      before = try sum(before, rewards[id]?.escrow ?? .zero)
      after = try sum(after, reward?.escrow ?? .zero)
    }
    for (id, deal) in overlay.deals {
      before = try sum(before, deals[id]?.escrow ?? .zero)
      after = try sum(after, deal?.escrow ?? .zero)
    }
    guard before == after else { throw .supplyNotConserved(before: before, after: after) }
  }

  /// Adds up everything that exists: balances, stakes, escrows and what was burned.
  public func countedSupply() throws(LedgerError) -> Amount {
    var total = chain.burned
    for account in accounts.values { total = try sum(total, try account.held()) }
    for job in jobs.values { total = try sum(total, job.escrow) }
    for reward in rewards.values { total = try sum(total, reward.escrow) }
    for deal in deals.values { total = try sum(total, deal.escrow) }
    return total
  }

  private func sum(_ left: Amount, _ right: Amount) throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in try left.adding(right) }
  }
}

extension StateChange {
  /// Adds what the header says of itself.
  func followed(by header: BlockHeader) -> StateChange {
    var position = chain
    position.height = header.height
    position.headHash = header.hash
    position.timeMilliseconds = header.timeMilliseconds
    return StateChange(
      parentRoot: parentRoot, accounts: accounts, jobs: jobs, slots: slots, contents: contents,
      rewards: rewards, deals: deals, chain: position, tree: tree)
  }
}
