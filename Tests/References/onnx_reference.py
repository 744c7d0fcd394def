"""Writes onnx/: models and what onnxruntime answers (python3 onnx_reference.py).

Made with onnx 1.23.2, onnxruntime 1.31.1 and NumPy 2.4.6; the three networks are written by PyTorch 1.13.1's
exporter where `torch` can be imported (python3 onnx_reference.py --networks), so that names and nodes are
those users meet. operators.json has one small model for each operator and form.
"""
import json
import os
import sys

import numpy as np

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx")
os.makedirs(folder, exist_ok=True)
random = np.random.default_rng(31)


def entry(array):
    kind = "floats" if array.dtype.kind == "f" else "integers"
    return {"shape": list(array.shape), kind: array.ravel().tolist()}


def write_networks():
    import torch
    from torch import nn

    torch.manual_seed(4)

    class Block(nn.Module):
        """One block of a transformer over 2 heads, its mask a constant."""

        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(11, 8)
            self.norm = nn.LayerNorm(8)
            self.qkv = nn.Linear(8, 24)
            self.out = nn.Linear(8, 8)
            self.head = nn.Linear(8, 11)
            self.register_buffer("mask", torch.full((5, 5), -1e9).triu(1))

        def forward(self, tokens):
            x = self.table(tokens)
            q, k, v = self.qkv(self.norm(x)).reshape(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
            a = (q @ k.transpose(2, 3) / 2 + self.mask).softmax(3) @ v
            x = x + self.out(a.transpose(1, 2).reshape(2, 5, 8))
            return self.head(nn.functional.gelu(x))

    networks = {
        "mlp": (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), torch.randn(5, 4)),
        "cnn": (
            nn.Sequential(
                nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(4, 6, 3, stride=2), nn.LeakyReLU(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                nn.Linear(6, 3), nn.Softmax(1)), torch.randn(2, 1, 9, 8)),
        "transformer": (Block(), torch.randint(0, 11, (2, 5))),
    }
    for name, (network, example) in networks.items():
        if name == "cnn":
            network.train()
            network(torch.randn(16, 1, 9, 8))
        network.eval()
        torch.onnx.export(network, example, os.path.join(folder, name + ".onnx"), opset_version=15,
                          input_names=["x"], output_names=["y"])
        with open(os.path.join(folder, name + ".json"), "w") as file:
            json.dump({"x": entry(example.detach().numpy())}, file)


def write_operators():
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    def floats(*shape):
        return random.normal(0, 1, shape).astype(np.float32)

    def positive(*shape):
        return (random.random(shape) + 0.1).astype(np.float32)

    def ints(values):
        return np.array(values, dtype=np.int64)

    cases = []

    def case(title, operator, inputs, weights=(), opset=18, outputs=1, **attributes):
        names = [f"x{i}" for i in range(len(inputs))]
        weight_names = [f"w{i}" for i in range(len(weights))]
        node = helper.make_node(operator, names + weight_names, [f"y{i}" for i in range(outputs)],
                                **attributes)
        kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT64}
        graph = helper.make_graph(
            [node], "graph",
            [helper.make_tensor_value_info(n, kinds[v.dtype.kind], v.shape)
             for n, v in zip(names, inputs)],
            [helper.make_tensor_value_info(f"y{i}", TensorProto.UNDEFINED, None)
             for i in range(outputs)],
            [numpy_helper.from_array(v, n) for n, v in zip(weight_names, weights)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        try:
            inferred = onnx.shape_inference.infer_shapes(model)
            if all(v.type.tensor_type.elem_type for v in inferred.graph.output):
                model = inferred
        except Exception:
            pass
        data = model.SerializeToString()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        results = session.run(None, dict(zip(names, inputs)))
        cases.append({
            "title": title, "model": data.hex(), "inputs": [entry(v) for v in inputs],
            "outputs": [entry(v.astype(np.int64) if v.dtype.kind in "bi" else v) for v in results]})

    for operator in ("Add", "Sub", "Mul"):
        case(operator, operator, [floats(2, 3), floats(2, 3)])
        case(operator + " broadcast", operator, [floats(2, 1, 4), floats(3, 1)])
    case("Div", "Div", [floats(3, 4), positive(4)])
    case("Add of integers", "Add", [ints([1, 2, 3]), ints([10])])
    case("Div of integers", "Div", [ints([7, -7, 9]), ints([2])])
    case("Pow", "Pow", [positive(3, 4), floats(4)])
    case("Pow of negative numbers", "Pow", [floats(3, 4), np.array([2.0], dtype=np.float32)])
    for operator in ("Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Neg", "Identity", "LeakyRelu"):
        case(operator, operator, [floats(4, 5) * 3])
    case("LeakyRelu 0.2", "LeakyRelu", [floats(7)], alpha=0.2)
    case("Sqrt", "Sqrt", [positive(5)])
    case("Gelu", "Gelu", [floats(4, 5) * 2], opset=20)
    case("Gelu by tanh", "Gelu", [floats(4, 5) * 2], opset=20, approximate="tanh")
    case("Clip", "Clip", [floats(9)], [np.float32(-0.5), np.float32(0.25)])
    case("Clip by attributes", "Clip", [floats(9)], opset=8, min=-0.5, max=0.5)
    case("Cast to integers", "Cast", [floats(9) * 5], to=TensorProto.INT64)
    case("Cast to floats", "Cast", [ints([3, -4, 0])], to=TensorProto.FLOAT)
    case("Constant", "Constant", [], value=numpy_helper.from_array(floats(2, 2)))
    case("MatMul", "MatMul", [floats(3, 4), floats(4, 5)])
    case("MatMul in batches", "MatMul", [floats(2, 1, 3, 4), floats(3, 4, 2)])
    case("MatMul of a row", "MatMul", [floats(4), floats(2, 4, 3)])
    case("MatMul by a column", "MatMul", [floats(2, 3, 4), floats(4)])
    case("MatMul of two rows", "MatMul", [floats(4), floats(4)])
    case("Gemm", "Gemm", [floats(3, 4)], [floats(4, 5), floats(5)])
    case("Gemm turned", "Gemm", [floats(4, 3)], [floats(5, 4), floats(3, 1)], transA=1, transB=1,
         alpha=0.5, beta=2.0)
    case("Conv", "Conv", [floats(2, 3, 7, 6)], [floats(4, 3, 3, 3), floats(4)])
    case("Conv with strides and padding", "Conv", [floats(2, 3, 7, 6)], [floats(4, 3, 3, 2)],
         strides=[2, 1], pads=[1, 0, 2, 1])
    case("Conv with gaps", "Conv", [floats(1, 2, 9, 9)], [floats(3, 2, 3, 3)], dilations=[2, 3])
    case("Conv in groups", "Conv", [floats(2, 4, 5, 5)], [floats(6, 2, 3, 3), floats(6)], group=2)
    case("Conv of equal size", "Conv", [floats(1, 2, 6, 5)], [floats(3, 2, 3, 2)], auto_pad="SAME_UPPER",
         strides=[2, 2])
    case("Conv of equal size, lower", "Conv", [floats(1, 2, 6, 5)], [floats(3, 2, 4, 2)],
         auto_pad="SAME_LOWER")
    case("MaxPool", "MaxPool", [floats(2, 3, 6, 7)], kernel_shape=[2, 3], strides=[2, 2],
         pads=[1, 1, 0, 1])
    case("MaxPool rounding up", "MaxPool", [floats(1, 2, 6, 6)], kernel_shape=[3, 3], strides=[2, 2],
         ceil_mode=1)
    case("AveragePool", "AveragePool", [floats(2, 3, 6, 7)], kernel_shape=[3, 2], strides=[2, 1],
         pads=[1, 1, 1, 0])
    case("AveragePool counting padding", "AveragePool", [floats(2, 3, 6, 7)], kernel_shape=[3, 2],
         strides=[2, 1], pads=[1, 1, 1, 0], count_include_pad=1)
    case("AveragePool rounding up", "AveragePool", [floats(1, 2, 6, 6)], kernel_shape=[3, 3],
         strides=[2, 2], ceil_mode=1)
    case("GlobalAveragePool", "GlobalAveragePool", [floats(2, 3, 4, 5)])
    case("BatchNormalization", "BatchNormalization", [floats(2, 3, 4, 4)],
         [floats(3), floats(3), floats(3), positive(3)], epsilon=0.01)
    case("LayerNormalization", "LayerNormalization", [floats(2, 3, 5)], [floats(5), floats(5)])
    case("LayerNormalization of two dimensions", "LayerNormalization", [floats(2, 3, 5)],
         [floats(3, 5)], axis=-2, epsilon=0.1)
    case("Softmax", "Softmax", [floats(2, 3, 4) * 4])
    case("Softmax along the middle", "Softmax", [floats(2, 3, 4) * 4], axis=1)
    case("Softmax of old", "Softmax", [floats(2, 3, 4) * 4], opset=11, axis=1)
    case("ReduceMean", "ReduceMean", [floats(2, 3, 4)], [ints([-1, 0])], keepdims=0)
    case("ReduceMean by attributes", "ReduceMean", [floats(2, 3, 4)], opset=13, axes=[1])
    case("ReduceMean of all", "ReduceMean", [floats(2, 3, 4)])
    case("Flatten", "Flatten", [floats(2, 3, 4)])
    case("Flatten at the end", "Flatten", [floats(2, 3, 4)], axis=3)
    case("Reshape", "Reshape", [floats(2, 3, 4)], [ints([0, -1, 2])])
    case("Transpose", "Transpose", [floats(2, 3, 4)], perm=[2, 0, 1])
    case("Transpose reversed", "Transpose", [floats(2, 3, 4)])
    case("Concat", "Concat", [floats(2, 3), floats(2, 1), floats(2, 2)], axis=-1)
    case("Concat of integers", "Concat", [ints([1, 2]), ints([3])], axis=0)
    case("Gather", "Gather", [floats(4, 3)], [ints([[0, -1], [2, 2]])])
    case("Gather of columns", "Gather", [floats(4, 3)], [np.array(1, dtype=np.int64)], axis=1)
    case("Squeeze", "Squeeze", [floats(1, 3, 1)], [ints([0])])
    case("Squeeze all", "Squeeze", [floats(1, 3, 1)])
    case("Squeeze by attributes", "Squeeze", [floats(1, 3, 1)], opset=11, axes=[-1])
    case("Unsqueeze", "Unsqueeze", [floats(3, 2)], [ints([0, -1])])
    case("Shape", "Shape", [floats(3, 2)])
    case("Slice", "Slice", [floats(4, 5)], [ints([1, -3]), ints([9, -1]), ints([0, 1])])
    case("Split", "Split", [floats(4, 5)], [ints([2, 3])], axis=1, outputs=2)
    case("Split equally", "Split", [floats(4, 6)], opset=13, axis=1, outputs=3)
    case("Dropout", "Dropout", [floats(3, 2)])

    for name in ("mlp", "cnn", "transformer"):
        with open(os.path.join(folder, name + ".json")) as file:
            given = json.load(file)["x"]
        x = np.array(given.get("floats", given.get("integers")),
                     dtype=np.float32 if "floats" in given else np.int64).reshape(given["shape"])
        session = onnxruntime.InferenceSession(os.path.join(folder, name + ".onnx"),
                                               providers=["CPUExecutionProvider"])
        with open(os.path.join(folder, name + ".json"), "w") as file:
            json.dump({"x": entry(x), "y": entry(session.run(None, {"x": x})[0])}, file)
            file.write("\n")
    with open(os.path.join(folder, "operators.json"), "w") as file:
        json.dump(cases, file)
        file.write("\n")
    print(len(cases), "operators")


if "--networks" in sys.argv:
    write_networks()
else:
    write_operators()
