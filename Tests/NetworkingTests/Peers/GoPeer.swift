import Cryptography
import ForeignPeers
import Glibc
import Networking
import Peering
import Primitives
import Telemetry

/// A go-libp2p node in a process of its own (`p2pd`), driven over its control socket.
///
/// The control protocol is length-prefixed protobuf: field 1 is the type of a request or response.
final class GoPeer: Sendable {
  private enum Request {
    static let identify: UInt64 = 0
    static let connect: UInt64 = 1
    static let openStream: UInt64 = 2
  }

  struct ControlFailure: Error { let answer: Bytes }

  /// Where `p2pd` is: `MARTLET_P2PD`, else `.peers/p2pd` as `Scripts/bootstrap --peers` puts it.
  static let executable: String? = {
    let candidates = [getenv("MARTLET_P2PD").map { String(cString: $0) }, ".peers/p2pd"]
    return candidates.compactMap { $0 }.first { access($0, X_OK) == 0 }
  }()

  let process: ForeignProcess

  /// Starts the process and waits until it answers.
  init(loop: EventLoop, executable: String, options: [String] = []) async throws {
    process = try await ForeignProcess(loop: loop) { directory in
      [
        executable, "-listen", "/unix" + directory + "/control.sock",
        "-hostAddrs", "/ip4/127.0.0.1/tcp/0",
      ] + options
    }
  }

  /// Ends the process; a second call finds nothing to end.
  func stop() { process.stop() }

  /// The address it listens on, with its identity.
  func address() async throws -> Multiaddr {
    let answer = try await ask(Request.identify) { _ in }
    // Response.identify = 4; IdentifyResponse.id = 1, addrs = 2.
    let identity = try fields(of: try field(4, of: answer))
    guard let id = identity[1]?.first, let address = identity[2]?.first else {
      throw ControlFailure(answer: answer)
    }
    return try Multiaddr(bytes: address).naming(PeerID(bytes: id))
  }

  /// Has it dial `address`.
  func connect(to address: Multiaddr) async throws {
    _ = try await ask(Request.connect) { request in
      // Request.connect = 2; ConnectRequest.peer = 1, addrs = 2.
      var connect = ProtobufWriter()
      connect.append(1, bytes: address.peer?.bytes ?? [])
      connect.append(2, bytes: address.withoutOwner.bytes)
      request.append(2, bytes: connect.bytes)
    }
  }

  /// Has it open a ping stream to `address`'s peer and echo `payload` through it.
  func ping(_ address: Multiaddr, payload: Bytes) async throws -> Bytes {
    let control = try await process.control()
    defer { control.close() }
    // Request.streamOpen = 3; StreamOpenRequest.peer = 1, proto = 2.
    var open = ProtobufWriter()
    open.append(1, bytes: address.peer?.bytes ?? [])
    open.append(2, text: PingProtocol.protocolID)
    var request = ProtobufWriter()
    request.append(1, unsigned: Request.openStream)
    request.append(3, bytes: open.bytes)
    _ = try await exchange(request, over: control)
    try await control.write(payload)
    var answer = Bytes()
    while answer.count < payload.count {
      guard try await control.read(appendingTo: &answer) > 0 else { break }
    }
    return answer
  }

  func ask(
    _ type: UInt64, _ fill: (inout ProtobufWriter) -> Void
  ) async throws -> Bytes {
    let control = try await process.control()
    defer { control.close() }
    var request = ProtobufWriter()
    request.append(1, unsigned: type)
    fill(&request)
    return try await exchange(request, over: control)
  }

  func exchange(_ request: ProtobufWriter, over control: Socket) async throws -> Bytes {
    try await control.write(RPCFraming.encode(request.bytes))
    var input = ByteQueue()
    let answer = try await Self.message(from: control, &input)
    // Response.type = 1: 0 is OK. A zero is left out by no proto2 writer.
    var reader = ProtobufReader(answer[...])
    guard case .unsigned(0)? = try reader.next()?.value else {
      throw ControlFailure(answer: answer)
    }
    return answer
  }

  /// The next length-prefixed message.
  static nonisolated(nonsending) func message(
    from control: Socket, _ input: inout ByteQueue
  ) async throws -> Bytes {
    while true {
      if let message = try RPCFraming.next(in: &input, limit: 1 << 20) { return message }
      var bytes = Bytes()
      guard try await control.read(appendingTo: &bytes) > 0 else { throw SocketError.closed }
      input.append(bytes)
    }
  }

  func field(_ number: UInt64, of message: Bytes) throws -> Bytes {
    guard let found = try fields(of: message)[number]?.first else {
      throw ControlFailure(answer: message)
    }
    return found
  }

  func fields(of message: Bytes) throws -> [UInt64: [Bytes]] {
    var found: [UInt64: [Bytes]] = [:]
    var reader = ProtobufReader(message[...])
    while let (number, value) = try reader.next() {
      if case .bytes(let bytes) = value { found[number, default: []].append(Bytes(bytes)) }
    }
    return found
  }
}
