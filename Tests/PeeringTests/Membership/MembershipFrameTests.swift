import Cryptography
import Peering
import Primitives
import Testing

/// Frames of both protocols as they are on the wire.
@Suite("The wire form of clusters and of frames")
struct MembershipFrameTests {
  private static let keys = (1...3).compactMap {
    try? SigningKey(seed: Bytes(repeating: UInt8($0), count: SigningKey.seedByteCount))
  }
  private static let peers = keys.map(\.publicKey.peerID)
  private static let place = DeclaredPlace(region: "eu", country: "de", city: "berlin")
  private static let group = place.map { ClusterID(.local, of: $0, number: 3) }
  private static let far = NetworkCoordinate(
    microseconds: [-20_000, 3, 1_999_999, 400], errorPercent: 37)

  private static let invitation = NetworkInvitation(
    network: "lab", peer: peers[0], expiresAt: 1_900_000_000, signedBy: keys[1])

  static let messages: [ClusterMessage] = {
    guard let group, let far else { return [] }
    var filter = BloomFilter(capacity: 100)
    filter.insert(Array("gpu".utf8))
    let leaves = [SHA256.hash([1]), SHA256.hash([2]), SHA256.hash([3])]
    let digest = CapabilityDigest(
      cluster: group, epoch: 4, sequence: 2, expiresAt: 1_900_000_000, memberCount: 3,
      anchor: MerkleTree.root(of: leaves), filter: filter, signedBy: keys[0])
    return [
      .stand(epoch: 0), .stand(epoch: .max), .renew(epoch: 7), .grant(epoch: 24),
      .decline(known: 1 << 40), .offer(kinds: []), .offer(kinds: [Array("gpu".utf8), [0, 255]]),
      .childDigest(digest.encoded()),
      .published(digest.encoded(), inclusion: MerkleTree.proof(index: 1, in: leaves)),
      .siblings([GroupPlan.Sibling(group, memberCount: 120, at: far)]),
      .assign(epoch: 9, to: group.numbered(8)),
    ]
  }()

  static let frames: [ClusterFrame] = {
    guard let group else { return [] }
    let introduced = PeerIntroduction(peers[1], addresses: [[4, 127, 0, 0, 1, 6, 0, 9]])
    return messages.map { .within(group, $0) } + [
      .find(query: 7, kind: Array("gpu".utf8), invitation: nil),
      .find(query: .max, kind: [1], invitation: invitation),
      .found(query: 0, members: [], leaders: []),
      .found(query: 1, members: [introduced], leaders: [introduced, PeerIntroduction(peers[2])]),
    ]
  }()

  static let swimFrames: [SWIMFrame] = {
    guard let group, let far else { return [] }
    return SWIMCodecTests.messages.map { message in
      SWIMFrame(
        message, in: group, at: far,
        introductions: message.claims.prefix(3).map {
          PeerIntroduction($0.member, addresses: [[1, 2], [3]], invitation: invitation)
        })
    }
  }()

  @Test("each frame comes back as it was", arguments: frames)
  func roundTrip(frame: ClusterFrame) throws {
    #expect(try ClusterFrame.decode(frame.encoded()) == frame)
  }

  @Test("each frame of a group comes back as it was", arguments: swimFrames)
  func swimRoundTrip(frame: SWIMFrame) throws {
    #expect(try SWIMFrame.decode(frame.encoded()) == frame)
  }

  @Test("each truncation and each longer form of a frame is refused")
  func truncation() {
    for bytes in Self.frames.map({ $0.encoded() }) + Self.swimFrames.map({ $0.encoded() }) {
      for length in Array(0..<min(bytes.count, 500)) + [bytes.count - 1] {
        let cut = Array(bytes.prefix(length))
        #expect(throws: DecodingFailure.self) { try ClusterFrame.decode(cut) }
        #expect(throws: DecodingFailure.self) { try SWIMFrame.decode(cut) }
      }
      #expect(throws: DecodingFailure.self) { try ClusterFrame.decode(bytes + [0]) }
      #expect(throws: DecodingFailure.self) { try SWIMFrame.decode(bytes + [0]) }
    }
  }

  @Test("a flipped bit of a frame is refused or changes it", arguments: frames)
  func bitFlips(frame: ClusterFrame) {
    let bytes = frame.encoded()
    for bit in 0..<min(bytes.count, 300) * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      if let other = try? ClusterFrame.decode(damaged) { #expect(other != frame) }
    }
  }

  @Test("a flipped bit of a group's frame is refused or changes it", arguments: swimFrames)
  func swimBitFlips(frame: SWIMFrame) {
    let bytes = frame.encoded()
    for bit in 0..<min(bytes.count, 250) * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      if let other = try? SWIMFrame.decode(damaged) { #expect(other != frame) }
    }
  }

  @Test("the largest frames stay below their limits")
  func largest() throws {
    let name = String(repeating: "x", count: ClusterLimits.placeNameBytesMax)
    let place = try #require(DeclaredPlace(region: name, country: name, city: name))
    let cluster = ClusterID(.local, of: place, number: .max)
    let far = try #require(
      NetworkCoordinate(
        microseconds: [-2_000_000, -2_000_000, -2_000_000, 2_000_000], errorPercent: 99))
    let address = Bytes(repeating: 1, count: SWIMLimits.addressBytesMax)
    let network = String(repeating: "n", count: NetworkProfile.nameBytesMax)
    let introduced = PeerIntroduction(
      Self.peers[0], addresses: Array(repeating: address, count: 9),
      invitation: NetworkInvitation(
        network: network, peer: Self.peers[0], expiresAt: .max, signedBy: Self.keys[0]))
    #expect(introduced.addresses.count == SWIMLimits.addressesOfMemberMax)
    let claim = SWIMClaim(
      member: Self.peers[0], incarnation: .max, status: .alive, origin: Self.peers[1],
      proof: Bytes(repeating: 1, count: SWIMLimits.proofBytesMax))
    let piece = SWIMFrame(
      SWIMMessage(
        .syncPiece(next: .max),
        claims: Array(repeating: claim, count: SWIMLimits.claimsPerPiece)),
      in: cluster, at: far,
      introductions: Array(repeating: introduced, count: SWIMLimits.claimsPerPiece))
    #expect(piece.encoded().count <= SWIMLimits.frameBytesMax)
    #expect(try SWIMFrame.decode(piece.encoded()) == piece)
    let groups = Array(
      repeating: GroupPlan.Sibling(cluster, memberCount: 256, at: far),
      count: ClusterLimits.childrenMax)
    let bare = PeerIntroduction(introduced.peer, addresses: introduced.addresses)
    let many = Array(repeating: bare, count: ClusterLimits.poolAnswersMax)
    let digest = Bytes(repeating: 0, count: CapabilityDigest.bytesMax)
    let proof = MerkleProof(
      index: 255, leafCount: 256, siblings: Array(repeating: SHA256.hash([]), count: 32))
    for frame: ClusterFrame in [
      .within(cluster, .siblings(groups)), .within(cluster, .published(digest, inclusion: proof)),
      .found(query: .max, members: many, leaders: many),
    ] {
      #expect(frame.encoded().count <= ClusterLimits.frameBytesMax)
      #expect(try ClusterFrame.decode(frame.encoded()) == frame)
    }
  }

  @Test("what is beyond a limit is refused before it is looked at")
  func beyondLimits() throws {
    let group = try #require(Self.group)
    let kinds = Array(repeating: Bytes([1]), count: ClusterLimits.kindsPerMemberMax + 1)
    let long = Bytes(repeating: 1, count: ClusterLimits.kindBytesMax + 1)
    let digest = Bytes(repeating: 0, count: CapabilityDigest.bytesMax + 1)
    for message: ClusterMessage in [
      .offer(kinds: kinds), .offer(kinds: [long]), .offer(kinds: [[]]), .childDigest(digest),
    ] {
      #expect(throws: DecodingFailure.self) {
        try ClusterFrame.decode(ClusterFrame.within(group, message).encoded())
      }
    }
    let vast = Bytes(repeating: 0, count: ClusterLimits.frameBytesMax + 1)
    #expect(throws: DecodingFailure.self) { try ClusterFrame.decode(vast) }
    #expect(throws: DecodingFailure.self) { try SWIMFrame.decode(vast) }
  }
}
