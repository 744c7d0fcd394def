import Consensus
import ContentNode
import ContentStore
import Coordinator
import Cryptography
import IPFSClient
import Ledger
import MartletClient
import Networking
import NeuralNetworks
import Node
import Peering
import Persistence
import Primitives
import UsefulWork

extension CommandFailure {
  /// The words for an error of any layer.
  init(describing error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as HomeError: self.init(error.description, hint: error.hint)
    case let error as FileError: self.init(error.description, hint: error.hint)
    case let error as WriteAheadLogError: self.init(error.description, hint: error.hint)
    case let error as BlockLogError: self.init(error)
    case let error as SocketError: self.init(error)
    case let error as NodeError: self.init(error)
    case let error as NetworkClientError: self.init(error)
    case let error as SessionOrderError:
      self.init("\(error)", hint: "see `martlet fl create-session --help`")
    case PeerError.socket(let error): self.init(error)
    case let error as PeerError: self.init(error)
    case let error as BlockStoreError: self.init(error)
    case let error as IPFSClientError: self.init(error)
    case let error as GzipError: self.init("cannot unpack: \(error)", hint: "pack it with gzip")
    case let error as TLSError:
      self.init(error.description, hint: "give PEM files with --tls-cert and --tls-key")
    case let error as ReceiptError:
      self.init("the receipt proves nothing: \(error)", hint: "ask for it again")
    case let error as LedgerError:
      self.init(error.sentence, hint: "`martlet ledger account` shows what accounts hold")
    case let error as DecodingFailure: self.init(error)
    case let error as RPCError: self.init(error)
    case let error as NetworkFileError: self.init(error)
    case let error as NetworkFileFault: self.init(error.description, hint: error.hint, code: .usage)
    case let error as LocalTrainingError: self.init(error)
    case let error as DatasetError:
      self.init("\(error)", hint: "compare the data with the model's configuration")
    case let error as WorkError: self.init("\(error)", hint: "see `martlet train --help`")
    default: self.init(describingContent: error)
    }
  }

  private init(describingContent error: any Error) {
    switch error {
    case let error as ContentFetchError: self.init(error)
    case let error as LibraryError: self.init(error)
    case let error as HoldError: self.init(error)
    case let error as OrderError: self.init(error)
    case let error as StorageContentError: self.init(error)
    case let error as ContentError: self.init("\(error)", hint: "check the CID", code: .notFound)
    default:
      self.init("\(error)", hint: "if this looks wrong, report it with the command that you ran")
    }
  }

  private init(_ error: PeerError) {
    self.init(
      error.description, hint: "check the address and that the coordinator runs",
      code: .unreachable)
  }

  private init(_ error: RPCError) {
    self.init(error.message, hint: error.hint.isEmpty ? "see its log" : error.hint)
  }

  private init(_ error: DecodingFailure) {
    self.init(error.description, hint: "it is not the file that was written")
  }

  private init(_ error: NetworkFileError) {
    self.init(
      error.description, hint: error.hint, code: error.fault == nil ? .notFound : .failed)
  }

  private init(_ error: LocalTrainingError) {
    let code: ExitCode =
      switch error {
      case .missingFile, .dataMissing, .noCommitment: .notFound
      case .noSuchSegment, .unknownFormat: .usage
      default: .failed
      }
    self.init(error.description, hint: error.hint, code: code)
  }

  private init(_ error: BlockLogError) {
    switch error {
    case .log(let error): self.init(error.description, hint: error.hint)
    case .wrongGenesis:
      self.init(
        "the stored chain begins with another genesis document",
        hint: "use the home that the chain was made with")
    case .invalidBlock(let height, let reason):
      self.init(
        "the stored block \(height) is damaged: \(reason)", hint: "restore it from a backup")
    }
  }

  private init(_ error: BlockStoreError) {
    let hint =
      switch error {
      case .locked: "stop that process, or choose another --home"
      case .diskFull: "free some space; nothing that was acknowledged is lost"
      case .permissionDenied: "check the owner and mode of the directory"
      case .notFound: "check the CID"
      case .notAFile: "name a file, or add a directory with -r"
      case .treeTooLarge: "add its parts one by one"
      case .exists: "choose another path"
      case .busy: "try again in a moment"
      case .notPinned: "see `martlet content pin ls`"
      case .pinnedRecursively: "remove that pin first"
      case .pinNameTooLong: "choose a shorter name"
      case .pinTooLarge: "pin its parts one by one"
      case .collectionRunning: "wait for its end"
      case .system, .index, .unsupportedFormat, .corrupt, .digestMismatch, .blockTooLarge,
        .inUse, .notReferenced, .closed:
        "see docs/specs/block-store.md"
      }
    let code: ExitCode =
      switch error {
      case .notFound, .notPinned: .notFound
      default: .failed
      }
    self.init(error.description, hint: hint, code: code)
  }

  private init(_ error: SocketError) {
    switch error {
    case .addressInUse:
      self.init(
        "\(error)", hint: "choose another port with --port or --listen, or 0 for a free one")
    default: self.init("\(error)", hint: "check the address", code: .unreachable)
    }
  }

  private init(_ error: NodeError) {
    switch error {
    case .wrongCoordinator(let expected, let actual):
      self.init(
        "the address names \(expected), but \(actual) answered",
        hint: "ask the coordinator's owner for its address; somebody may sit in between",
        code: .refused)
    case .otherChain(let expected, let found):
      self.init(
        "the coordinator's chain is \(found.hex), this home knows \(expected.hex)",
        hint: "use another --home for another network", code: .refused)
    case .refused(let refusal):
      self.init(
        refusal.message, hint: refusal.hint.isEmpty ? "see its log" : refusal.hint,
        code: .refused)
    case .notConnected:
      self.init("there is no coordinator", hint: "check --join", code: .unreachable)
    case .wrongContent(let reason): self.init(reason, hint: "check the coordinator")
    }
  }
}
