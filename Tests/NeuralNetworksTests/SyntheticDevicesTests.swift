import Primitives
import Testing

@testable import NeuralNetworks

/// Reference values: Tests/References/synthetic_devices.py.
@Suite struct SyntheticDevicesTests {
  private func devices(_ item: JSONValue) throws -> SyntheticDevices {
    if item["identical"]?.bool == true { return SyntheticDevices(identicalWithSeed: 5) }
    return SyntheticDevices(
      alpha: try #require(item["alpha"]?.double), beta: try #require(item["beta"]?.double), seed: 5)
  }

  @Test("devices are those of a program written from the paper")
  func reference() throws {
    let items = try #require(
      JSONValue(parsing: Reference.bytes("synthetic_devices.json")).elements)
    #expect(items.count == 4)
    for item in items {
      let number = Int(try #require(item["number"]?.integer))
      let device = try devices(item).device(number)
      let labels = try #require(item["labels"]?.elements).map { Int32(try #require($0.integer)) }
      #expect(device.labels == labels)
      let first = try #require(item["first"]?.elements).map { try #require($0.double) }
      let last = try #require(item["last"]?.elements).map { try #require($0.double) }
      let count = SyntheticDevices.inputs
      for place in 0..<count {
        #expect(abs(Double(device.features[place]) - first[place]) < 1e-6)
        let end = device.features.count - count + place
        #expect(abs(Double(device.features[end]) - last[place]) < 1e-6)
      }
      for (value, name) in [
        (device.weights[599], "weight"), (device.biases[9], "bias"), (device.means[59], "mean"),
      ] {
        #expect(abs(value - (try #require(item[name]?.double))) < 1e-12)
      }
    }
  }

  @Test("normal numbers have the moments of the normal distribution")
  func moments() {
    var random = NormalStream(PhiloxStream(seed: 3, domain: .federatedData, index: 0))
    let count = 100_000
    let numbers = random.numbers(count)
    let moment = { (power: Int) in
      numbers.reduce(0.0) { sum, x in sum + (0..<power).reduce(1.0) { y, _ in y * x } }
        / Double(count)
    }
    // Five standard errors: √(1, 2, 15, 96) / √100,000.
    #expect(abs(moment(1)) < 0.016)
    #expect(abs(moment(2) - 1) < 0.023)
    #expect(abs(moment(3)) < 0.062)
    #expect(abs(moment(4) - 3) < 0.155)
  }

  @Test("variances fall as j to the power −1.2, and alpha and beta spread the devices' means")
  func definition() {
    let spread = { (devices: SyntheticDevices) -> (models: Double, data: Double) in
      var models = 0.0
      var data = 0.0
      for number in 0..<200 {
        let device = devices.device(number)
        let weight = device.weights.reduce(0, +) / Double(device.weights.count)
        let mean = device.means.reduce(0, +) / Double(device.means.count)
        models += weight * weight / 200
        data += mean * mean / 200
      }
      return (models, data)
    }
    // E = α + 1/600 and β + 1/60; five standard errors of a variance are 5·√(2/200) = 50 %.
    let zero = spread(SyntheticDevices(alpha: 0, beta: 0, seed: 1, samplesMax: 50))
    #expect(abs(zero.models * 600 - 1) < 0.5 && abs(zero.data * 60 - 1) < 0.5)
    let one = spread(SyntheticDevices(alpha: 1, beta: 2, seed: 1, samplesMax: 50))
    #expect(abs(one.models - 1) < 0.5 && abs(one.data / 2 - 1) < 0.5)

    let device = SyntheticDevices(alpha: 0, beta: 0, seed: 2, samplesMax: 20_000).device(0)
    let rows = device.labels.count
    for place in [0, 1, 9, 59] {
      let squares = (0..<rows).reduce(0.0) { sum, row in
        let x = Double(device.features[row * 60 + place]) - device.means[place]
        return sum + x * x
      }
      let expected = Elementary.power(Double(place + 1), -1.2)
      let error = 5 * (2 / Double(rows)).squareRoot()
      #expect(abs(squares / Double(rows) / expected - 1) < error, "feature \(place)")
    }
  }

  @Test("a device's examples are nine parts training and one part test, a function of the seed")
  func parts() throws {
    let devices = SyntheticDevices(alpha: 1, beta: 1, seed: 9)
    let (train, test) = try devices.examples(of: 4)
    #expect(train.rows == (train.rows + test.rows) * 9 / 10)
    #expect((50...1_000).contains(train.rows + test.rows))
    #expect(train.inputs == 60 && train.classes == 10)
    #expect(try devices.examples(of: 4).train.digest == train.digest)
    #expect(try devices.examples(of: 5).train.digest != train.digest)
    let other = SyntheticDevices(alpha: 1, beta: 1, seed: 10)
    #expect(try other.examples(of: 4).train.digest != train.digest)
  }
}
