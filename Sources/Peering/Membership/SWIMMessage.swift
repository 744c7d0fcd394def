package import Primitives

/// What a group says of a member.
package enum SWIMStatus: UInt8, Sendable {
  case alive = 0
  case suspect = 1
  case dead = 2
  case left = 3

  /// Whether the member takes part.
  package var isPresent: Bool { self == .alive || self == .suspect }
}

/// One piece of gossip: what `origin` says of `member`, with the member's own signed incarnation.
package struct SWIMClaim<Member: Hashable & Sendable>: Hashable, Sendable {
  /// Whom it is about.
  package var member: Member
  /// The member's own counter: only the member itself raises it.
  package var incarnation: UInt64
  /// What is said.
  package var status: SWIMStatus
  /// Who says it; the member itself for `alive` and `left`.
  package var origin: Member
  /// The member's signature over its incarnation and whether it leaves.
  package var proof: Bytes

  /// A claim of these parts.
  package init(
    member: Member, incarnation: UInt64, status: SWIMStatus, origin: Member, proof: Bytes
  ) {
    self.member = member
    self.incarnation = incarnation
    self.status = status
    self.origin = origin
    self.proof = proof
  }

  /// The same claim in other names of the members.
  package func map<Other, Failure: Error>(
    _ rename: (Member) throws(Failure) -> Other
  ) throws(Failure) -> SWIMClaim<Other> {
    SWIMClaim<Other>(
      member: try rename(member), incarnation: incarnation, status: status,
      origin: try rename(origin), proof: proof)
  }
}

/// Why a newcomer was turned away.
package enum SWIMRefusal: UInt8, Sendable {
  case full = 0
  case notAdmitted = 1
  case notAMember = 2
  case notListed = 3
  case noInvitation = 4
  case invitationExpired = 5
  case invitationForOther = 6
  case unknownIssuer = 7
  case badInvitation = 8
  case stakeTooSmall = 9
}

/// What a message asks or answers.
package enum SWIMVerb<Member: Hashable & Sendable>: Hashable, Sendable {
  /// Are you there? `round` is the sender's place in the common probing schedule.
  case ping(sequence: UInt32, round: UInt32)
  /// Yes, or: the member that you asked me to try is.
  case ack(sequence: UInt32, round: UInt32)
  /// The member that you asked me to try has not answered me yet; I myself am well.
  case nack(sequence: UInt32)
  /// Try this member for me.
  case pingRequest(sequence: UInt32, target: Member)
  /// News only.
  case gossip
  /// Take me in; the first claim is my own.
  case join
  /// Send me your members from this place on.
  case syncRequest(from: UInt32)
  /// Members, and from where to ask on, if there are more.
  case syncPiece(next: UInt32?)
  /// You are not taken in.
  case refused(SWIMRefusal)

  /// How many claims may come along.
  package var claimsMax: Int {
    switch self {
    case .syncPiece: SWIMLimits.claimsPerPiece
    case .ping, .ack, .nack, .pingRequest, .gossip, .join, .syncRequest, .refused:
      SWIMLimits.claimsPerMessage
    }
  }
}

/// A message between two members, whose names on the wire are peer ids and inside are handles.
package struct SWIMMessage<Member: Hashable & Sendable>: Hashable, Sendable {
  /// The question or answer.
  package var verb: SWIMVerb<Member>
  /// News that rides along.
  package var claims: [SWIMClaim<Member>]

  /// A message of these parts.
  package init(_ verb: SWIMVerb<Member>, claims: [SWIMClaim<Member>] = []) {
    self.verb = verb
    self.claims = claims
  }

  /// The same message in other names of the members.
  package func map<Other, Failure: Error>(
    _ rename: (Member) throws(Failure) -> Other
  ) throws(Failure) -> SWIMMessage<Other> {
    let renamed: SWIMVerb<Other> =
      switch verb {
      case .ping(let sequence, let round): .ping(sequence: sequence, round: round)
      case .ack(let sequence, let round): .ack(sequence: sequence, round: round)
      case .nack(let sequence): .nack(sequence: sequence)
      case .pingRequest(let sequence, let target):
        .pingRequest(sequence: sequence, target: try rename(target))
      case .gossip: .gossip
      case .join: .join
      case .syncRequest(let place): .syncRequest(from: place)
      case .syncPiece(let next): .syncPiece(next: next)
      case .refused(let reason): .refused(reason)
      }
    var claims: [SWIMClaim<Other>] = []
    claims.reserveCapacity(self.claims.count)
    for claim in self.claims { claims.append(try claim.map(rename)) }
    return SWIMMessage<Other>(renamed, claims: claims)
  }
}
