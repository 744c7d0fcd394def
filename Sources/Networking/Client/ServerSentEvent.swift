package import Primitives

/// One server-sent event.
package struct ServerSentEvent: Equatable, Sendable {
  /// `message` where the stream names none.
  package var name: String
  /// The data lines, joined by line feeds.
  package var data: String
  /// The last id the stream has given.
  package var id: String

  /// An event.
  package init(name: String = "message", data: String = "", id: String = "") {
    self.name = name
    self.data = data
    self.id = id
  }
}

/// Why an event stream was given up.
package enum ServerSentEventError: Error, Equatable {
  case eventTooLarge(max: Int)
}

/// Cuts a byte stream into events. Pure; WHATWG HTML §9.2.6, for streams in UTF-8.
package struct ServerSentEventDecoder: Sendable {
  /// One event with everything in it; a session's largest state is some kilobytes.
  private static let eventBytesMax = 1 << 20

  private var line = Bytes()
  private var lastWasReturn = false
  private var event = ServerSentEvent()
  private var hasData = false
  private var eventBytes = 0

  /// A decoder at the start of a stream.
  package init() {}

  /// Returns the events that these bytes complete.
  package mutating func feed(
    _ bytes: Bytes
  ) throws(ServerSentEventError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      let followsReturn = lastWasReturn
      lastWasReturn = byte == UInt8(ascii: "\r")
      if byte == UInt8(ascii: "\n"), followsReturn { continue }
      if lastWasReturn || byte == UInt8(ascii: "\n") {
        if let event = endLine() { events.append(event) }
        continue
      }
      eventBytes += 1
      guard eventBytes <= Self.eventBytesMax else {
        throw .eventTooLarge(max: Self.eventBytesMax)
      }
      line.append(byte)
    }
    return events
  }

  private mutating func endLine() -> ServerSentEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    guard !line.isEmpty else { return dispatch() }
    let colon = line.firstIndex(of: UInt8(ascii: ":"))
    if colon == 0 {
      eventBytes -= line.count  // a comment belongs to no event
      return nil
    }
    let field = String(decoding: line[..<(colon ?? line.count)], as: UTF8.self)
    var rest = colon.map { line[($0 + 1)...] } ?? []
    if rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
    let value = String(decoding: rest, as: UTF8.self)
    switch field {
    case "event": event.name = value
    case "data":
      event.data += hasData ? "\n" + value : value
      hasData = true
    case "id" where !value.unicodeScalars.contains("\0"): event.id = value
    default: break
    }
    return nil
  }

  private mutating func dispatch() -> ServerSentEvent? {
    let finished = event
    event = ServerSentEvent(id: finished.id)
    eventBytes = 0
    defer { hasData = false }
    return hasData ? finished : nil
  }
}
