import CShim
import Glibc

/// An operating-system thread with a name that `top -H` and a debugger show.
package struct NamedThread: Sendable {
  private let handle: pthread_t

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts `body` on a new thread; the kernel keeps the first 15 bytes of `name`.
  package init(_ name: String, body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var handle = pthread_t()
    let status = pthread_create(
      &handle, nil,
      { context in
        let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
        shim_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    precondition(status == 0, "pthread_create: \(status)")
    self.handle = handle
  }

  /// Waits for the thread's end; exactly one of `join` and `detach` must be called.
  package func join() {
    pthread_join(handle, nil)
  }

  /// Gives up waiting for the thread; its memory goes when it ends.
  package func detach() {
    pthread_detach(handle)
  }
}
