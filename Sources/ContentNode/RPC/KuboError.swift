package import ContentStore
import Networking
import Persistence
import Primitives

/// Why a command of the Kubo RPC was refused. Texts are Kubo's where it has one.
package enum KuboError: Error, Equatable {
  /// A command is missing something, or has too much.
  case argumentMissing(name: String)
  case tooManyArguments(limit: Int)
  /// An option's value cannot be read.
  case malformedOption(name: String, value: String, expected: String)
  /// An option asks for what this node does not do.
  case unsupportedOption(name: String, value: String, hint: String)
  /// The body has no part where one is needed.
  case fileMissing(name: String)
  case upload(MultipartError)
  /// The path is not one to content.
  case malformedPath(String, reason: String)
  case noSuchLink(name: String, under: CID)
  /// Nobody was asked for the block because the node is offline.
  case blockNotFoundOffline(CID)
  case isDirectory
  case isNotFile
  case negative(name: String)
  case notPinned
  case pathNotPinned(String)
  case invalidPinType(String)
  case tooLargeToList(limit: Int, hint: String)
  case blockTooLarge(limit: Int)
  case unknownConfigurationKey(String)
  case verificationFailed
  case busy

  /// The status of the answer: what a client got wrong before anything ran is 400, as in Kubo.
  var status: HTTPStatus {
    switch self {
    case .argumentMissing, .tooManyArguments, .malformedOption, .fileMissing: .badRequest
    case .busy: .unavailable
    case .unsupportedOption, .upload, .malformedPath, .noSuchLink, .blockNotFoundOffline,
      .isDirectory, .isNotFile, .negative, .notPinned, .pathNotPinned, .invalidPinType,
      .tooLargeToList, .blockTooLarge, .unknownConfigurationKey, .verificationFailed:
      .internalError
    }
  }
}

extension KuboError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .argumentMissing(let name): "argument \"\(name)\" is required"
    case .tooManyArguments(let limit): "expected at most \(limit) argument(s)"
    case .malformedOption(let name, let value, let expected):
      "could not convert value \"\(value)\" of option \"\(name)\" to \(expected)"
    case .unsupportedOption(let name, let value, let hint):
      "option \"\(name)\" with value \"\(value)\" is not supported by this node: \(hint)"
    case .fileMissing(let name): "file argument '\(name)' is required"
    case .upload(let error): "the upload cannot be read: \(error)"
    case .malformedPath(let path, let reason): "invalid path \"\(path)\": \(reason)"
    case .noSuchLink(let name, let cid): "no link named \"\(name)\" under \(cid)"
    case .blockNotFoundOffline(let cid):
      "block was not found locally (offline): ipld: could not find \(cid)"
    case .isDirectory: "this dag node is a directory"
    case .isNotFile: "this dag node is not a regular file"
    case .negative(let name): "cannot specify negative \(name)"
    case .notPinned: "not pinned or pinned indirectly"
    case .pathNotPinned(let path): "path '\(path)' is not pinned"
    case .invalidPinType(let type):
      "invalid type '\(type)', must be one of {direct, indirect, recursive, all}"
    case .tooLargeToList(let limit, let hint): "there are more than \(limit) entries: \(hint)"
    case .blockTooLarge(let limit):
      "produced block is over \(limit) bytes: big blocks can't be exchanged with other peers. "
        + "consider using UnixFS for automatic chunking of bigger files"
    case .unknownConfigurationKey(let key): "failed to get config value: \"\(key)\" key not found"
    case .verificationFailed: "verify complete, some blocks were corrupt"
    case .busy: "too many requests wait for this node: try again"
    }
  }

  /// What Kubo would say of an error of the layers below.
  static func message(_ error: any Error) -> String {
    switch error {
    case ContentError.noSuchEntry(let cid, let name):
      "\(KuboError.noSuchLink(name: name, under: cid))"
    case ContentError.missingBlock(let cid): "\(KuboError.blockNotFoundOffline(cid))"
    case ContentError.notAFile(_, let found) where found == "a directory":
      "\(KuboError.isDirectory)"
    case ContentError.notAFile: "\(KuboError.isNotFile)"
    case ContentError.malformedPath(let path, let reason):
      "\(KuboError.malformedPath(path, reason: reason))"
    case BlockStoreError.notPinned: "\(KuboError.notPinned)"
    case ComputePoolError.full, ComputePoolError.stopped, BlockStoreError.busy:
      "\(KuboError.busy)"
    case let error as HTTPBodyError: "the upload broke off: \(error)"
    default: "\(error)"
    }
  }
}
