/// Finds the handler of a request by method and path pattern, such as `/api/v1/sessions/{id}`.
///
/// A literal segment wins over a parameter, and both over a closing `{name...}`, which takes the
/// rest of the path. 404 where no pattern matches, 405 with `Allow` where only another method does.
package struct HTTPRouter: Sendable {
  /// Answers a request whose path gave `parameters`, percent-decoded.
  package typealias Handler = @Sendable (HTTPRequest, HTTPPathParameters) async -> HTTPResponse

  /// Segments of a path; deeper ones match nothing.
  private static let segmentsMax = 64

  private struct Route: Sendable {
    var method: HTTPMethod
    var names: [String]
    var handler: Handler
  }

  private struct Branch: Sendable {
    var literals: [String: Branch] = [:]
    /// At most one element: a struct cannot hold itself without an array between.
    var parameter: [Branch] = []
    var routes: [Route] = []
    var restRoutes: [Route] = []
  }

  private var root = Branch()
  private var notFound: @Sendable (HTTPRequest) -> HTTPResponse
  private var notAllowed: @Sendable (HTTPRequest) -> HTTPResponse

  /// A router without routes, which answers errors in plain text unless told otherwise.
  package init(
    notFound: @escaping @Sendable (HTTPRequest) -> HTTPResponse = { _ in
      .text(.notFound, "there is nothing here\n")
    },
    methodNotAllowed: @escaping @Sendable (HTTPRequest) -> HTTPResponse = { request in
      .text(.methodNotAllowed, "\(request.method.name) is not possible here\n")
    }
  ) {
    self.notFound = notFound
    self.notAllowed = methodNotAllowed
  }

  /// Adds a route; the same method and pattern twice is a bug.
  package mutating func on(
    _ method: HTTPMethod, _ pattern: String, _ handler: @escaping Handler
  ) {
    precondition(pattern.hasPrefix("/"), "pattern \(pattern)")
    var names: [String] = []
    var steps: [String?] = []
    var takesRest = false
    for segment in pattern.split(separator: "/") {
      precondition(!takesRest, "\(pattern): the rest must come last")
      guard segment.hasPrefix("{"), segment.hasSuffix("}") else {
        steps.append(String(segment))
        continue
      }
      var name = String(segment.dropFirst().dropLast())
      takesRest = name.hasSuffix("...")
      if takesRest { name.removeLast(3) } else { steps.append(nil) }
      names.append(name)
    }
    let route = Route(method: method, names: names, handler: handler)
    Self.insert(route, along: steps[...], takesRest: takesRest, into: &root)
  }

  private static func insert(
    _ route: Route, along steps: ArraySlice<String?>, takesRest: Bool, into branch: inout Branch
  ) {
    guard let step = steps.first else {
      let present = takesRest ? branch.restRoutes : branch.routes
      precondition(!present.contains { $0.method == route.method }, "a route is there twice")
      if takesRest { branch.restRoutes.append(route) } else { branch.routes.append(route) }
      return
    }
    if let literal = step {
      insert(
        route, along: steps.dropFirst(), takesRest: takesRest,
        into: &branch.literals[literal, default: Branch()])
    } else {
      if branch.parameter.isEmpty { branch.parameter.append(Branch()) }
      insert(route, along: steps.dropFirst(), takesRest: takesRest, into: &branch.parameter[0])
    }
  }

  /// Answers one request; the handler of an `HTTPServer`.
  package func answer(_ request: HTTPRequest) async -> HTTPResponse {
    let parts = request.path.utf8.split(separator: UInt8(ascii: "/"))
    guard parts.count <= Self.segmentsMax else { return notFound(request) }
    var segments: [String] = []
    for part in parts {
      // `.` and `..` may mean something to what stands behind a handler, never to us.
      guard let segment = HTTPPercent.decode(part), segment != ".", segment != ".." else {
        return notFound(request)
      }
      segments.append(segment)
    }
    guard let (routes, values) = Self.find(segments[...], in: root) else {
      return notFound(request)
    }
    let route =
      routes.first { $0.method == request.method }
      ?? (request.method == .head ? routes.first { $0.method == .get } : nil)
    guard let route else {
      var response = notAllowed(request)
      response.headers.append("Allow", routes.map(\.method.name).joined(separator: ", "))
      return response
    }
    return await route.handler(request, HTTPPathParameters(names: route.names, values: values))
  }

  private static func find(
    _ segments: ArraySlice<String>, in branch: Branch
  ) -> (routes: [Route], values: [String])? {
    guard let segment = segments.first else {
      return branch.routes.isEmpty ? nil : (branch.routes, [])
    }
    let rest = segments.dropFirst()
    if let next = branch.literals[segment], let found = find(rest, in: next) { return found }
    if let next = branch.parameter.first, let found = find(rest, in: next) {
      return (found.routes, [segment] + found.values)
    }
    guard !branch.restRoutes.isEmpty else { return nil }
    return (branch.restRoutes, [segments.joined(separator: "/")])
  }
}

/// What a route's pattern took from the path.
package struct HTTPPathParameters: Sendable {
  private let names: [String]
  private let values: [String]

  init(names: [String], values: [String]) {
    self.names = names
    self.values = values
  }

  /// The value of a parameter of the pattern; asking for another name is a bug.
  package subscript(name: String) -> String {
    guard let index = names.firstIndex(of: name), index < values.count else {
      preconditionFailure("the pattern has no parameter \(name)")
    }
    return values[index]
  }
}
