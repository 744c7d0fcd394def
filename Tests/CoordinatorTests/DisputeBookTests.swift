import ContentStore
import Cryptography
import FederatedLearning
import Ledger
import Orchestration
import Primitives
import Testing
import UsefulWork

@testable import Coordinator

@Suite struct DisputeBookTests {
  private static func rejection(_ client: Int) throws -> Rejection {
    let key = try SigningKey(seed: Bytes(repeating: 3, count: 32)).publicKey
    return Rejection(
      session: .zero,
      assignment: Assignment(round: 1, client: client, attempt: 0, worker: key.peerID),
      validator: key)
  }

  @Test("few disputes are held at once, the others wait in turn, and those beyond have none")
  func limits() throws {
    var book = DisputeBook()
    for client in 0..<DisputeBook.Limits.waitingMax {
      #expect(book.add(try Self.rejection(client)))
    }
    #expect(!book.add(try Self.rejection(1_000)))
    for client in 0..<DisputeBook.Limits.underWayMax {
      #expect(book.next()?.assignment.client == client)
    }
    #expect(book.next() == nil)
    book.finish()
    #expect(book.next()?.assignment.client == DisputeBook.Limits.underWayMax)
    #expect(book.next() == nil)
    #expect(book.add(try Self.rejection(1_000)))
  }

  @Test("verdicts of which two parties could compute something are disputable, others are not")
  func disputable() {
    let wanted: Set<RejectionReason> = [.segmentDiffers, .updateNotBound]
    for reason in RejectionReason.allCases {
      #expect(VerdictOutcome.rejected(reason).isDisputable == wanted.contains(reason))
    }
    #expect(!VerdictOutcome.accepted.isDisputable)
  }

  @Test("a ruling's log record survives its bytes; truncated or changed it is refused or another")
  func record() throws {
    let rejection = try Self.rejection(2)
    let cid = ContentBlock(hashing: [1], codec: .raw).cid
    for (ruling, transcript) in [
      (DisputeRuling(.first, .recordUnopened), nil),
      (DisputeRuling(.second, .ownTrainingAgrees), cid),
    ] {
      let record = CoordinatorRecord.dispute(
        session: .zero,
        StoredRuling(
          assignment: rejection.assignment, validator: rejection.validator, ruling: ruling,
          transcript: transcript))
      let bytes = record.encoded()
      #expect(try CoordinatorRecord(decoding: bytes) == record)
      for length in 0..<bytes.count {
        #expect(throws: DecodingFailure.self) {
          try CoordinatorRecord(decoding: Bytes(bytes.prefix(length)))
        }
      }
      for bit in 0..<bytes.count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let other = try? CoordinatorRecord(decoding: changed) else { continue }
        #expect(other != record, "bit \(bit)")
      }
    }
  }
}
