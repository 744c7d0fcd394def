package import Primitives

/// Length-prefixed frames of one rpc stream: an unsigned varint, then that many bytes.
package enum RPCFraming {
  /// Bytes of a length in front of a frame: the varint of the largest message takes four.
  package static let lengthBytesMax = 4

  /// Returns `frame` with its length in front.
  package static func encode(_ frame: Bytes) -> Bytes {
    var output = Bytes()
    output.reserveCapacity(lengthBytesMax + frame.count)
    Varint.append(UInt64(frame.count), to: &output)
    output += frame
    return output
  }

  /// Takes the next whole frame of at most `limit` bytes out of `input`, or nil when more bytes are
  /// needed. A length above the limit throws before any of its bytes are awaited.
  package static func next(
    in input: inout ByteQueue, limit: Int
  ) throws(PeeringError) -> Bytes? {
    guard let (length, prefix) = try length(in: input) else { return nil }
    guard length <= UInt64(limit) else { throw .rpcFrameTooLong(bytes: length, limit: limit) }
    guard input.count >= prefix + Int(length) else { return nil }
    input.consume(prefix)
    return input.take(Int(length))
  }

  /// Bytes of the first frame with its length; while the length itself is incomplete, all of it.
  package static func awaited(in input: borrowing ByteQueue) -> Int {
    guard let (length, prefix) = try? length(in: input) else { return input.count }
    return prefix + Int(clamping: length)
  }

  private static func length(
    in input: borrowing ByteQueue
  ) throws(PeeringError) -> (UInt64, Int)? {
    let outcome = input.read { waiting in
      Result { () throws(DecodingFailure) in
        var offset = 0
        let length = try Varint.read(waiting, at: &offset)
        return (length, offset)
      }
    }
    switch outcome {
    case .success(let found): return found
    case .failure(.truncated): return nil
    case .failure(let failure): throw .malformedRPC(failure.description)
    }
  }

  /// Reads a request frame.
  package static func request(_ frame: Bytes) throws(PeeringError) -> RPCRequest {
    do { return try RPCRequest(decoding: frame) } catch { throw .malformedRPC("\(error)") }
  }

  /// Reads a response frame.
  package static func response(_ frame: Bytes) throws(PeeringError) -> RPCResponse {
    do { return try RPCResponse(decoding: frame) } catch { throw .malformedRPC("\(error)") }
  }
}
