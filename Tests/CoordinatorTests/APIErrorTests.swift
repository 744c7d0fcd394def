import Ledger
import Networking
import NeuralNetworks
import Persistence
import Primitives
import Testing

@testable import Coordinator

@Suite("REST errors")
struct APIErrorTests {
  private struct Secret: Error { let text = "a path inside" }

  @Test("an unknown fault is a 500 that tells nothing of it")
  func unknownFault() {
    let error = APIError(describing: Secret())
    #expect(error.status == .internalError)
    #expect(error.code == "internal_error")
    #expect(!error.json.text().contains(Secret().text))
  }

  @Test("every module's refusal keeps its status and code")
  func mapping() {
    let cases: [(any Error, Int, String)] = [
      (ComputePoolError.full(queued: 1), 503, "busy"),
      (BlockStoreError.diskFull(path: "x"), 503, "disk_full"),
      (CoordinatorError.sessionExists, 409, "session_exists"),
      (CoordinatorError.refused("too little"), 409, "escrow_refused"),
      (
        LedgerError.insufficientBalance(held: .zero, needed: .tokens(1)), 422,
        "insufficient_balance"
      ),
      (LedgerError.replayed(nonce: 1, next: 2), 409, "replayed"),
      (DatasetError.notFinite(row: 0, column: 0), 422, "invalid_dataset"),
      (ModelConfigurationError.unknownKey(path: "loss.x"), 422, "unknown_field"),
      (SessionOrderError.missing(path: "dataset_cid"), 422, "missing_field"),
      (DecodingFailure.unknownField("x"), 422, "unknown_field"),
      (GzipError.truncated, 422, "invalid_dataset"),
      (HTTPBodyError.tooLarge(max: 5), 413, "body_too_large"),
      (HTTPBodyError.disconnected, 400, "body_incomplete"),
    ]
    for (error, status, code) in cases {
      let answer = APIError(describing: error)
      #expect(answer.status.code == status, "\(error)")
      #expect(answer.code == code)
      #expect(!answer.message.isEmpty && !answer.hint.isEmpty)
    }
    #expect(APIError.busy.response.headers["Retry-After"] == "1")
  }

  @Test("a bucket refills with time and forgets nobody who is still limited")
  func buckets() {
    var buckets = TokenBuckets(rate: APIRate(burst: 2, perSecond: 1))
    let start = Tick.zero
    #expect(buckets.take(for: "a", now: start) == nil)
    #expect(buckets.take(for: "a", now: start) == nil)
    #expect(buckets.take(for: "a", now: start) == .seconds(1))
    for caller in 0..<TokenBuckets.callersMax {
      #expect(buckets.take(for: "other \(caller)", now: start) == nil)
    }
    let later = start.advanced(by: .seconds(1))
    #expect(buckets.take(for: "a", now: later) == nil)
    #expect(buckets.take(for: "a", now: later) != nil)
  }
}
