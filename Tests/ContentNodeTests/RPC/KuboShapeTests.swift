import ContentNode
import ContentStore
import Networking
import Primitives
import Testing

/// The bytes of answers as docs.ipfs.tech/reference/kubo/rpc documents them and kubo/core/commands
/// writes them; CIDs are those of `ipfs add` in Kubo's own documents.
@Suite("Shapes of Kubo's RPC")
struct KuboShapeTests {
  static let hello = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
  static let helloRaw = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
  static let empty = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
  static let wrapped = "QmaG4FuMqEBnQNn3C8XJ5bpW8kLs7zq2ZXgHptJHbKDDVx"
  static let emptyDirectory = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
  static let value = "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"

  /// A command, its upload, and the answer's exact text.
  typealias Step = (command: String, parts: [KuboWorld.Part]?, answer: String)

  static let steps: [Step] = [
    (
      "add", [.file("hello.txt", "hello world\n")],
      "{\"Name\":\"hello.txt\",\"Hash\":\"\(hello)\",\"Size\":\"20\"}\n"
    ),
    (
      "add?progress=True&stream-channels=true&trickle=False",
      [.file("hello.txt", "hello world\n")],
      "{\"Name\":\"hello.txt\",\"Bytes\":12}\n"
        + "{\"Name\":\"hello.txt\",\"Hash\":\"\(hello)\",\"Size\":\"20\"}\n"
    ),
    (
      "add", [KuboWorld.Part(fileName: "", content: Bytes("hello world\n".utf8))],
      "{\"Name\":\"\(hello)\",\"Hash\":\"\(hello)\",\"Size\":\"20\"}\n"
    ),
    (
      "add?cid-version=1", [.file("a&b", "hello world\n")],
      "{\"Name\":\"a\\u0026b\",\"Hash\":\"\(helloRaw)\",\"Size\":\"12\"}\n"
    ),
    (
      "add?wrap-with-directory=true", [.file("example.jpg", "")],
      "{\"Name\":\"example.jpg\",\"Hash\":\"\(empty)\",\"Size\":\"6\"}\n"
        + "{\"Name\":\"\",\"Hash\":\"\(wrapped)\",\"Size\":\"63\"}\n"
    ),
    (
      "pin/ls?type=recursive&arg=\(hello)", nil,
      "{\"Keys\":{\"\(hello)\":{\"Type\":\"recursive\",\"Name\":\"\"}}}\n"
    ),
    (
      "pin/ls?arg=/ipfs/\(wrapped)/example.jpg&stream=true", nil,
      "{\"Cid\":\"\(empty)\",\"Type\":\"indirect through \(wrapped)\"}\n"
    ),
    (
      "add", [.directory("d"), .directory("d/e"), .file("d/example.jpg", "")],
      "{\"Name\":\"d/example.jpg\",\"Hash\":\"\(empty)\",\"Size\":\"6\"}\n"
        + "{\"Name\":\"d/e\",\"Hash\":\"\(emptyDirectory)\",\"Size\":\"4\"}\n"
        + "{\"Name\":\"d\",\"Hash\":\"QmRnpY7WiVHUuwphhwNKRpi5f2yxvetBS7FLuSqpiVBRkN\","
        + "\"Size\":\"110\"}\n"
    ),
    ("pin/add?arg=\(hello)&name=greeting", nil, "{\"Pins\":[\"\(hello)\"]}\n"),
    (
      "pin/ls?arg=\(hello)&names=true&stream=true", nil,
      "{\"Cid\":\"\(hello)\",\"Name\":\"greeting\",\"Type\":\"recursive\"}\n"
    ),
    (
      "pin/update?arg=\(hello)&arg=\(empty)&unpin=false", nil,
      "{\"Pins\":[\"\(hello)\",\"\(empty)\"]}\n"
    ),
    ("pin/rm?arg=\(empty)", nil, "{\"Pins\":[\"\(empty)\"]}\n"),
    (
      "pin/add?arg=\(hello)&progress=true", nil, "{\"Progress\":1}\n{\"Pins\":[\"\(hello)\"]}\n"
    ),
    ("cat?arg=\(hello)", nil, "hello world\n"),
    ("cat?arg=\(hello)&arg=\(helloRaw)&offset=6&length=8", nil, "world\nhe"),
    ("cat?arg=\(hello)&offset=50", nil, ""),
    ("cat?arg=\(hello)&length=0", nil, ""),
    ("cat?arg=/ipfs/\(wrapped)/example.jpg", nil, ""),
    (
      "ls?arg=\(wrapped)", nil,
      "{\"Objects\":[{\"Hash\":\"\(wrapped)\",\"Links\":[{\"Name\":\"example.jpg\","
        + "\"Hash\":\"\(empty)\",\"Size\":0,\"Type\":2,\"Target\":\"\",\"Mode\":0,"
        + "\"ModTime\":\"0001-01-01T00:00:00Z\"}]}]}\n"
    ),
    (
      "ls?arg=\(wrapped)&stream=1&resolve-type=false&size=false", nil,
      "{\"Objects\":[{\"Hash\":\"\(wrapped)\",\"Links\":[{\"Name\":\"example.jpg\","
        + "\"Hash\":\"\(empty)\",\"Size\":0,\"Type\":0,\"Target\":\"\",\"Mode\":0,"
        + "\"ModTime\":\"0001-01-01T00:00:00Z\"}]}]}\n"
    ),
    ("refs?arg=\(wrapped)", nil, "{\"Ref\":\"\(empty)\",\"Err\":\"\"}\n"),
    (
      "refs?arg=\(wrapped)&edges=true", nil,
      "{\"Ref\":\"\(wrapped) -\\u003e \(empty)\",\"Err\":\"\"}\n"
    ),
    ("resolve?arg=/ipfs/\(wrapped)/example.jpg", nil, "{\"Path\":\"/ipfs/\(empty)\"}\n"),
    (
      "block/put", [KuboWorld.Part(content: Bytes("hello world\n".utf8))],
      "{\"Key\":\"\(helloRaw)\",\"Size\":12}\n"
    ),
    ("block/get?arg=\(helloRaw)", nil, "hello world\n"),
    ("block/stat?arg=\(hello)", nil, "{\"Key\":\"\(hello)\",\"Size\":20}\n"),
    (
      "block/stat?arg=\(helloRaw)&cid-base=base16", nil,
      "{\"Key\":\"f01551220a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447\","
        + "\"Size\":12}\n"
    ),
    ("dag/put", [.file("", "{\"hello\":\"world\"}")], "{\"Cid\":{\"/\":\"\(value)\"}}\n"),
    ("dag/get?arg=\(value)", nil, "{\"hello\":\"world\"}"),
    ("dag/get?arg=\(value)/hello", nil, "\"world\""),
    (
      "dag/resolve?arg=\(value)/hello", nil,
      "{\"Cid\":{\"/\":\"\(value)\"},\"RemPath\":\"hello\"}\n"
    ),
    (
      "dag/stat?arg=\(wrapped)&progress=false", nil,
      "{\"UniqueBlocks\":2,\"TotalSize\":63,\"SharedSize\":0,\"Ratio\":1,\"DagStats\":["
        + "{\"Cid\":\"\(wrapped)\",\"Size\":63,\"NumBlocks\":2}]}\n"
    ),
    (
      "dag/get?arg=\(wrapped)", nil,
      "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}},\"Links\":[{\"Hash\":{\"/\":\"\(empty)\"},"
        + "\"Name\":\"example.jpg\",\"Tsize\":6}]}"
    ),
    ("repo/version", nil, "{\"Version\":\"fs-repo@16\"}\n"),
    ("bootstrap/list", nil, "{\"Peers\":[]}\n"),
    (
      "repo/verify", nil,
      "{\"Msg\":\"\",\"Progress\":7}\n"
        + "{\"Msg\":\"verify complete, all blocks validated.\",\"Progress\":0}\n"
    ),
    (
      "block/rm?arg=\(hello)", nil, "{\"Hash\":\"\(hello)\",\"Error\":\"pinned: recursive\"}\n"
    ),
    ("pin/rm?arg=\(helloRaw)", nil, "{\"Pins\":[\"\(helloRaw)\"]}\n"),
    ("block/rm?arg=\(helloRaw)", nil, "{\"Hash\":\"\(helloRaw)\"}\n"),
    (
      "block/rm?arg=\(helloRaw)", nil,
      "{\"Hash\":\"\(helloRaw)\",\"Error\":\"ipld: could not find \(helloRaw)\"}\n"
    ),
    ("block/rm?arg=\(helloRaw)&force=true&quiet=true", nil, ""),
  ]

  @Test("answers are Kubo's, byte for byte")
  func shapes() async throws {
    try await KuboWorld.with { world in
      for step in Self.steps {
        let answer = try await world.post(step.command, step.parts)
        #expect(answer.status == 200, "\(step.command)")
        #expect(answer.text == step.answer, "\(step.command)")
      }
    }
  }

  static let failures: [(command: String, status: Int, answer: String)] = [
    ("nothing", 404, "404 page not found\n"),
    ("cat", 400, "argument \"ipfs-path\" is required"),
    ("add", 400, "file argument 'path' is required"),
    ("pin/add?arg=\(hello)&recursive=perhaps", 400, "could not convert"),
    (
      "cat?arg=\(hello)", 500,
      "{\"Message\":\"block was not found locally (offline): ipld: could not find \(hello)\","
        + "\"Code\":0,\"Type\":\"error\"}\n"
    ),
    (
      "pin/rm?arg=\(hello)", 500,
      "{\"Message\":\"not pinned or pinned indirectly\",\"Code\":0,\"Type\":\"error\"}\n"
    ),
    (
      "pin/ls?arg=\(hello)", 500,
      "{\"Message\":\"path '\(hello)' is not pinned\",\"Code\":0,\"Type\":\"error\"}\n"
    ),
    (
      "swarm/peers", 500,
      "{\"Message\":\"this action must be run in online mode, try running 'ipfs daemon' first\","
        + "\"Code\":0,\"Type\":\"error\"}\n"
    ),
    ("cat?arg=nonsense", 500, "\"Code\":0,\"Type\":\"error\"}\n"),
    ("cat?arg=\(hello)&offset=-1", 500, "cannot specify negative offset"),
    ("pin/ls?type=strange", 500, "invalid type 'strange'"),
    ("get?arg=\(hello)&compress=true", 500, "option \\\"compress\\\""),
  ]

  @Test("failures are Kubo's, with its statuses")
  func refusals() async throws {
    try await KuboWorld.with { world in
      for failure in Self.failures {
        let answer = try await world.post(failure.command)
        #expect(answer.status == failure.status, "\(failure.command)")
        #expect(answer.text.contains(failure.answer), "\(failure.command): \(answer.text)")
      }
    }
  }

  @Test("streams, single objects and bytes are told apart by headers")
  func headers() async throws {
    try await KuboWorld.with { world in
      let added = try await world.post("add", [.file("a", "hello world\n")])
      #expect(added.headers["X-Chunked-Output"] == "1")
      #expect(added.headers["Trailer"] == "X-Stream-Error")
      #expect(added.headers["Content-Type"] == "application/json")
      let cat = try await world.post("cat?arg=\(Self.hello)")
      #expect(cat.headers["X-Stream-Output"] == "1")
      #expect(cat.headers["X-Content-Length"] == "12")
      let version = try await world.post("version")
      #expect(version.headers["X-Chunked-Output"] == nil)
      #expect(version.objects.first?["Version"]?.text == "0.22.0")
    }
  }
}
