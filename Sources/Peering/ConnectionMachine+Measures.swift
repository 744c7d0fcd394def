extension ConnectionMachine {
  /// The last measured time to the other side and back; nil before the first.
  package var roundTrip: Duration? { yamux.roundTrip }

  /// Asks for the time to the other side and back, unless it was measured lately.
  package mutating func measureRoundTrip() {
    if isOpen { yamux.measureRoundTrip(output: &outbox) }
  }
}
