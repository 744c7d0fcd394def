import Networking
import Orchestration
import Peering
import Primitives

/// What a setting may be. Whatever is written to a file was checked by one of these.
enum SettingKind: Sendable {
  case text
  case count(ClosedRange<Int>)
  /// Processors, at most those of this machine.
  case processors
  /// Bytes, at most the memory of this machine.
  case memory
  case rate
  case truth
  case role
  /// Region, country and city.
  case place
  /// A multiaddr.
  case address
  /// Multiaddrs or `HOST:PORT`, separated by commas.
  case addresses
  /// Peer ids, separated by commas.
  case peers
  /// Peer ids and blocks of addresses, separated by commas.
  case peersAndBlocks

  /// The least memory with which a node can do anything.
  private static let memoryMin = ByteCount.mebibytes(64)
  /// One read of a socket is then paid within the time after which a peer counts as silent.
  private static let rateMin = BitRate(bitsPerSecond: 1_000_000)

  /// What a person may write.
  var words: String {
    switch self {
    case .text: "text"
    case .count(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .processors: "how many processors a node may use"
    case .memory: "what one piece of work may need, such as 8GB or 512MiB"
    case .rate: "what all connections together may send or receive, such as 10Gbps"
    case .truth: "true or false"
    case .role: "worker, validator, evaluator or peer"
    case .place: "region/country/city, each of letters, digits and dashes"
    case .address: "a multiaddr"
    case .addresses: "multiaddrs or HOST:PORT, separated by commas"
    case .peers: "the only peers to talk to, separated by commas"
    case .peersAndBlocks: "peers and blocks such as 10.0.0.0/8 never to talk to"
    }
  }

  /// The value as the file holds it; throws a failure that names the setting.
  func checked(_ text: String, of name: String) throws -> JSONValue {
    switch self {
    case .text: return .string(text)
    case .count(let range):
      return .integer(Int64(try Self.count(text, of: name, in: range)))
    case .processors: return .integer(Int64(try Self.processors(text, of: name)))
    case .memory:
      _ = try Self.memory(text, of: name)
      return .string(text)
    case .rate:
      _ = try Self.rate(text, of: name)
      return .string(text)
    case .truth: return .bool(try Self.truth(text, of: name))
    case .place:
      _ = try Self.place(text, of: name)
      return .string(text)
    case .role:
      if text == "peer" { return .string(text) }
      guard let role = NodeRole(named: text), role != .coordinator else {
        throw Self.failure(name, text, "worker, validator, evaluator or peer")
      }
      return .string(role.rawValue)
    case .address, .addresses, .peers, .peersAndBlocks:
      try checkNames(text)
      return .string(text)
    }
  }

  private func checkNames(_ text: String) throws {
    switch self {
    case .address: _ = try PeerNode.address(text)
    case .addresses: for word in PeerNode.words(text) { _ = try PeerNode.address(word) }
    case .peers: _ = try PeerNode.filter(allow: text, deny: "")
    case .peersAndBlocks: _ = try PeerNode.filter(allow: "", deny: text)
    case .text, .count, .processors, .memory, .rate, .truth, .role, .place: break
    }
  }

  static func place(_ text: String, of name: String) throws -> DeclaredPlace {
    let names = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard names.count == 3,
      let place = DeclaredPlace(region: names[0], country: names[1], city: names[2])
    else { throw failure(name, text, "region/country/city, such as europe/germany/berlin") }
    return place
  }

  static func failure(_ name: String, _ text: String, _ wanted: String) -> CommandFailure {
    .usage("\(name) is `\(text)`", hint: "give \(wanted)")
  }

  static func count(_ text: String, of name: String, in range: ClosedRange<Int>) throws -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw failure(
        name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  static func processors(_ text: String, of name: String) throws -> Int {
    let own = Machine.processors
    guard let number = Int(text), number > 0 else {
      throw failure(name, text, "a whole number from 1 to \(own)")
    }
    guard number <= own else {
      throw CommandFailure.usage(
        "\(name) is \(number), and this machine has \(own)",
        hint: "give a number from 1 to \(own)")
    }
    return number
  }

  static func memory(_ text: String, of name: String) throws -> ByteCount {
    let size: ByteCount
    do {
      size = try ByteCount(parsing: text)
    } catch {
      throw CommandFailure.usage("\(name): \(error)", hint: "give a size such as 8GB or 512MiB")
    }
    guard size >= memoryMin else {
      throw failure(name, text, "at least \(memoryMin); a node needs that to do anything")
    }
    let own = Machine.memory
    guard size <= own else {
      throw CommandFailure.usage(
        "\(name) is \(text), and this machine has \(own)", hint: "give at most \(own)")
    }
    return size
  }

  static func rate(_ text: String, of name: String) throws -> BitRate {
    let rate: BitRate
    do {
      rate = try BitRate(parsing: text)
    } catch {
      throw CommandFailure.usage("\(name): \(error)", hint: "give a rate such as 10Gbps or 5MB/s")
    }
    guard rate >= rateMin else { throw failure(name, text, "at least \(rateMin)") }
    return rate
  }

  static func truth(_ text: String, of name: String) throws -> Bool {
    switch text.lowercased() {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0": return false
    default: throw failure(name, text, "true or false")
    }
  }
}
