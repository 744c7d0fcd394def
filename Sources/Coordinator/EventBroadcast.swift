package import Cryptography
package import Primitives

/// An event for dashboards and watchers: a name and its data.
package struct ServerEvent: Sendable {
  /// `session`, `round`, `update`, `block` or `node`.
  package let name: String
  /// The session it belongs to, nil if it concerns the whole network.
  package let session: Digest?
  /// The same shape as the matching REST answer.
  package let data: JSONValue
}

/// Hands events to every subscriber; one that does not read is dropped, not waited for.
struct EventBroadcast: Sendable {
  /// Events that wait for one subscriber: a session of a thousand rounds between two reads.
  static let waitingMax = 4_096
  /// Open event streams; a dashboard holds one.
  static let subscribersMax = 256

  private struct Subscriber: Sendable {
    let session: Digest?
    var waiting: [ServerEvent] = []
    var reader: CheckedContinuation<[ServerEvent]?, Never>?
    var isTooSlow = false
  }

  private var subscribers: [UInt64: Subscriber] = [:]
  private var nextID: UInt64 = 0

  /// Whether anybody listens: views are not made for nobody.
  var isHeard: Bool { !subscribers.isEmpty }

  /// Opens a subscription; nil when there are too many.
  mutating func subscribe(to session: Digest?) -> UInt64? {
    guard subscribers.count < Self.subscribersMax else { return nil }
    nextID += 1
    subscribers[nextID] = Subscriber(session: session)
    return nextID
  }

  mutating func unsubscribe(_ id: UInt64) {
    subscribers.removeValue(forKey: id)?.reader?.resume(returning: nil)
  }

  /// Resumes `reader` with the waiting events, now or when there are some; nil ends the stream.
  mutating func read(_ id: UInt64, _ reader: CheckedContinuation<[ServerEvent]?, Never>) {
    guard var subscriber = subscribers[id], !subscriber.isTooSlow else {
      subscribers[id] = nil
      return reader.resume(returning: nil)
    }
    if subscriber.waiting.isEmpty {
      subscriber.reader = reader
    } else {
      reader.resume(returning: subscriber.waiting)
      subscriber.waiting = []
    }
    subscribers[id] = subscriber
  }

  mutating func publish(_ event: ServerEvent) {
    for (id, var subscriber) in subscribers {
      if let wanted = subscriber.session, let session = event.session, wanted != session {
        continue
      }
      if let reader = subscriber.reader {
        subscriber.reader = nil
        reader.resume(returning: [event])
      } else if subscriber.waiting.count < Self.waitingMax {
        subscriber.waiting.append(event)
      } else {
        subscriber.isTooSlow = true
        subscriber.waiting = []
      }
      subscribers[id] = subscriber
    }
  }

  /// Ends every stream.
  mutating func close() {
    for id in subscribers.keys { unsubscribe(id) }
  }
}
