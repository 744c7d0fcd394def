import Peering
import Primitives
import Simulator
import Testing

@Suite("Members whose right to be in the group has ended")
struct SWIMExpulsionTests {
  private let node = 3
  private var handle: PeerHandle { PeerHandle(UInt32(node)) }

  private func group() -> MembershipWorld {
    var world = MembershipWorld(seed: 21)
    world.add(1)
    world.add(19)
    world.run(.seconds(5))
    return world
  }

  /// The member itself tells all that it is alive, with a counter that it signed.
  private func speak(_ incarnation: UInt64, in world: inout MembershipWorld) {
    let claim = SWIMClaim(
      member: handle, incarnation: incarnation, status: .alive, origin: handle,
      proof: world.notary(of: node).attest(incarnation: incarnation, leaving: false))
    for target in world.nodes.indices where target != node {
      world.send(SWIMMessage(.gossip, claims: [claim]), from: node, to: target)
    }
  }

  @Test("each puts them out, nobody suspects them, and their own word does not bring them back")
  func expelled() {
    var world = group()
    world.banned = [handle]
    for other in world.nodes.indices where other != node {
      world.deliver(.expel(handle), to: other)
    }
    world.run(.seconds(30))
    #expect(world.observers(of: node, as: .left) == 19)
    let rumours = world.seen.filter { $0.member == node && $0.status != .alive }
    #expect(rumours.allSatisfy { $0.status == .left } && rumours.count == 19)
    speak(50, in: &world)
    world.run(.seconds(5))
    #expect(world.observers(of: node, as: .left) == 19)

    // With a new right they are members again.
    world.banned = []
    speak(100, in: &world)
    world.run(.seconds(5))
    #expect(world.observers(of: node, as: .alive) == 19)
  }

  @Test("one that asks to be let in again is refused")
  func refusedAgain() {
    var world = group()
    for other in world.nodes.indices where other != node {
      world.deliver(.expel(handle), to: other)
    }
    world.banned = [handle]
    let before = world.failedJoins.count
    // It begins anew, as after a restart.
    world.restart(node, joining: [0, 1])
    world.run(.seconds(10))
    #expect(world.failedJoins.dropFirst(before).elementsEqual([.notAdmitted]))
    #expect(world.observers(of: node, as: .left) == 19)
  }

  @Test("a stranger cannot be put out")
  func stranger() {
    var world = group()
    world.deliver(.expel(PeerHandle(77)), to: 0)
    #expect(world.nodes[0].present.count == 20)
  }
}
