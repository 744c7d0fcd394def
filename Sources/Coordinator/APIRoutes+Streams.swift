internal import Cryptography
internal import Networking
internal import Primitives

extension APIRoutes {
  static let sessionStreams: [APIRoute] = [
    APIRoute(
      .get, sessionsPath + "/{id}/model", .read,
      APIOperation(
        id: "downloadModel", tag: "sessions",
        summary: "The newest model of a session as a safetensors file", answer: .bytes,
        errors: [400, 404]),
      handle: model),
    APIRoute(
      .get, sessionsPath + "/{id}/events", .read,
      APIOperation(
        id: "watchSession", tag: "sessions",
        summary: "Server-sent events `session`, `round`, `block` and `node`, the session first",
        answer: .events, errors: [400, 404])
    ) { call in
      _ = try await session(call)
      return events(of: try call.digest("id"), from: call.coordinator)
    },
    APIRoute(
      .get, base + "/events", .read,
      APIOperation(
        id: "watchAll", tag: "sessions", summary: "Server-sent events of all sessions",
        answer: .events)
    ) { call in
      events(of: nil, from: call.coordinator)
    },
    APIRoute(
      .post, sessionsPath + "/{id}/verify", .change,
      APIOperation(
        id: "verifySession", tag: "sessions",
        summary: "Recomputes every aggregate from the committed updates",
        answer: .json("Verification"), errors: [400, 404, 409])
    ) { call in
      try await call.noBody()
      _ = try await session(call)
      return .json(try await call.coordinator.verifySession(call.digest("id")))
    },
    APIRoute(
      .get, sessionsPath + "/{id}/receipts/{round}/{client}", .read,
      APIOperation(
        id: "getReceipt", tag: "sessions",
        summary: "The proof of one payment, checkable offline", answer: .json("Receipt"),
        errors: [400, 404])
    ) { call in
      _ = try await session(call)
      let receipt = try await call.coordinator.receiptJSON(
        session: call.digest("id"), round: call.number("round", max: Int(Int32.max)),
        client: call.number("client", max: Int(Int32.max)))
      return .json(receipt)
    },
  ]

  private static func model(_ call: APICall) async throws -> HTTPResponse {
    _ = try await session(call)
    let id = try call.digest("id")
    let file = try await call.coordinator.modelFile(id)
    // Enough of the id to tell two downloads apart.
    let name = "martlet-\(id.hex.prefix(12)).safetensors"
    return HTTPResponse(
      status: .ok,
      headers: [
        "Content-Type": "application/octet-stream", "Cache-Control": "no-store",
        "Content-Disposition": "attachment; filename=\"\(name)\"",
        "X-Content-Type-Options": "nosniff",
      ],
      body: .bytes(file))
  }

  private static func events(
    of session: Digest?, from coordinator: CoordinatorServer
  ) -> HTTPResponse {
    HTTPResponse(
      status: .ok,
      headers: [
        "Content-Type": "text/event-stream", "Cache-Control": "no-store",
        // Asks nginx not to gather events.
        "X-Accel-Buffering": "no",
      ],
      body: .events { writer in
        guard let stream = await coordinator.subscribe(to: session) else {
          let error = APIError.busy
          return try await writer.writeEvent(error.json.text(), name: "error")
        }
        do {
          // Read after subscribing: a change in between is told twice rather than never.
          if let session, let view = await coordinator.sessionView(session) {
            try await writer.writeEvent(view.text(), name: "session")
          }
          while let events = await coordinator.nextEvents(stream) {
            for event in events {
              try await writer.writeEvent(event.data.text(), name: event.name)
            }
          }
        } catch {
          await coordinator.unsubscribe(stream)
          throw error
        }
      })
  }
}
