import Peering
import Primitives

/// An open connection as one of its ends sees it.
struct SeedConnection {
  let peer: UInt32
  let weDialled: Bool
  /// The number of the dial: of two connections with one peer both ends keep the later.
  let identity: UInt64
  /// When the peer was heard last.
  var heard: Int
  /// When it was last used for more than keeping it open.
  var used: Int
  /// Nothing that is sent now may arrive before what was sent before: one stream, in order.
  var inOrder = 0
  /// The other end exists from here on.
  var ready = 0
  /// Streams and codecs, where bytes pass.
  var wire: SeedWire?
}

/// A request on its way.
struct SeedCall: Equatable, Sendable {
  let peer: UInt32
  let call: UInt32
}

/// One node of a seed run: the machines, and what its shell keeps.
struct SeedNode {
  typealias Router = GossipsubMachine<UInt64>

  var kademlia: KademliaMachine
  var router: Router
  /// Which run of the node this is: one more after each crash.
  var incarnation: UInt32 = 0
  /// Whether strangers can connect; others are clients of the key space.
  let isReachable: Bool
  /// Sorted by peer.
  var connections: [SeedConnection] = []
  /// Peers being dialled, and when that was begun.
  var dialling: [(peer: UInt32, since: Int)] = []
  /// Requests that wait for a connection.
  var waiting: [(request: KademliaRequest, to: SeedCall)] = []
  /// Requests that wait for an answer.
  var asked: [SeedCall] = []
  /// Requests of others that were handed to the machine and not answered, and when.
  var asking: [(call: SeedCall, since: Int)] = []
  /// What came over streams while the node was away.
  var held: [(message: SeedMessage, from: UInt32, identity: UInt64)] = []
  var heldSegments: [(bytes: Bytes, from: UInt32, identity: UInt64)] = []
  var kademliaWake = Int.max
  var routerWake = Int.max
  var journal = NodeJournal()
  /// Records that the disk has promised to keep.
  var promised: [Bytes] = []
  /// When each message was delivered in this run of the node.
  var delivered: [UInt64: Int] = [:]
  /// Events of this millisecond.
  var spin: (time: Int, count: Int) = (0, 0)
  /// Whether the node was away, for the mistake that keeps it from dialling.
  var wasAway = false

  func place(of peer: UInt32) -> (index: Int, found: Bool) {
    let index = connections.firstIndex { $0.peer >= peer } ?? connections.count
    return (index, index < connections.count && connections[index].peer == peer)
  }

  func hasNewer(than identity: UInt64, to peer: UInt32) -> Bool {
    let (index, found) = place(of: peer)
    return found && connections[index].identity > identity
  }

  func isConnected(to peer: UInt32) -> Bool { place(of: peer).found }
}
