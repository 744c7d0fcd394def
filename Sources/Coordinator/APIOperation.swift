/// How the OpenAPI document describes a route.
struct APIOperation: Sendable {
  /// A query item or header field.
  struct Parameter: Sendable {
    enum Place: String, Sendable { case query, header }
    let name: String
    var place = Place.query
    let summary: String
    var isInteger = false
  }

  /// A body: its media type and the name of its schema, or nil for bytes and text.
  struct Content: Sendable {
    let mediaType: String
    let schema: String?

    static func json(_ schema: String) -> Content {
      Content(mediaType: "application/json", schema: schema)
    }

    static let bytes = Content(mediaType: "application/octet-stream", schema: nil)
    static let events = Content(mediaType: "text/event-stream", schema: nil)
  }

  /// A unique name in camel case, from which clients make function names.
  let id: String
  let tag: String
  let summary: String
  var parameters: [Parameter] = []
  var body: Content?
  /// The status of success.
  var status = 200
  let answer: Content
  /// Failures beside those of every route.
  var errors: [Int] = []
}
