public import Cryptography
public import Ledger

/// The way of a library to the ledger: reads the state and signs orders for the node's account.
public protocol ContentLedger: Sendable {
  /// What the ledger knows of content.
  func record(of id: ContentID) async throws -> ContentRecord?
  /// Who would get what of a number of accesses.
  func royalties(of id: ContentID, accesses: UInt32) async throws -> [RoyaltyPart]
  /// Signs an order with the node's key, hands it in, and returns its transaction's id once a block
  /// holds it.
  func submit(_ body: TransactionBody) async throws -> Digest
}
