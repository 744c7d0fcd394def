internal import Consensus
internal import Cryptography
internal import Ledger
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives

/// Who comes, who goes, and what they may be.
extension CoordinatorServer {
  func welcome(_ call: RPCCall) throws -> Bytes {
    let hello = try Hello(decoding: call.request.body)
    try admit(hello, from: call)
    let node = ConnectedNode(
      peer: call.peer, hello: hello, connection: call.connection, since: loop.now)
    // A node that comes back is known by its new connection; the old one may be half dead.
    nodes[call.peer] = node
    remember(hello, of: call.peer)
    begin { await self.watch(node, peer: call.peer) }
    switch hello.role {
    case .validator: begin { await self.synchronise(with: call.connection) }
    case .evaluator: evaluateOutstanding()
    case .worker: grantStakeIfAllowed(to: call.peer)
    case .coordinator: break
    }
    refreshWorkers()
    publishNode(call.peer)
    return HelloReply(genesis: chain.state.genesis, height: chain.state.chain.height).encoded()
  }

  private func admit(_ hello: Hello, from call: RPCCall) throws(RPCError) {
    if let known = nodes[call.peer] {
      guard known.connection !== call.connection else {
        throw RPCError(code: "hello_twice", message: "this connection has said hello already")
      }
    } else if nodes.count >= Limits.nodesMax {
      throw RPCError(
        code: "busy", message: "\(nodes.count) nodes are connected", hint: "try again later")
    }
    switch hello.role {
    case .worker, .evaluator: return
    case .validator:
      guard let key = call.peer.publicKey, chain.state.isValidator(key) else {
        throw RPCError(
          code: "not_validator",
          message: "\(call.peer) is not a validator of the network \(chain.state.genesis.name)",
          hint: "the genesis document names the validators; join with --role worker")
      }
    case .coordinator:
      throw RPCError(
        code: "not_coordinator", message: "this network has its coordinator",
        hint: "join with --role worker")
    }
  }

  private func remember(_ hello: Hello, of peer: PeerID) {
    if formerNodes[peer] == nil, formerNodes.count >= Limits.formerNodesMax,
      let forgotten = formerNodes.keys.first(where: { nodes[$0] == nil })
    {
      formerNodes[forgotten] = nil
    }
    formerNodes[peer] = hello
  }

  private func watch(_ node: ConnectedNode, peer: PeerID) async {
    _ = await node.connection.waitUntilClosed()
    guard nodes[peer]?.connection === node.connection else { return }
    nodes[peer] = nil
    lostAt[peer] = WallClock.milliseconds()
    refreshWorkers()
    publishNode(peer)
  }

  /// On a network that was made by `martlet init`, the first workers get their stake from the
  /// client; they stake it themselves.
  private func grantStakeIfAllowed(to peer: PeerID) {
    guard let key = peer.publicKey, grants.count < settings.stakeGrants,
      !grants.contains(key)
    else { return }
    let account = chain.state.account(key)
    let parameters = chain.state.genesis.parameters
    guard account.stake < parameters.minimumStake, account.balance < parameters.minimumStake,
      account.rejected == 0,
      let amount = try? parameters.minimumStake.multiplied(by: 2)
    else { return }
    grants.insert(key)
    submit(.transfer(to: key, amount: amount), signedBy: client)
  }

  /// Whom the client has given money: a restart allows no more strangers.
  func noteGrants(in block: Block) {
    for transaction in block.transactions where transaction.sender == client.publicKey {
      if case .transfer(let recipient, _) = transaction.body { grants.insert(recipient) }
    }
  }

  func account(of peer: PeerID) throws -> AccountReply {
    guard let key = peer.publicKey else {
      throw RPCError(code: "no_account", message: "only Ed25519 keys have accounts")
    }
    let account = chain.state.account(key)
    return AccountReply(
      balance: account.balance, stake: account.stake,
      nextNonce: pending.nextNonce(of: key, in: chain.state))
  }
}
