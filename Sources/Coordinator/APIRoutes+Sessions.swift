internal import Cryptography
internal import Networking
internal import Primitives

extension APIRoutes {
  static let sessions: [APIRoute] = [
    APIRoute(
      .get, sessionsPath, .read,
      APIOperation(
        id: "listSessions", tag: "sessions", summary: "All sessions, the newest first",
        answer: .json("SessionList"))
    ) { call in
      .json(["sessions": await call.coordinator.sessionSummaries])
    },
    APIRoute(
      .post, sessionsPath, .change,
      APIOperation(
        id: "createSession", tag: "sessions",
        summary: "Orders a session: its model, data, settings and price",
        parameters: [
          .init(
            name: "Idempotency-Key", place: .header,
            summary: "The same key and body answer with the session that the first one made")
        ],
        body: .json("SessionOrder"), status: 201, answer: .json("Session"),
        errors: [400, 409, 413, 415, 422]),
      handle: create),
    APIRoute(
      .get, sessionsPath + "/{id}", .read,
      APIOperation(
        id: "getSession", tag: "sessions", summary: "One session", answer: .json("Session"),
        errors: [400, 404])
    ) { call in
      .json(try await session(call))
    },
    APIRoute(
      .post, sessionsPath + "/{id}/start", .change,
      APIOperation(
        id: "startSession", tag: "sessions",
        summary: "Starts a session once its escrow is on the ledger", answer: .json("Session"),
        errors: [400, 404, 409])
    ) { call in
      try await call.noBody()
      _ = try await session(call)
      try await call.coordinator.startSession(call.digest("id"))
      return .json(try await session(call))
    },
    APIRoute(
      .post, sessionsPath + "/{id}/cancel", .change,
      APIOperation(
        id: "cancelSession", tag: "sessions",
        summary: "Ends a session; what is left of the escrow goes back", answer: .json("Session"),
        errors: [400, 404, 409])
    ) { call in
      try await call.noBody()
      _ = try await session(call)
      try await call.coordinator.cancelSession(call.digest("id"))
      return .json(try await session(call))
    },
    APIRoute(
      .get, sessionsPath + "/{id}/rounds", .read,
      APIOperation(
        id: "listRounds", tag: "sessions", summary: "All rounds of a session, the oldest first",
        answer: .json("RoundList"), errors: [400, 404])
    ) { call in
      .json(["rounds": .array(try await rounds(call))])
    },
    APIRoute(
      .get, sessionsPath + "/{id}/rounds/{round}", .read,
      APIOperation(
        id: "getRound", tag: "sessions", summary: "One round, counted from 1",
        answer: .json("Round"), errors: [400, 404])
    ) { call in
      let number = try call.number("round", max: Int(Int32.max))
      let round = try await rounds(call).first { $0["round"]?.integer == Int64(number) }
      guard let round else {
        throw APIError.unknown(
          "round", "\(number)", hint: "the session's rounds so far are at …/rounds")
      }
      return .json(round)
    },
  ]

  static func session(_ call: APICall) async throws -> JSONValue {
    let id = try call.digest("id")
    guard let session = await call.coordinator.sessionView(id) else {
      throw unknownSession(id)
    }
    return session
  }

  static func unknownSession(_ id: Digest) -> APIError {
    .unknown("session", id.hex, hint: "list them with GET \(sessionsPath)")
  }

  private static func rounds(_ call: APICall) async throws -> [JSONValue] {
    let id = try call.digest("id")
    guard let rounds = await call.coordinator.roundViews(id)?.elements else {
      throw unknownSession(id)
    }
    return rounds
  }

  private static func create(_ call: APICall) async throws -> HTTPResponse {
    let order = try await call.json()
    let id = try await call.context.gate.once(
      key: call.request.headers["Idempotency-Key"], order: order, by: call.coordinator)
    guard let session = await call.coordinator.sessionView(id) else { throw unknownSession(id) }
    var response = HTTPResponse.json(session, status: .created)
    response.headers.append("Location", "\(sessionsPath)/\(id.hex)")
    return response
  }
}
