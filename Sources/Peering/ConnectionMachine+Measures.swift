extension ConnectionMachine {
  /// The last measured time to the other side and back; nil before the first.
  package var roundTrip: Duration? { yamux.roundTrip }
}
