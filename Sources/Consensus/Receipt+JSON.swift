import Cryptography
import Ledger
public import Primitives

// The file form: the claim in readable fields, the evidence as canonical bytes in hexadecimal.
extension Receipt {
  /// The version of the file form.
  public static let formatName = "martlet-receipt-1"

  /// The receipt for a file.
  public var json: JSONValue {
    [
      "format": .string(Self.formatName), "chainId": .string(header.chainID.hex),
      "job": .string(job.description), "round": JSONValue(round), "client": JSONValue(client),
      "worker": .string(Hex.encode(worker.bytes)), "amount": .string(amount.baseUnitsText),
      "height": .string(String(header.height)), "block": .string(header.hash.hex),
      "transaction": .string(Hex.encode(transaction.encoded())),
      "inclusion": .string(Hex.encode(inclusion.encoded())),
      "header": .string(Hex.encode(header.encoded())),
      "certificate": .string(Hex.encode(certificate.encoded())),
    ]
  }

  /// Reads the file form; readable fields that contradict the evidence are refused.
  public init(json: JSONValue) throws(ReceiptError) {
    do {
      try self.init(fields: json)
    } catch let error as LedgerError {
      throw .malformed(error)
    } catch let error as DecodingFailure {
      throw .malformed(.decoding(error))
    } catch let error as ReceiptError {
      throw error
    } catch {
      throw .notASettlement
    }
  }

  private init(fields json: JSONValue) throws {
    var fields = try JSONFields(json, of: "receipt")
    guard try fields.text("format") == Self.formatName else {
      throw DecodingFailure.malformed(what: "receipt", reason: "unknown format")
    }
    job = JobID(digest: try fields.digest("job"))
    round = try fields.unsigned32("round")
    client = try fields.unsigned32("client")
    worker = try fields.key("worker")
    amount = try fields.amount("amount")
    transaction = try Transaction(decoding: try fields.bytes("transaction"))
    inclusion = try MerkleProof(decoding: try fields.bytes("inclusion"))
    header = try BlockHeader(decoding: try fields.bytes("header"))
    certificate = try CommitCertificate(decoding: try fields.bytes("certificate"))
    guard try fields.digest("chainId") == header.chainID else {
      throw ReceiptError.claimDiffers(field: "chainId")
    }
    guard try fields.unsigned("height") == header.height else {
      throw ReceiptError.claimDiffers(field: "height")
    }
    guard try fields.digest("block") == header.hash else {
      throw ReceiptError.claimDiffers(field: "block")
    }
    try fields.finish()
  }
}
