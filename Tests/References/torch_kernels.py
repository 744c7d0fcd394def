#!/usr/bin/python3
"""Writes torch_kernels.json and torch_kernels.f32: every layer, loss and optimizer of the
kernels by PyTorch in binary64, from fixed inputs. Needs Debian's python3-torch (1.13).

Usage: /usr/bin/python3 Tests/References/torch_kernels.py

A case is one operation (Sources/C/CKernels/include/operations.h): sizes, constants, inputs and
expected outputs as [offset, count, integers?] in the .f32 file (cells of 32 bits, little-endian).
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

FLAGS = {"transpose_a": 1, "transpose_b": 2, "accumulate": 4, "causal": 8, "nesterov": 16}
KINDS = {"relu": 1, "tanh": 2, "sigmoid": 3, "gelu": 4, "silu": 5}
random = np.random.default_rng(20261121)
cells = bytearray()
places = {}
cases = []


def store(array):
    """Appends an array that is not there yet; returns where it lies."""
    array = array.detach().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    integers = array.dtype.kind in "iu"
    data = array.astype("<u4" if array.dtype.kind == "u" else "<i4" if integers else "<f4").ravel()
    if data.tobytes() not in places:
        places[data.tobytes()] = len(cells) // 4
        cells.extend(data.tobytes())
    return [places[data.tobytes()], data.size, int(integers)]


def case(operation, sizes, inputs, outputs, constants=(), flags=(), initial=None, name=None):
    """inputs, outputs: slot -> array; initial: output slot -> what it holds before."""
    cases.append({
        "name": name or operation, "operation": operation, "sizes": list(sizes),
        "constants": [float(np.float32(c)) for c in constants],
        "flags": sum(FLAGS[f] for f in flags),
        "inputs": {str(slot): store(a) for slot, a in inputs.items()},
        "outputs": {str(slot): store(a) for slot, a in outputs.items()},
        "initial": {str(slot): store(a) for slot, a in (initial or {}).items()},
    })


def draw(*shape, scale=1.0):
    """Normal numbers that binary32 holds exactly, as a leaf in binary64."""
    values = random.normal(size=shape).astype("f4") * np.float32(scale)
    return torch.tensor(values.astype("f8"), requires_grad=True)


def gradients(y, dy, *leaves):
    return torch.autograd.grad(y, leaves, dy)


def elementwise():
    functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
                 "gelu": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu}
    for kind, function in functions.items():
        x = draw(83, scale=2.5)
        with torch.no_grad():
            x[:6] = torch.tensor([0.0, 1e-3, -1e-3, 12.0, -12.0, 0.625])
        y, dy = function(x), draw(83)
        saved = x if kind in ("gelu", "silu") else y
        case("activation", [83, KINDS[kind]], {0: x}, {0: y}, name=f"activation {kind}")
        case("activation_backward", [83, KINDS[kind]], {0: dy, 1: saved},
             {0: gradients(y, dy, x)[0]}, name=f"activation_backward {kind}")
    a, b, x = draw(11, 21), draw(21, 19), draw(11, 19)
    case("matmul", [11, 19, 21], {0: a, 1: b}, {0: a @ b})
    case("matmul", [11, 19, 21], {0: a.T, 1: b.T}, {0: x + a @ b}, initial={0: x},
         flags=["transpose_a", "transpose_b", "accumulate"], name="matmul transposed onto c")
    bias = draw(19)
    case("bias", [11, 19], {0: x, 1: bias}, {0: x + bias})
    case("bias_relu", [11, 19], {0: x, 1: bias}, {0: torch.relu(x + bias)})
    case("column_sums", [11, 19], {0: x}, {0: x.sum(0)})
    case("add", [209], {0: x, 1: a[:, :19].contiguous()}, {0: x + a[:, :19]})
    case("multiply", [209], {0: x, 1: a[:, :19].contiguous()}, {0: x * a[:, :19]})
    case("scale", [209], {0: x}, {0: x * 0.25}, [0.25])
    period = draw(3, 19)
    case("add_broadcast", [9, 19, 3], {0: x[:9], 1: period}, {0: x[:9] + period.repeat(3, 1)})
    case("transpose", [2, 5, 19], {0: x[:10]}, {0: x[:10].reshape(2, 5, 19).transpose(1, 2)})
    case("softmax", [11, 19], {0: x}, {0: torch.softmax(x, 1)})


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def windows():
    for n, h, w, cin, cout, k, s, p in [(2, 7, 6, 3, 5, 3, 1, 1), (3, 8, 9, 2, 9, 3, 2, 0),
                                        (1, 5, 5, 4, 17, 5, 1, 2)]:
        x, weights = draw(n, cin, h, w), draw(cout, cin, k, k)
        y = F.conv2d(x, weights, stride=s, padding=p)
        dy = draw(*y.shape)
        dx, dw = gradients(y, dy, x, weights)
        sizes, ours = [n, h, w, cin, cout, k, s, p], weights.permute(2, 3, 1, 0)
        label = f"{k}x{k} stride {s} padding {p}"
        case("conv", sizes, {0: nhwc(x), 1: ours}, {0: nhwc(y)}, name=f"conv {label}")
        case("conv_weights", sizes, {0: nhwc(x), 1: nhwc(dy)}, {0: dw.permute(2, 3, 1, 0)},
             name=f"conv_weights {label}")
        case("conv_input", sizes, {0: nhwc(dy), 1: ours}, {0: nhwc(dx)},
             name=f"conv_input {label}")
    for n, h, w, c, k, s, p in [(2, 6, 8, 5, 2, 2, 0), (2, 7, 9, 3, 3, 2, 1), (1, 5, 4, 17, 3, 1, 1)]:
        sizes, label = [n, h, w, c, k, s, p], f"{k}x{k} stride {s} padding {p}"
        x = draw(n, c, h, w)
        y, taken = F.max_pool2d(x, k, s, p, return_indices=True)
        dy = draw(*y.shape)
        case("max_pool", sizes, {0: nhwc(x)}, {0: nhwc(y), 1: nhwc(taken)},
             name=f"max_pool {label}")
        case("max_pool_backward", sizes, {0: nhwc(dy), 1: nhwc(taken)},
             {0: nhwc(gradients(y, dy, x)[0])}, name=f"max_pool_backward {label}")
        y = F.avg_pool2d(x, k, s, p)
        case("average_pool", sizes, {0: nhwc(x)}, {0: nhwc(y)}, [1 / k**2],
             name=f"average_pool {label}")
        case("average_pool_backward", sizes, {0: nhwc(dy)},
             {0: nhwc(gradients(y, dy, x)[0])}, [1 / k**2], name=f"average_pool_backward {label}")


def norms():
    rows, columns, epsilon = 13, 37, 1e-5
    x, dy, addend = draw(rows, columns, scale=3), draw(rows, columns), draw(rows, columns)
    gain, bias = draw(columns), draw(columns)
    y = F.layer_norm(x, [columns], gain, bias, epsilon)
    mean, inverse = x.mean(1), 1 / torch.sqrt(x.var(1, unbiased=False) + epsilon)
    saved = torch.stack([mean, inverse], 1)
    dx, dgain, dbias = gradients(y, dy, x, gain, bias)
    case("layer_norm", [rows, columns], {0: x, 1: gain, 2: bias}, {0: y, 1: saved},
         [epsilon, 1 / columns])
    case("layer_norm_backward", [rows, columns], {0: dy, 1: x, 2: gain, 3: saved},
         {0: dx, 1: dgain, 2: dbias}, [1 / columns])
    case("layer_norm_backward", [rows, columns], {0: dy, 1: x, 2: gain, 3: saved, 4: addend},
         {0: dx + addend, 1: dgain, 2: dbias}, [1 / columns], name="layer_norm_backward onto")
    inverse = 1 / torch.sqrt((x * x).mean(1) + epsilon)
    y = x * inverse[:, None] * gain
    dx, dgain = gradients(y, dy, x, gain)
    case("rms_norm", [rows, columns], {0: x, 1: gain}, {0: y, 1: inverse}, [epsilon, 1 / columns])
    case("rms_norm_backward", [rows, columns], {0: dy, 1: x, 2: gain, 3: inverse, 4: addend},
         {0: dx + addend, 1: dgain}, [1 / columns])
    rows, channels, momentum = 300, 5, 0.1
    x, dy, gain, bias = draw(rows, channels), draw(rows, channels), draw(channels), draw(channels)
    start = torch.stack([draw(channels), draw(channels).abs() + 0.5]).detach()
    running = start.clone()
    y = F.batch_norm(x, running[0], running[1], gain, bias, True, momentum, epsilon)
    saved = torch.stack([x.mean(0), 1 / torch.sqrt(x.var(0, unbiased=False) + epsilon)])
    dx, dgain, dbias = gradients(y, dy, x, gain, bias)
    case("batch_norm", [rows, channels], {0: x, 1: gain, 2: bias}, {0: y, 1: saved, 2: running},
         [epsilon, 1 / rows, momentum, 1 - momentum, rows / (rows - 1)], initial={2: start})
    case("batch_norm_backward", [rows, channels], {0: dy, 1: x, 2: gain, 3: saved},
         {0: dx, 1: dgain, 2: dbias}, [1 / rows])
    case("batch_norm_inference", [40, channels], {0: x[:40], 1: gain, 2: bias, 3: start},
         {0: F.batch_norm(x[:40], start[0], start[1], gain, bias, False, momentum, epsilon)},
         [epsilon])


def sequences():
    rows, columns, vocabulary = 23, 18, 9
    ids = torch.tensor(random.integers(0, vocabulary, rows))
    table, dy = draw(vocabulary, columns), draw(rows, columns)
    y = F.embedding(ids, table)
    case("embedding", [rows, columns, vocabulary], {0: ids, 1: table}, {0: y})
    case("embedding_backward", [rows, columns, vocabulary], {0: ids, 1: dy},
         {0: gradients(y, dy, table)[0]})
    for batch, time, heads, dim, causal in [(2, 21, 2, 8, True), (1, 33, 3, 5, True),
                                            (2, 10, 1, 16, False)]:
        width = heads * dim
        qkv, dy = draw(batch, time, 3 * width), draw(batch, time, width)
        q, k, v = (z.view(batch, time, heads, dim).transpose(1, 2) for z in qkv.split(width, 2))
        scores = q @ k.transpose(2, 3) / math.sqrt(dim)
        if causal:
            mask = torch.triu(torch.ones(time, time, dtype=torch.bool), 1)
            scores = scores.masked_fill(mask, -math.inf)
        p = torch.softmax(scores, 3)
        y = (p @ v).transpose(1, 2).reshape(batch, time, width)
        sizes, flags = [batch, time, heads, dim], ["causal"] if causal else []
        label = f"{batch}x{time}, {heads} heads of {dim}, causal {causal}"
        case("attention", sizes, {0: qkv}, {0: y, 1: p}, [1 / math.sqrt(dim)], flags,
             name=f"attention {label}")
        case("attention_backward", sizes, {0: dy, 1: qkv, 2: p}, {0: gradients(y, dy, qkv)[0]},
             [1 / math.sqrt(dim)], flags, name=f"attention_backward {label}")


def losses():
    rows, columns = 17, 21
    x, labels = draw(rows, columns, scale=4), torch.tensor(random.integers(0, columns, rows))
    each = F.cross_entropy(x, labels, reduction="none")
    case("softmax_cross_entropy", [rows, columns], {0: x, 1: labels},
         {0: gradients(each.mean(), None, x)[0], 1: each}, [1 / rows])
    case("classify", [rows, columns], {0: x, 1: labels}, {0: each, 1: x.argmax(1)})
    case("mean", [rows], {0: each}, {0: each.mean().reshape(1)}, [1 / rows])
    x, t = draw(rows, columns, scale=6), draw(rows, columns)
    with torch.no_grad():
        x[0, :4] = torch.tensor([0.0, 30.0, -30.0, 90.0])
    probability = torch.sigmoid(2 * t).detach()
    probability = torch.where(probability > 0.9, 1.0, probability).float().double()
    factors = [1 / (rows * columns), 1 / columns]
    for name, target, function, extra in [
            ("binary_cross_entropy", probability, F.binary_cross_entropy_with_logits, []),
            ("mean_squared_error", t, F.mse_loss, []), ("mean_absolute_error", t, F.l1_loss, []),
            ("huber", t, lambda a, b, reduction: F.huber_loss(a, b, reduction, 1.25), [1.25])]:
        each = function(x, target, reduction="none")
        case(name, [rows, columns], {0: x, 1: target},
             {0: gradients(each.mean(), None, x)[0], 1: each.mean(1)}, factors + extra)


def optimizer_cases(name, make, cells_of, constants, slots, flags=(), label=None):
    """Steps 1 to 3 of an optimizer, each from PyTorch's state before it."""
    w = torch.nn.Parameter(draw(45).detach())
    optimizer = make([w])
    state = [torch.zeros(45, dtype=torch.float64) for _ in slots]
    for step in (1, 2, 3):
        before = [w.detach().clone()] + [s.clone() for s in state]
        w.grad = draw(45).detach()
        optimizer.step()
        held = optimizer.state[w]
        state = [held[slot].detach().clone() for slot in slots]
        after = [w.detach().clone()] + state
        case(name, [45], {0: w.grad, 1: np.array(cells_of(step), "f8")},
             dict(enumerate(after)), constants, flags, dict(enumerate(before)),
             f"{label or name}, step {step}")


def optimizers():
    optim, rate, decay = torch.optim, 0.02, 0.03
    optimizer_cases("sgd", lambda p: optim.SGD(p, rate), lambda t: [rate], [], [])
    for nesterov in (False, True):
        optimizer_cases("momentum",
                        lambda p: optim.SGD(p, rate, 0.9, 0, decay, nesterov), lambda t: [rate],
                        [0.9, decay], ["momentum_buffer"], ["nesterov"] if nesterov else [],
                        "nesterov" if nesterov else "momentum")
    moments = [0.9, 1 - 0.9, 0.999, 1 - 0.999, 1e-8]

    def corrections(t):
        return [rate / (1 - 0.9**t), 1 / math.sqrt(1 - 0.999**t)]
    optimizer_cases("adam", lambda p: optim.Adam(p, rate, weight_decay=decay), corrections,
                    moments + [decay], ["exp_avg", "exp_avg_sq"])
    optimizer_cases("adamw", lambda p: optim.AdamW(p, rate, weight_decay=decay),
                    lambda t: corrections(t) + [1 - rate * decay], moments,
                    ["exp_avg", "exp_avg_sq"])
    optimizer_cases("rmsprop", lambda p: optim.RMSprop(p, rate, 0.99, 1e-8, decay),
                    lambda t: [rate], [0.99, 1 - 0.99, 1e-8, decay, 0], ["square_avg"])
    optimizer_cases("rmsprop", lambda p: optim.RMSprop(p, rate, 0.99, 1e-8, decay, 0.8),
                    lambda t: [rate], [0.99, 1 - 0.99, 1e-8, decay, 0.8],
                    ["square_avg", "momentum_buffer"], label="rmsprop with momentum")
    optimizer_cases("adagrad", lambda p: optim.Adagrad(p, rate, 0.1, decay),
                    lambda t: [rate / (1 + (t - 1) * 0.1)], [1e-10, decay], ["sum"])
    g = draw(4500).detach()
    norm = g.norm().reshape(1)
    case("gradient_norm", [4500], {0: g}, {0: norm})
    for largest in (1.5, 1e4):
        w = torch.nn.Parameter(torch.zeros(120, dtype=torch.float64))
        w.grad = g[:120].clone()
        total = torch.nn.utils.clip_grad_norm_([w], largest)
        case("clip", [120], {0: total.reshape(1)}, {0: w.grad}, [largest], initial={0: g[:120]},
             name=f"clip to {largest:g}")


for part in (elementwise, windows, norms, sequences, losses, optimizers):
    part()
here = pathlib.Path(__file__).resolve().parent
(here / "torch_kernels.f32").write_bytes(cells)
lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
(here / "torch_kernels.json").write_text("[\n" + lines + "\n]\n")
print(len(cases), "cases,", len(cells), "bytes")
