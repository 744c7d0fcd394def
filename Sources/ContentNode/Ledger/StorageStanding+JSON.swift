import Cryptography
import Ledger
package import Primitives

extension StorageStanding {
  /// Reads one page of a coordinator's list of deals (`DealList` of its OpenAPI document).
  package init(json: JSONValue) throws {
    guard let height = json["height"]?.integer, let left = json["beacon_links_left"]?.integer,
      let deals = json["deals"]?.elements
    else { throw OrderError.invalidAnswer(reason: "it is no list of deals") }
    self.init(
      height: BlockHeight(clamping: height), beaconLinksLeft: UInt64(clamping: left),
      deals: try deals.map { try Deal(json: $0) })
  }
}

extension StorageStanding.Deal {
  /// Reads one deal.
  init(json: JSONValue) throws {
    guard let id = json["offer"]?.text else {
      throw OrderError.invalidAnswer(reason: "a deal without an id")
    }
    var link: Digest?
    if let text = json["challenge"]?["beacon_link"]?.text { link = try Digest(hex: text) }
    self.init(
      id: OfferID(digest: try Digest(hex: id)), deal: try json.ledgerLeaf(), link: link)
  }
}

extension JSONValue {
  /// What stands in canonical bytes behind `encoded`.
  func ledgerLeaf<Value: CanonicalCodable>() throws -> Value {
    guard let text = self["encoded"]?.text else {
      throw OrderError.invalidAnswer(reason: "no `encoded`")
    }
    return try Value(decoding: Hex.decode(text))
  }
}
