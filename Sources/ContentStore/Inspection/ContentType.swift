/// What the bytes of a file look like; the name is stored in records and verdicts.
public enum ContentType: String, Hashable, Sendable, CaseIterable {
  // Models
  case safetensors
  case gguf
  case onnx
  case hdf5
  /// A zip archive with a pickle in it, as `torch.save` writes.
  case torchArchive = "torch"
  case pickle
  // Arrays and tables
  case npy
  case npz
  case parquet
  case arrow
  case sqlite
  case csv
  case json
  case text
  // Pictures, sound, papers
  case png
  case jpeg
  case gif
  case webp
  case tiff
  case bmp
  case wave
  case flac
  case ogg
  case pdf
  // Archives and compressed bytes, which are not looked into
  case zip
  case tar
  case gzip
  case zstd
  case xz
  case bzip2
  /// A program for some machine: ELF, PE, Mach-O, WebAssembly.
  case program
  /// Text that begins with `#!`.
  case script
  /// Nothing known.
  case unknown

  /// Types whose reader runs code that the file names.
  public var isExecutable: Bool {
    switch self {
    case .pickle, .torchArchive, .program, .script: true
    case .safetensors, .gguf, .onnx, .hdf5, .npy, .npz, .parquet, .arrow, .sqlite, .csv, .json,
      .text, .png, .jpeg, .gif, .webp, .tiff, .bmp, .wave, .flac, .ogg, .pdf, .zip, .tar, .gzip,
      .zstd, .xz, .bzip2, .unknown:
      false
    }
  }
}
