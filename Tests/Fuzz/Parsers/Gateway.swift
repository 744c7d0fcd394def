import ContentNode

extension FuzzedParser {
  static let gateway: [FuzzedParser] = [
    FuzzedParser("gateway-request") { fuzzGatewayRequest($0) }
  ]
}
