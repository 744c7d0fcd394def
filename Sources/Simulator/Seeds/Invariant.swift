/// What must hold in every run, whatever the trouble.
package enum Invariant: String, CaseIterable, Sendable {
  // Checked after each event
  /// A routing table holds k peers a bucket at most, each once, in its own bucket, and not itself.
  case tableShape = "table-shape"
  /// A routing table holds only peers that serve.
  case tableServes = "table-serves"
  /// No address group has more than its share of a table.
  case tableDiversity = "table-diversity"
  /// A request gets one answer or refusal at most, and who did not ask gets none.
  case answerToAsker = "answer-to-asker"
  /// Every operation ends within its time.
  case operationEnds = "operation-ends"
  /// Every request that reached a node is answered or refused.
  case requestAnswered = "request-answered"
  /// A read names only providers that said so themselves.
  case providersVerified = "providers-verified"
  /// A message is delivered once to each run of a node.
  case deliveredOnce = "delivered-once"
  /// A message is delivered as it was published.
  case deliveredIntact = "delivered-intact"
  /// A mesh holds connected peers only, and no more than D_hi after a heartbeat.
  case meshBounds = "mesh-bounds"
  /// Alarms ring.
  case timerServed = "timer-served"
  /// A machine does not spin: so many events in one millisecond are a loop.
  case noSpinning = "no-spinning"
  /// What one node's connections write, the other's understand.
  case bytesUnderstood = "bytes-understood"
  /// What was synced is there after a crash.
  case syncedSurvives = "synced-survives"
  // Checked when trouble is over
  /// Every provider that was acknowledged and runs is found by everybody.
  case providersFound = "providers-found"
  /// Every message of calm times reaches everybody.
  case messagesReach = "messages-reach"
  /// Who has a peer in the mesh is in that peer's mesh.
  case meshSymmetric = "mesh-symmetric"
  /// Every node knows others again.
  case tablesRecover = "tables-recover"
}
