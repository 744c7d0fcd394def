import Persistence

extension FuzzedParser {
  static let persistence: [FuzzedParser] = [
  ]
}
