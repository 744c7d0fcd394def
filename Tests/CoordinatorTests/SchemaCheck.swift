import Primitives

@testable import Coordinator

/// Compares JSON with the schemas of the OpenAPI document: fields, types and null.
enum SchemaCheck {
  /// What does not fit the schema called `name`, as paths.
  static func faults(in value: JSONValue, _ name: String) -> [String] {
    guard let schema = APISchemas.all.first(where: { $0.name == name }) else {
      return ["no schema \(name)"]
    }
    return faults(in: value, schema.fields, at: name)
  }

  private static func faults(
    in value: JSONValue, _ fields: [APISchema.Field], at path: String
  ) -> [String] {
    guard let members = value.members else { return ["\(path): not an object"] }
    let known = Set(fields.map(\.name))
    var faults = members.filter { !known.contains($0.name) }.map {
      "\(path).\($0.name): not described"
    }
    for field in fields {
      let place = "\(path).\(field.name)"
      switch value[field.name] {
      case nil: if field.isRequired { faults.append("\(place): missing") }
      case .null?: if !field.isNullable { faults.append("\(place): null") }
      case let found?: faults += Self.faults(in: found, field.kind, at: place)
      }
    }
    return faults
  }

  private static func faults(
    in value: JSONValue, _ kind: APISchema.Kind, at path: String
  ) -> [String] {
    switch kind {
    case .text, .cid, .peerID: value.text == nil ? ["\(path): not text"] : []
    case .integer: value.integer == nil ? ["\(path): not an integer"] : []
    case .number: value.double == nil ? ["\(path): not a number"] : []
    case .boolean: value.bool == nil ? ["\(path): not a truth value"] : []
    case .amount:
      (try? Amount(baseUnitsText: value.text ?? "")) == nil ? ["\(path): not an amount"] : []
    case .digest: value.text?.utf8.count == 64 ? [] : ["\(path): not a digest"]
    case .word(let words): words.contains(value.text ?? "") ? [] : ["\(path): not of the words"]
    case .list(let element):
      value.elements.map { elements in
        elements.enumerated().flatMap { faults(in: $1, element, at: "\(path)[\($0)]") }
      } ?? ["\(path): not a list"]
    case .reference(let name): faults(in: value, name).map { "\(path) → \($0)" }
    case .oneOf(let kinds):
      kinds.contains { faults(in: value, $0, at: path).isEmpty } ? [] : ["\(path): none fits"]
    case .object(let fields): faults(in: value, fields, at: path)
    }
  }
}
