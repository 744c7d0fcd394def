import Cryptography
package import Primitives

extension NetworkFile {
  private static let fields = [
    "format", "name", "class", "chain_id", "admission", "bootstraps", "coordinators",
    "protocols", "key", "local_discovery",
  ]

  /// The file's text.
  package var text: Bytes { json.encoded(indented: true) + Bytes("\n".utf8) }

  /// The document.
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("format", .string(Self.format)), .init("name", .string(name)),
      .init("class", .string(profile.networkClass.rawValue)),
      .init("chain_id", .string(chainID.hex)), .init("admission", Self.json(of: profile.rule)),
      .init("bootstraps", .array(bootstraps.map { .string("\($0)") })),
      .init("coordinators", Self.json(of: coordinators)),
      .init("protocols", ["kademlia": .string(kademliaProtocol)]),
      .init("local_discovery", .bool(usesLocalDiscovery)),
    ]
    if let key { members.append(.init("key", .string(Hex.encode(key.secret)))) }
    return .object(members)
  }

  private static func json(of peers: [PeerID]) -> JSONValue {
    .array(peers.map { .string("\($0)") })
  }

  private static func json(of rule: AdmissionRule) -> JSONValue {
    switch rule {
    case .everyone: ["rule": "everyone"]
    case .listed(let peers): ["rule": "listed", "peers": json(of: peers)]
    case .invited(let keys): ["rule": "invited", "issuers": json(of: keys.map(\.peerID))]
    case .staked(let minimum): ["rule": "staked", "minimum": .string(minimum.baseUnitsText)]
    }
  }

  /// Reads a file; what it does not know is refused, since it may be what keeps strangers out.
  package init(parsing bytes: Bytes) throws(NetworkFileFault) {
    guard bytes.count <= Self.bytesMax else {
      throw .tooLong(bytes: bytes.count, limit: Self.bytesMax)
    }
    let document: JSONValue
    do throws(DecodingFailure) {
      document = try JSONValue(parsing: bytes, bytesMax: Self.bytesMax)
    } catch {
      throw .json(error)
    }
    try self.init(json: document)
  }

  /// Reads the document.
  package init(json: JSONValue) throws(NetworkFileFault) {
    guard json.members != nil else { throw .type(field: "the file", wanted: "an object") }
    let format = try Self.string("format", json)
    guard format == Self.format else { throw .format(format) }
    try Self.refuse(besides: Self.fields, in: json)
    let chain = try Self.string("chain_id", json)
    guard let chainID = try? Digest(hex: chain) else { throw .chain(chain) }
    let className = json["class"] == nil ? "open" : try Self.string("class", json)
    guard let networkClass = NetworkClass(rawValue: className) else {
      throw .networkClass(className)
    }
    try self.init(
      name: Self.string("name", json), chainID: chainID, class: networkClass,
      rule: Self.rule(in: json), bootstraps: Self.addresses("bootstraps", json),
      coordinators: Self.peers("coordinators", json, limit: Self.coordinatorsMax),
      kademliaProtocol: Self.kademlia(in: json), key: Self.key(in: json),
      usesLocalDiscovery: Self.truth("local_discovery", json))
  }

  // MARK: Members

  private static func refuse(
    besides fields: [String], in object: JSONValue
  ) throws(NetworkFileFault) {
    for member in object.members ?? [] where !fields.contains(member.name) {
      throw .unknown(field: member.name)
    }
  }

  private static func string(
    _ field: String, _ object: JSONValue
  ) throws(NetworkFileFault) -> String {
    guard let value = object[field] else { throw .missing(field: field) }
    guard let text = value.text else { throw .type(field: field, wanted: "a text") }
    return text
  }

  private static func texts(
    _ field: String, _ object: JSONValue, limit: Int
  ) throws(NetworkFileFault) -> [String] {
    guard let value = object[field] else { return [] }
    guard let elements = value.elements else { throw .type(field: field, wanted: "a list") }
    try count(field, elements.count, limit)
    let texts = elements.compactMap(\.text)
    guard texts.count == elements.count else {
      throw .type(field: field, wanted: "a list of texts")
    }
    return texts
  }

  private static func peers(
    _ field: String, _ object: JSONValue, limit: Int
  ) throws(NetworkFileFault) -> [PeerID] {
    var peers: [PeerID] = []
    for text in try texts(field, object, limit: limit) {
      guard let peer = try? PeerID(text) else { throw .peer(field: field, text) }
      peers.append(peer)
    }
    return peers
  }

  private static func addresses(
    _ field: String, _ object: JSONValue
  ) throws(NetworkFileFault) -> [Multiaddr] {
    var addresses: [Multiaddr] = []
    for text in try texts(field, object, limit: bootstrapsMax) {
      guard let address = try? Multiaddr(text) else { throw .bootstrap(text) }
      addresses.append(address)
    }
    return addresses
  }

  private static func truth(
    _ field: String, _ object: JSONValue
  ) throws(NetworkFileFault) -> Bool {
    guard let value = object[field] else { return true }
    guard let truth = value.bool else { throw .type(field: field, wanted: "true or false") }
    return truth
  }

  /// Money is a text of base units; one spelling of each amount.
  private static func amount(
    _ field: String, _ object: JSONValue
  ) throws(NetworkFileFault) -> Amount {
    let text = try string(field, object)
    guard let amount = try? Amount(baseUnitsText: text), amount.baseUnitsText == text else {
      throw .type(field: field, wanted: "a number of base units in a text")
    }
    return amount
  }

  private static func kademlia(in object: JSONValue) throws(NetworkFileFault) -> String? {
    guard let protocols = object["protocols"] else { return nil }
    guard protocols.members != nil else { throw .type(field: "protocols", wanted: "an object") }
    try refuse(besides: ["kademlia"], in: protocols)
    guard protocols["kademlia"] != nil else { return nil }
    return try string("kademlia", protocols)
  }

  private static func key(in object: JSONValue) throws(NetworkFileFault) -> PrivateNetworkKey? {
    guard object["key"] != nil else { return nil }
    guard let secret = try? Hex.decode(string("key", object)),
      let key = PrivateNetworkKey(secret: secret)
    else { throw .key }
    return key
  }

  private static func rule(in object: JSONValue) throws(NetworkFileFault) -> AdmissionRule {
    guard let rule = object["admission"] else { return .everyone }
    guard rule.members != nil else { throw .type(field: "admission", wanted: "an object") }
    let name = try string("rule", rule)
    switch name {
    case "everyone":
      try refuse(besides: ["rule"], in: rule)
      return .everyone
    case "listed":
      try refuse(besides: ["rule", "peers"], in: rule)
      return .listed(try peers("peers", rule, limit: admittedMax))
    case "invited":
      try refuse(besides: ["rule", "issuers"], in: rule)
      var keys: [PublicKey] = []
      for peer in try peers("issuers", rule, limit: admittedMax) {
        guard let key = peer.publicKey else { throw .peer(field: "issuers", "\(peer)") }
        keys.append(key)
      }
      return .invited(by: keys)
    case "staked":
      try refuse(besides: ["rule", "minimum"], in: rule)
      return .staked(minimum: try amount("minimum", rule))
    default: throw .admission(name)
    }
  }
}
