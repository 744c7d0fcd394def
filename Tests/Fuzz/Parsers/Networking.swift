import Networking

extension FuzzedParser {
  static let networking: [FuzzedParser] = [
    FuzzedParser("http-request") { bytes in
      bytes.withUnsafeBytes { fuzzHTTPParser($0) }
    },
    FuzzedParser("server-sent-events") { bytes in
      var whole = ServerSentEventDecoder()
      var parted = ServerSentEventDecoder()
      let events = try? whole.feed(bytes)
      let half = bytes.count / 2
      guard let first = try? parted.feed(Array(bytes[..<half])),
        let second = try? parted.feed(Array(bytes[half...]))
      else { return }
      precondition(events == first + second)
    },
  ]
}
