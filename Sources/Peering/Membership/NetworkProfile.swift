package import Cryptography
package import Primitives

/// What kind of network this is; it decides how patient its members are with each other.
package enum NetworkClass: String, CaseIterable, Sendable {
  case open
  case academic
  case enterprise
  case mobile

  /// Whether members that come and go lead clusters: phones change their network and sleep.
  package var membersLead: Bool { self != .mobile }
}

/// Who may enter a network.
package enum AdmissionRule: Hashable, Sendable {
  /// Everyone.
  case everyone
  /// Those on the list.
  case listed([PeerID])
  /// Those with an invitation signed by one of these keys.
  case invited(by: [PublicKey])
  /// Those with at least this stake.
  case staked(minimum: Amount)
}

/// Why a peer may not enter.
package enum AdmissionRefusal: Error, Equatable, Sendable {
  case notListed
  case noInvitation
  case invitationExpired
  case invitationForOther
  case unknownIssuer
  case badSignature
  case stakeTooSmall(held: Amount, needed: Amount)
}

extension AdmissionRefusal {
  /// How a member tells the newcomer.
  package var wireForm: SWIMRefusal {
    switch self {
    case .notListed: .notListed
    case .noInvitation: .noInvitation
    case .invitationExpired: .invitationExpired
    case .invitationForOther: .invitationForOther
    case .unknownIssuer: .unknownIssuer
    case .badSignature: .badInvitation
    case .stakeTooSmall: .stakeTooSmall
    }
  }
}

/// A signed right to enter one network.
package struct NetworkInvitation: Hashable, Sendable {
  private static let domain = CanonicalValue.text("martlet/network/invitation/1")

  /// The network.
  package let network: String
  /// Who may enter.
  package let peer: PeerID
  /// Seconds since 1970 after which it is void.
  package let expiresAt: UInt64
  /// Who invites.
  package let issuer: PublicKey
  /// Over the other fields.
  package let signature: Signature

  /// Signs an invitation.
  package init(network: String, peer: PeerID, expiresAt: UInt64, signedBy key: SigningKey) {
    self.network = network
    self.peer = peer
    self.expiresAt = expiresAt
    issuer = key.publicKey
    signature = key.sign(Self.signedBytes(network, peer, expiresAt, key.publicKey))
  }

  private static func signedBytes(
    _ network: String, _ peer: PeerID, _ expiresAt: UInt64, _ issuer: PublicKey
  ) -> Bytes {
    CanonicalValue.map([
      "domain": domain, "network": .text(network), "peer": peer.canonicalValue,
      "expires": .unsigned(expiresAt), "issuer": issuer.canonicalValue,
    ]).encoded()
  }

  /// What the issuer signed.
  package var signedBytes: Bytes { Self.signedBytes(network, peer, expiresAt, issuer) }

  var isSignatureValid: Bool { issuer.verify(signature, of: signedBytes) }
}

extension NetworkInvitation: CanonicalCodable {
  /// A map of the fields.
  package var canonicalValue: CanonicalValue {
    .map([
      "network": .text(network), "peer": peer.canonicalValue, "expires": .unsigned(expiresAt),
      "issuer": issuer.canonicalValue, "signature": signature.canonicalValue,
    ])
  }

  /// Reads the map; says nothing about the signature.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    network = try fields.text("network")
    guard network.utf8.count <= NetworkProfile.nameBytesMax else {
      throw .tooLarge(
        what: "network", size: network.utf8.count, limit: NetworkProfile.nameBytesMax)
    }
    peer = try fields.nested("peer")
    expiresAt = try fields.unsigned("expires")
    issuer = try fields.nested("issuer")
    signature = try fields.nested("signature")
    try fields.finish()
  }
}

/// A network's name, class and rule of admission.
package struct NetworkProfile: Hashable, Sendable {
  /// Bytes of a name.
  package static let nameBytesMax = 48

  /// The name, part of every invitation.
  package let name: String
  /// The class tag.
  package let networkClass: NetworkClass
  /// Who may enter.
  package let rule: AdmissionRule

  /// A network; nil if the name is empty or too long.
  package init?(name: String, class networkClass: NetworkClass, rule: AdmissionRule) {
    guard (1...Self.nameBytesMax).contains(name.utf8.count) else { return nil }
    self.name = name
    self.networkClass = networkClass
    self.rule = rule
  }

  /// Lets a peer in or says why not. `now` is in seconds since 1970.
  package func admit(
    _ peer: PeerID, invitation: NetworkInvitation?, stake: Amount, now: UInt64
  ) throws(AdmissionRefusal) {
    if let refusal = refusal(of: peer, invitation: invitation, stake: stake, now: now) {
      throw refusal
    }
    guard isByInvitation, let invitation else { return }
    guard invitation.isSignatureValid else { throw .badSignature }
  }

  /// Whether members need a stake.
  package var isByStake: Bool {
    if case .staked = rule { true } else { false }
  }

  /// Whether members need an invitation.
  package var isByInvitation: Bool {
    if case .invited = rule { true } else { false }
  }

  /// Why a peer may not enter, if the invitation's signature holds; nil if it may.
  package func refusal(
    of peer: PeerID, invitation: NetworkInvitation?, stake: Amount, now: UInt64
  ) -> AdmissionRefusal? {
    switch rule {
    case .everyone: return nil
    case .listed(let peers): return peers.contains(peer) ? nil : .notListed
    case .staked(let minimum):
      return stake >= minimum ? nil : .stakeTooSmall(held: stake, needed: minimum)
    case .invited(let issuers):
      guard let invitation else { return .noInvitation }
      guard invitation.network == name, invitation.peer == peer else {
        return .invitationForOther
      }
      guard issuers.contains(invitation.issuer) else { return .unknownIssuer }
      return now < invitation.expiresAt ? nil : .invitationExpired
    }
  }
}
