internal import CSodium
public import Primitives

/// The operating system's generator: for keys, nonces and salts, drawn by shells and handed in.
public enum SystemRandom {
  /// Returns `count` unpredictable bytes.
  public static func bytes(_ count: Int) -> Bytes {
    Sodium.prepare()
    return Bytes(unsafeUninitializedCapacity: count) { buffer, initialized in
      randombytes_buf(buffer.baseAddress!, count)
      initialized = count
    }
  }
}
