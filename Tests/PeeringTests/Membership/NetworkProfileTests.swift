import Cryptography
import Peering
import Primitives
import Testing

@Suite("Networks, places and searches")
struct NetworkProfileTests {
  private static func key(_ seed: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: seed, count: SigningKey.seedByteCount))
  }

  private func profile(
    _ rule: AdmissionRule, class networkClass: NetworkClass = .enterprise
  ) throws -> NetworkProfile {
    try #require(NetworkProfile(name: "lab", class: networkClass, rule: rule))
  }

  @Test("each rule lets in whom it names and refuses others by name")
  func rules() throws {
    let peer = try Self.key(1).publicKey.peerID
    let other = try Self.key(2).publicKey.peerID
    try profile(.everyone, class: .open).admit(peer, invitation: nil, stake: .zero, now: 0)
    try profile(.listed([peer])).admit(peer, invitation: nil, stake: .zero, now: 0)
    #expect(throws: AdmissionRefusal.notListed) {
      try profile(.listed([peer])).admit(other, invitation: nil, stake: .zero, now: 0)
    }
    try profile(.staked(minimum: .tokens(5))).admit(
      peer, invitation: nil, stake: .tokens(5), now: 0)
    #expect(throws: AdmissionRefusal.stakeTooSmall(held: .tokens(4), needed: .tokens(5))) {
      try profile(.staked(minimum: .tokens(5))).admit(
        peer, invitation: nil, stake: .tokens(4), now: 0)
    }
  }

  @Test("an invitation opens one network to one peer until it expires")
  func invitations() throws {
    let dean = try Self.key(3)
    let peer = try Self.key(1).publicKey.peerID
    let network = try profile(.invited(by: [dean.publicKey]), class: .academic)
    let good = NetworkInvitation(network: "lab", peer: peer, expiresAt: 100, signedBy: dean)
    try network.admit(peer, invitation: good, stake: .zero, now: 99)
    let read = try NetworkInvitation(decoding: good.encoded())
    #expect(read == good)
    let forged = NetworkInvitation(
      network: "lab", peer: peer, expiresAt: 100, signedBy: try Self.key(4))
    let elsewhere = NetworkInvitation(
      network: "home", peer: peer, expiresAt: 100, signedBy: dean)
    let cases: [(NetworkInvitation?, UInt64, AdmissionRefusal)] = [
      (nil, 0, .noInvitation), (good, 100, .invitationExpired),
      (forged, 0, .unknownIssuer), (elsewhere, 0, .invitationForOther),
    ]
    for (invitation, now, refusal) in cases {
      #expect(throws: refusal) {
        try network.admit(peer, invitation: invitation, stake: .zero, now: now)
      }
    }
    let stranger = try Self.key(5).publicKey.peerID
    #expect(throws: AdmissionRefusal.invitationForOther) {
      try network.admit(stranger, invitation: good, stake: .zero, now: 0)
    }
  }

  @Test("no changed or shortened invitation lets anybody in")
  func damagedInvitations() throws {
    let dean = try Self.key(3)
    let peer = try Self.key(1).publicKey.peerID
    let network = try profile(.invited(by: [dean.publicKey]))
    let bytes = NetworkInvitation(network: "lab", peer: peer, expiresAt: 100, signedBy: dean)
      .encoded()
    for length in bytes.indices {
      #expect(throws: DecodingFailure.self) {
        try NetworkInvitation(decoding: Array(bytes.prefix(length)))
      }
    }
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let read = try? NetworkInvitation(decoding: damaged) else { continue }
      #expect(throws: AdmissionRefusal.self) {
        try network.admit(peer, invitation: read, stake: .zero, now: 0)
      }
    }
  }

  @Test("names of networks and places have limits, and clusters come back as they were")
  func names() throws {
    let long = String(repeating: "x", count: 49)
    #expect(NetworkProfile(name: long, class: .open, rule: .everyone) == nil)
    #expect(NetworkProfile(name: "", class: .open, rule: .everyone) == nil)
    #expect(DeclaredPlace(region: "eu", country: "", city: "x") == nil)
    #expect(DeclaredPlace(region: "eu", country: "de", city: long) == nil)
    let place = try #require(DeclaredPlace(region: "eu", country: "de", city: "berlin"))
    var cluster: ClusterID? = ClusterID(.local, of: place, number: 9)
    var levels = 0
    while let current = cluster {
      #expect(try ClusterID(decoding: current.encoded()) == current)
      #expect(current.contains(place))
      let bytes = current.encoded()
      for length in bytes.indices {
        #expect(throws: DecodingFailure.self) {
          try ClusterID(decoding: Array(bytes.prefix(length)))
        }
      }
      cluster = current.parent
      levels += 1
    }
    #expect(levels == 5)
  }

  @Test("coordinates learn the latencies between forty nodes of four cities")
  func coordinates() {
    var random = SplitMix64(seed: 5)
    func trip(_ a: Int, _ b: Int) -> Double {
      a % 4 == b % 4 ? 0.004 : 0.03 + 0.02 * Double(abs(a % 4 - b % 4))
    }
    var places = Array(repeating: NetworkCoordinate(), count: 40)
    for _ in 0..<300 {
      for node in places.indices {
        let other = Int.random(in: 0..<40, using: &random)
        guard other != node else { continue }
        let measured = Duration.microseconds(Int64(trip(node, other) * 1_000_000))
        places[node].update(roundTrip: measured, to: places[other], random: &random)
      }
    }
    var errors: [Double] = []
    for a in 0..<40 {
      for b in 0..<a where a % 4 != b % 4 {
        errors.append(abs(places[a].distance(to: places[b]) - trip(a, b)) / trip(a, b))
      }
    }
    let median = errors.sorted()[errors.count / 2]
    #expect(median < 0.2, "median relative error \(median)")
    for node in 4..<40 {
      #expect(places[node].distance(to: places[node % 4]) < 0.03)
    }
  }

  @Test("coordinates that no latency can have are refused, and one lie moves nobody far")
  func hostileCoordinates() {
    for numbers in [[0, 0, 0], [.max, 0, 0, 0], [0, .min, 0, 0], [0, 0, 0, -1]] as [[Int64]] {
      #expect(NetworkCoordinate(microseconds: numbers, errorPercent: 1) == nil)
    }
    #expect(NetworkCoordinate(microseconds: [0, 0, 0, 0], errorPercent: 101) == nil)
    var random = SplitMix64(seed: 6)
    var place = NetworkCoordinate()
    guard let far = NetworkCoordinate(microseconds: [2_000_000, 0, 0, 0], errorPercent: 0) else {
      Issue.record("the limit itself is allowed")
      return
    }
    let before = place
    place.update(roundTrip: .seconds(1_000_000_000), to: far, random: &random)
    #expect(place.distance(to: before) < 0.06)
    #expect(place.microseconds.allSatisfy { abs($0) <= 2_000_000 })
  }

  @Test("a search asks a bounded number of leaders and hears only those that it asked")
  func searching() {
    var search = PoolSearch(wanted: 3, leadersUpwards: [PeerHandle(1)])
    var now = Tick.zero
    #expect(search.start(now: now) == [.ask(PeerHandle(1))])
    let liars = [PeerHandle(77)]
    #expect(search.found(liars, leaders: [], from: PeerHandle(9), now: now).isEmpty)
    let many = (100..<400).map { PeerHandle($0) }
    var effects = search.found([], leaders: many, from: PeerHandle(1), now: now)
    #expect(effects.count == PoolSearch.parallelAsks)
    var asked = 1 + effects.count
    while let wake = search.nextWake {
      now = wake
      effects = search.tick(now: now)
      for effect in effects {
        if case .ask = effect { asked += 1 }
      }
    }
    #expect(asked == PoolSearch.asksMax)
    #expect(effects == [.finished([])])
  }
}
