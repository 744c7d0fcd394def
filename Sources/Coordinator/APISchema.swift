internal import Primitives

/// The shape of a JSON object in requests and answers, for the OpenAPI document.
struct APISchema: Sendable {
  indirect enum Kind: Sendable {
    case text
    case integer
    case number
    case boolean
    /// Base units in decimal digits.
    case amount
    /// 32 bytes in hexadecimal.
    case digest
    case cid
    case peerID
    /// One of these words.
    case word([String])
    case list(Kind)
    case reference(String)
    case oneOf([Kind])
    case object([Field])
  }

  struct Field: Sendable {
    let name: String
    let kind: Kind
    let summary: String
    var isNullable = false
    var isRequired = true

    init(_ name: String, _ kind: Kind, _ summary: String = "") {
      self.name = name
      self.kind = kind
      self.summary = summary
    }

    /// May be null.
    var orNull: Field {
      var field = self
      field.isNullable = true
      return field
    }

    /// May be left out of a request.
    var optional: Field {
      var field = self
      field.isRequired = false
      return field
    }
  }

  let name: String
  let fields: [Field]

  init(_ name: String, _ fields: [Field]) {
    self.name = name
    self.fields = fields
  }

  /// The JSON Schema of the object; nothing else may be in it.
  var json: JSONValue { Self.object(fields) }

  private static func object(_ fields: [Field]) -> JSONValue {
    [
      "type": "object",
      "properties": .object(fields.map { .init($0.name, property($0)) }),
      "required": .array(fields.filter(\.isRequired).map { .string($0.name) }),
      "additionalProperties": false,
    ]
  }

  private static func property(_ field: Field) -> JSONValue {
    let schema = json(of: field.kind)
    let description: [JSONValue.Member] =
      field.summary.isEmpty ? [] : [.init("description", .string(field.summary))]
    if field.isNullable {
      return .object([.init("anyOf", .array([schema, ["type": "null"]]))] + description)
    }
    return .object((schema.members ?? []) + description)
  }

  private static func json(of kind: Kind) -> JSONValue {
    switch kind {
    case .text: ["type": "string"]
    case .integer: ["type": "integer"]
    case .number: ["type": "number"]
    case .boolean: ["type": "boolean"]
    case .amount: ["type": "string", "pattern": "^[0-9]{1,39}$"]
    case .digest: ["type": "string", "pattern": "^[0-9a-f]{64}$"]
    case .cid: ["type": "string", "minLength": 8]
    case .peerID: ["type": "string", "minLength": 46]
    case .word(let words):
      ["type": "string", "enum": .array(words.map { .string($0) })]
    case .list(let element): ["type": "array", "items": json(of: element)]
    case .reference(let name): ["$ref": .string("#/components/schemas/\(name)")]
    case .oneOf(let kinds): ["oneOf": .array(kinds.map(json(of:)))]
    case .object(let fields): object(fields)
    }
  }
}
