import ContentStore
import Cryptography
import FederatedLearning
import Orchestration
import Primitives
import Testing

@Suite("Messages about what does not fit a message")
struct ContentMessageTests {
  private static let worker = try? SigningKey(seed: Bytes(repeating: 7, count: 32))

  private static func messages() throws -> [(Bytes, (Bytes) -> Bytes?)] {
    let peer = try #require(worker).publicKey.peerID
    let file = try FileBlocks(of: [1, 2, 3])
    let digest = SHA256.hash([1])
    let assignment = Assignment(round: 2, client: 3, attempt: 1, worker: peer)
    let reference = ContentReference(cid: file.cid, digest: digest, rows: 5)
    return [
      (ContentLink(file.cid).encoded(), { try? ContentLink(decoding: $0).encoded() }),
      (
        KeptContentRequest(worker: peer, cid: file.cid).encoded(),
        { try? KeptContentRequest(decoding: $0).encoded() }
      ),
      (
        EvidenceRequest(job: digest, assignment: assignment).encoded(),
        { try? EvidenceRequest(decoding: $0).encoded() }
      ),
      (
        StartStateRequest(
          work: EvidenceRequest(job: digest, assignment: assignment), specification: reference,
          base: digest, segment: 4
        ).encoded(),
        { try? StartStateRequest(decoding: $0).encoded() }
      ),
      (
        EvidenceReply(record: [1, 2], specification: reference).encoded(),
        { try? EvidenceReply(decoding: $0).encoded() }
      ),
      (
        WorkSubmission(
          session: digest, assignment: assignment, record: [1, 2], commitment: [3, 4]
        ).encoded(),
        { try? WorkSubmission(decoding: $0).encoded() }
      ),
    ]
  }

  @Test("each message comes back from its bytes, and none from a part of them")
  func truncation() throws {
    for (bytes, again) in try Self.messages() {
      #expect(again(bytes) == bytes)
      for length in 0..<bytes.count { #expect(again(Bytes(bytes.prefix(length))) == nil) }
      #expect(again(bytes + [0]) == nil)
    }
  }

  @Test("a message with a flipped bit is refused or is another message")
  func flippedBits() throws {
    for (bytes, again) in try Self.messages() {
      for bit in 0..<bytes.count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        if let read = again(changed) { #expect(read == changed, "bit \(bit)") }
      }
    }
  }

  @Test("what is no CID is no link")
  func links() {
    for value in [CanonicalValue.null, .bytes([1]), .link([1]), .link([]), .text("bafy")] {
      #expect(throws: DecodingFailure.self) { try ContentLink(canonicalValue: value) }
    }
  }
}
