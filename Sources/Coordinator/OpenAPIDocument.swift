internal import Networking
package import Primitives

/// The OpenAPI 3.1 description of the REST interface, made of the table that serves it.
package enum OpenAPIDocument {
  /// The document.
  package static let json: JSONValue = [
    "openapi": "3.1.0",
    "info": [
      "title": "Martlet coordinator", "version": .string(APIVersion.text),
      "description": .string(description), "license": ["name": "Apache-2.0"],
    ],
    "servers": [["url": "/"]],
    "security": [["key": []], ["cookie": []]],
    "paths": .object(paths),
    "components": [
      "securitySchemes": [
        "key": ["type": "http", "scheme": "bearer", "description": "`mk_…`"],
        "cookie": ["type": "apiKey", "in": "cookie", "name": .string(APIGate.cookieName)],
      ],
      "schemas": .object(APISchemas.all.map { .init($0.name, $0.json) }),
      "responses": [
        "Error": ["description": "A named failure", "content": content(.json("Error"))]
      ],
    ],
  ]

  private static let description =
    "Money is text of base units, 10⁻¹⁸ token. Failures have a stable `code`. Requests that change "
    + "something need a key; callers on the same machine may read without one unless the server "
    + "was told otherwise."

  /// What any route may answer: wrong key, wrong host, too often, our own fault, too busy.
  private static let commonErrors = [401, 403, 429, 500, 503]

  private static var paths: [JSONValue.Member] {
    var order: [String] = []
    var operations: [String: [JSONValue.Member]] = [:]
    for route in APIRoutes.api {
      if operations[route.path] == nil { order.append(route.path) }
      operations[route.path, default: []].append(
        .init(route.method.name.lowercased(), operation(of: route)))
    }
    return order.map { .init($0, .object(operations[$0] ?? [])) }
  }

  private static func operation(of route: APIRoute) -> JSONValue {
    let operation = route.operation
    var members: [JSONValue.Member] = [
      .init("operationId", .string(operation.id)), .init("tags", [.string(operation.tag)]),
      .init("summary", .string(operation.summary)),
      .init("parameters", .array(parameters(of: route))),
    ]
    if route.access == .open { members.append(.init("security", [])) }
    if let body = operation.body {
      members.append(.init("requestBody", ["required": true, "content": content(body)]))
    }
    members.append(.init("responses", .object(responses(of: route))))
    return .object(members)
  }

  private static func parameters(of route: APIRoute) -> [JSONValue] {
    let inPath = route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
      segment -> JSONValue in
      [
        "name": .string(String(segment.dropFirst().dropLast())), "in": "path", "required": true,
        "schema": ["type": "string"],
      ]
    }
    return inPath
      + route.operation.parameters.map { parameter in
        [
          "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
          "description": .string(parameter.summary),
          "schema": ["type": parameter.isInteger ? "integer" : "string"],
        ]
      }
  }

  private static func responses(of route: APIRoute) -> [JSONValue.Member] {
    let operation = route.operation
    let success = JSONValue.Member(
      "\(operation.status)",
      ["description": .string(operation.summary), "content": content(operation.answer)])
    let errors = Set(operation.errors + commonErrors).sorted()
    return [success]
      + errors.map { .init("\($0)", ["$ref": "#/components/responses/Error"]) }
  }

  private static func content(_ content: APIOperation.Content) -> JSONValue {
    let schema: JSONValue =
      content.schema.map { ["$ref": .string("#/components/schemas/\($0)")] }
      ?? (content.mediaType == "application/json" ? ["type": "object"] : ["type": "string"])
    return .object([.init(content.mediaType, ["schema": schema])])
  }
}
