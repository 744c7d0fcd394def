/// Every bound of the HTTP server, with its reason.
package struct HTTPLimits: Sendable {
  /// Request line and header fields together; browsers stay below 8 KiB, nginx allows 4 × 8 KiB.
  package var headBytesMax = 16_384
  /// Request target alone: longer ones are answered 414 rather than 431.
  package var targetBytesMax = 8_192
  /// Header fields of one request; each costs 16 bytes of index beside its text.
  package var headerFieldsMax = 100
  /// Body of one request; a route that collects in memory sets its own smaller maximum.
  package var bodyBytesMax = 64 << 30
  /// Unread body that is read and thrown away to keep the connection; more closes it.
  package var drainBytesMax = 65_536
  /// Connections served at once; further ones are answered 503.
  package var connectionsMax = 1_024
  /// From the first byte of a request to the end of its header fields.
  package var headTimeout: Duration = .seconds(10)
  /// Between two requests of one connection, as nginx.
  package var idleTimeout: Duration = .seconds(75)
  /// How long the other side may accept no byte of a response.
  package var writeStallTimeout: Duration = .seconds(30)
  /// TLS handshakes that take longer are dropped.
  package var handshakeTimeout: Duration = .seconds(10)
  /// A body may make us wait this long, plus one second for each `bodyBytesPerSecondMin` received.
  package var bodyGrace: Duration = .seconds(20)
  /// Slower senders hold memory and a connection for nothing.
  package var bodyBytesPerSecondMin = 1_024
  /// After a refused body we read on this long, so that the client sees the answer and not a reset.
  package var lingerTimeout: Duration = .seconds(2)
  /// Comment lines keep an event stream alive through proxies that cut silent ones after 60 s.
  package var eventHeartbeat: Duration = .seconds(15)

  /// The defaults.
  package init() {}
}
