internal import Primitives

/// The OpenAPI description.
enum OpenAPIDocument {
  static let json: JSONValue = [:]
}
