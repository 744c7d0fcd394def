import Primitives

/// One stream of a muxed session.
struct YamuxStream {
  /// What has arrived and was not read.
  var inbox = ByteQueue()
  /// Bytes we may still send.
  var sendWindow = YamuxLimits.initialWindowBytes
  /// Bytes the other side may still send.
  var receiveWindow = YamuxLimits.initialWindowBytes
  /// The size the receive window is topped up to.
  var windowSize = YamuxLimits.initialWindowBytes
  /// Bytes read, or accepted by the reader, since the last window update.
  var unreported = 0
  /// Bytes of the inbox that the reader has accepted: it waits for the rest of a message that is
  /// larger than the window.
  var accepted = 0
  /// When the window was last topped up.
  var toppedUpAt: Tick?
  /// Whether the other side has yet to acknowledge a stream that we opened.
  var awaitsAcknowledgement: Bool
  /// Whether we have finished sending.
  var finishedSending = false
  /// Whether the other side has finished sending.
  var finishedReceiving = false

  init(openedByUs: Bool) {
    awaitsAcknowledgement = openedByUs
  }

  /// Whether nothing can happen on the stream any more.
  var isOver: Bool { finishedSending && finishedReceiving && inbox.isEmpty }
}
