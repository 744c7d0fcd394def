import Cryptography
import Peering
import Primitives

/// Keys, stakes and places of the world's nodes.
struct WorldDirectory: ClusterDirectory {
  let keys: [SigningKey]
  let stakes: [Amount]
  let coordinates: [NetworkCoordinate]
  let local: Int
  let unixSeconds: UInt64

  func stake(of peer: PeerHandle) -> Amount { stakes[Int(peer.index)] }
  func ringPoint(of peer: PeerHandle) -> UInt64 { UInt64(peer.index) }
  func publicKey(of peer: PeerHandle) -> PublicKey? { keys[Int(peer.index)].publicKey }
  func coordinate(of peer: PeerHandle) -> NetworkCoordinate { coordinates[Int(peer.index)] }
  var signingKey: SigningKey { keys[local] }
}

/// Nodes in clusters on a virtual clock. Failure detection is a given here: a member is seen at
/// once, and its death or a cut after eight seconds.
struct ClusterWorld {
  struct Post {
    let node: Int
    let sender: Int
    let cluster: ClusterID
    let event: ClusterEvent
  }

  private(set) var now = Tick.zero
  var nodes: [HierarchyMachine] = []
  var isRunning: [Bool] = []
  var side: [Int] = []
  /// What a lying node does to a message that it sends; nil keeps it back.
  var tamper: [Int: @Sendable (ClusterMessage) -> ClusterMessage?] = [:]
  var happened: [(node: Int, cluster: ClusterID, effect: ClusterEffect)] = []
  private var keys: [SigningKey] = []
  var stakes: [Amount] = []
  private var coordinates: [NetworkCoordinate] = []
  private var random: SplitMix64
  private var queue = TimeQueue()
  private var posts: [Post] = []
  private let startSeconds: UInt64 = 1_800_000_000
  static let detection = Duration.seconds(8)
  static let step = Duration.milliseconds(250)

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  func directory(of node: Int) -> WorldDirectory {
    WorldDirectory(
      keys: keys, stakes: stakes, coordinates: coordinates, local: node,
      unixSeconds: startSeconds + now.nanoseconds / 1_000_000_000)
  }

  mutating func add(
    _ group: ClusterID, stake: UInt64 = 1, mayLead: Bool = true,
    at coordinate: NetworkCoordinate = NetworkCoordinate(), offers: [String] = []
  ) throws {
    let index = nodes.count
    var seed = SplitMix64(seed: UInt64(index))
    keys.append(
      try SigningKey(seed: (0..<32).map { _ in UInt8(truncatingIfNeeded: seed.next()) }))
    stakes.append(.tokens(stake))
    coordinates.append(coordinate)
    isRunning.append(true)
    side.append(0)
    var effects: [HierarchyMachine.Effect] = []
    nodes.append(
      HierarchyMachine(
        local: PeerHandle(UInt32(index)), group: group, mayLead: mayLead, now: now,
        effects: &effects))
    nodes[index].offer(
      offers.map { Array($0.utf8) }, now: now, directory: directory(of: index),
      effects: &effects)
    perform(effects, of: index)
  }

  private mutating func perform(_ effects: [HierarchyMachine.Effect], of node: Int) {
    for effect in effects {
      switch effect {
      case .enter(let cluster): meet(node, in: cluster)
      case .exit(let cluster): part(node, from: cluster, after: .zero)
      case .within(let cluster, .send(let message, let target)):
        send(message, in: cluster, from: node, to: Int(target.index))
      case .within(let cluster, let inner): happened.append((node, cluster, inner))
      }
    }
  }

  mutating func send(
    _ message: ClusterMessage, in cluster: ClusterID, from node: Int, to target: Int
  ) {
    var message = message
    if let tamper = tamper[node] {
      guard let changed = tamper(message) else { return }
      message = changed
    }
    guard side[node] == side[target] else { return }
    let delay = Duration.milliseconds(Int.random(in: 5...60, using: &random))
    post(
      Post(
        node: target, sender: node, cluster: cluster,
        event: .received(message, from: PeerHandle(UInt32(node)))), after: delay)
  }

  private mutating func post(_ post: Post, after delay: Duration) {
    queue.push(time: now.advanced(by: delay).nanoseconds, place: posts.count)
    posts.append(post)
  }

  private func members(of cluster: ClusterID, except node: Int) -> [Int] {
    nodes.indices.filter { index in
      index != node && isRunning[index]
        && nodes[index].clusters.contains { $0.cluster == cluster }
    }
  }

  private mutating func meet(_ node: Int, in cluster: ClusterID) {
    for other in members(of: cluster, except: node) where side[other] == side[node] {
      tell(node, .present(PeerHandle(UInt32(other))), in: cluster, after: .zero)
      tell(other, .present(PeerHandle(UInt32(node))), in: cluster, after: .zero)
    }
  }

  private mutating func part(_ node: Int, from cluster: ClusterID, after delay: Duration) {
    for other in members(of: cluster, except: node) {
      tell(other, .absent(PeerHandle(UInt32(node))), in: cluster, after: delay)
    }
  }

  private mutating func tell(
    _ node: Int, _ event: ClusterEvent, in cluster: ClusterID, after delay: Duration
  ) {
    post(Post(node: node, sender: node, cluster: cluster, event: event), after: delay)
  }

  mutating func crash(_ node: Int) {
    isRunning[node] = false
    for machine in nodes[node].clusters {
      part(node, from: machine.cluster, after: Self.detection)
    }
  }

  /// Cuts nodes off, or with `isCut` false lets them back.
  mutating func cut(_ cutNodes: [Int], _ isCut: Bool) {
    for node in cutNodes { side[node] = isCut ? 1 : 0 }
    for node in nodes.indices {
      for machine in nodes[node].clusters {
        for other in members(of: machine.cluster, except: node)
        where cutNodes.contains(node) != cutNodes.contains(other) {
          let peer = PeerHandle(UInt32(other))
          tell(
            node, isCut ? .absent(peer) : .present(peer), in: machine.cluster,
            after: Self.detection)
        }
      }
    }
  }

  mutating func give(_ event: ClusterEvent, to node: Int, in cluster: ClusterID) {
    var effects: [HierarchyMachine.Effect] = []
    nodes[node].handle(
      event, in: cluster, now: now, directory: directory(of: node), effects: &effects)
    perform(effects, of: node)
  }

  mutating func run(_ duration: Duration) {
    let end = now.advanced(by: duration)
    while now < end {
      now = now.advanced(by: Self.step)
      while let next = queue.first, next.time <= now.nanoseconds {
        queue.removeFirst()
        let post = posts[next.place]
        guard isRunning[post.node] else { continue }
        give(post.event, to: post.node, in: post.cluster)
      }
      for node in nodes.indices where isRunning[node] {
        var effects: [HierarchyMachine.Effect] = []
        nodes[node].tick(now: now, directory: directory(of: node), effects: &effects)
        perform(effects, of: node)
      }
    }
  }

  /// Nodes that lead a cluster now.
  func leaders(of cluster: ClusterID) -> [Int] {
    nodes.indices.filter { index in
      isRunning[index]
        && nodes[index].clusters.contains { $0.cluster == cluster && $0.isLeader }
    }
  }

  /// Whom a node follows in its local group.
  func followed(by node: Int) -> Int? {
    nodes[node].clusters[0].leader(at: now).map { Int($0.index) }
  }
}
