import Cryptography
import Glibc
import Networking
import Node
import Peering
import Persistence
import Primitives

/// `network join`.
enum NetworkJoining {
  @Sendable static func join(_ arguments: Arguments) async throws {
    let file = try NetworkFileStore.read(at: arguments.positionals[0])
    let home = Homes.selected(arguments)
    let store = NetworkFileStore(home: home)
    if let known = try? store.read(file.name), known.chainID != file.chainID,
      !arguments.flags.contains("replace")
    {
      throw CommandFailure(
        "another network is called `\(file.name)` here",
        hint: "compare with `martlet network show \(file.name)`; --replace forgets that one",
        code: .refused)
    }
    try home.create()
    let peer = try home.keyOrNew(named: "identity").publicKey.peerID
    let invitation = try arguments.text("invitation").map(InvitationFile.read)
    let refusal = refusal(of: peer, by: file, with: invitation)
    if let refusal, invitation != nil {
      throw CommandFailure(
        "the invitation does not let \(peer) in: \(refusal.words)",
        hint: "ask for one with `martlet network invite \(peer)`", code: .refused)
    }
    try store.write(file)
    try NetworkScope.makeDefault(file.name, home, Settings(arguments: arguments))
    if let invitation { try InvitationFile.keep(invitation, of: file.name, in: home) }
    let result: JSONValue = [
      "network": .string(file.name), "peer_id": .string("\(peer)"),
      "path": .string(store.path(of: file.name)), "admits": .bool(refusal == nil),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      """
      \(NetworkCommands.text(of: file, at: store))
      next        martlet node start --network \(file.name)
      """
    }
    if let refusal {
      Output.note("the network does not let this node, \(peer), in yet: \(refusal.words)")
    }
  }

  /// Why the network does not let a peer in; stakes are on the chain and looked up there.
  private static func refusal(
    of peer: PeerID, by file: NetworkFile, with invitation: NetworkInvitation?
  ) -> AdmissionRefusal? {
    if case .staked = file.profile.rule { return nil }
    do throws(AdmissionRefusal) {
      try file.profile.admit(
        peer, invitation: invitation, stake: .zero, now: UInt64(max(0, time(nil))))
      return nil
    } catch {
      return error
    }
  }
}

extension AdmissionRefusal {
  /// A few lower-case words.
  var words: String {
    switch self {
    case .notListed: "it is not on the list"
    case .noInvitation: "it has no invitation"
    case .invitationExpired: "the invitation has expired"
    case .invitationForOther: "the invitation is for another peer or network"
    case .unknownIssuer: "whoever signed the invitation may not invite"
    case .badSignature: "the invitation's signature is not valid"
    case .stakeTooSmall(let held, let needed): "its stake is \(held) of \(needed)"
    }
  }
}
