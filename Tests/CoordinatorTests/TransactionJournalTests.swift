import Cryptography
import Testing

@testable import Coordinator

@Suite("What became of transactions")
struct TransactionJournalTests {
  private static func id(_ number: UInt8) -> Digest { SHA256.hash([number]) }

  @Test("the newest are remembered, the oldest forgotten first")
  func bounded() {
    var journal = TransactionJournal(countMax: 3)
    for number in UInt8(0)..<7 {
      journal.note(.included(height: UInt64(number)), of: Self.id(number))
    }
    for number in UInt8(0)..<4 { #expect(journal[Self.id(number)] == nil) }
    for number in UInt8(4)..<7 {
      #expect(journal[Self.id(number)] == .included(height: UInt64(number)))
    }
  }

  @Test("what a block holds stays so, what was refused may pass later")
  func changes() {
    var journal = TransactionJournal(countMax: 2)
    let refusal = TransactionJournal.Outcome.refused(code: "x", reason: "y")
    journal.note(refusal, of: Self.id(1))
    journal.note(.included(height: 5), of: Self.id(1))
    #expect(journal[Self.id(1)] == .included(height: 5))
    journal.note(refusal, of: Self.id(1))
    #expect(journal[Self.id(1)] == .included(height: 5))
    // An outcome that changed takes no second place.
    journal.note(refusal, of: Self.id(2))
    #expect(journal[Self.id(1)] == .included(height: 5))
    #expect(journal[Self.id(2)] == refusal)
  }
}
