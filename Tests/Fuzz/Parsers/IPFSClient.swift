import IPFSClient

extension FuzzedParser {
  static let ipfsClient: [FuzzedParser] = [
    FuzzedParser("redis-protocol") { fuzzRESP($0) },
    FuzzedParser("archived-file") { fuzzArchivedFile($0) },
    FuzzedParser("node-address") { bytes in
      guard let address = try? NodeAddress(parsing: String(decoding: bytes, as: UTF8.self)) else {
        return
      }
      precondition((try? NodeAddress(parsing: address.description)) == address)
    },
  ]
}
