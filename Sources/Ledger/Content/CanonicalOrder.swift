import Primitives

/// Several kinds of transactions about one topic, each an entry of the body as any other kind.
protocol CanonicalOrder: Hashable, Sendable {
  /// The kind as it is named in the encoding and in JSON.
  var kind: String { get }
  /// The amount that the proportional fee is taken of; nil where none is paid.
  var feeBase: Amount? { get }
  /// What stands behind the kind.
  var fields: CanonicalValue { get }
  /// Reads an order; nil if the kind is of another topic.
  init?(kind: String, fields: CanonicalValue) throws(DecodingFailure)
}
