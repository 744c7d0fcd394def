#!/usr/bin/python3
"""Runs of ten steps in PyTorch (float64) for `ReferenceRunTests`: losses and parameters.

Usage: /usr/bin/python3 training_reference.py > training_reference.json   (Debian's python3-torch 1.13)
Parameters are one flat vector in Martlet's layout: trainable tensors in order of the layers (dense
[inputs, outputs], convolution [kh, kw, in, out]), then running means and variances.
"""
import json
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
STEPS = 10
ACTIVATIONS = {
    "none": lambda x: x, "relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "gelu": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
}


class Flat:
    """Makes tensors with random values, or reads them back in the same order."""

    def __init__(self, rng):
        self.rng, self.trainable, self.running = rng, [], []

    def tensor(self, *sizes, around=0.0, scale=None):
        scale = scale or (3 / (np.prod(sizes[:-1]) if len(sizes) > 1 else 30)) ** 0.5
        values = around + self.rng.uniform(-scale, scale, sizes)
        tensor = torch.tensor(values.astype(np.float32).astype(np.float64), requires_grad=True)
        self.trainable.append(tensor)
        return tensor

    def vector(self):
        parts = [t.detach().reshape(-1) for t in self.trainable + self.running]
        return torch.cat(parts).tolist()


def dense(flat, inputs, outputs):
    return flat.tensor(inputs, outputs), flat.tensor(outputs)


def mlp(flat, config):
    a = config["architecture"]
    hidden = config.get("hidden_size", [])
    units = [a["input_dim"]] + hidden + [a["output_dim"]]
    layers = [dense(flat, i, o) for i, o in zip(units, units[1:])]

    def forward(x):
        for number, (w, b) in enumerate(layers):
            x = x @ w + b
            if number < len(layers) - 1:
                x = ACTIVATIONS[a["activation"]](x)
        return x
    return forward


def cnn(flat, config):
    a = config["architecture"]
    image, blocks, channels = a["image"], [], a["image"]["channels"]
    side = (image["height"], image["width"])
    for block in a["blocks"]:
        k, s, p, c = block["kernel"], block["stride"], block["padding"], block["channels"]
        w = flat.tensor(k, k, channels, c)
        entry = {"w": w, "spec": block}
        if block["batch_norm"]:
            entry["gain"] = flat.tensor(c, around=1.0)
            entry["bias"] = flat.tensor(c)
            entry["running"] = torch.stack([torch.zeros(c), torch.ones(c)])
            flat.running.append(entry["running"])
        else:
            entry["bias"] = flat.tensor(c)
        channels = c
        side = tuple((n + 2 * p - k) // s + 1 for n in side)
        if "pool" in block:
            side = tuple(n // block["pool"]["size"] for n in side)
        blocks.append(entry)
    units = [side[0] * side[1] * channels] + config.get("hidden_size", []) + [a["output_dim"]]
    layers = [dense(flat, i, o) for i, o in zip(units, units[1:])]

    def forward(x):
        x = x.reshape(-1, image["height"], image["width"], image["channels"]).permute(0, 3, 1, 2)
        for entry in blocks:
            spec = entry["spec"]
            norm = spec["batch_norm"]
            x = F.conv2d(x, entry["w"].permute(3, 2, 0, 1), None if norm else entry["bias"],
                         spec["stride"], spec["padding"])
            if norm:
                x = F.batch_norm(x, entry["running"][0], entry["running"][1], entry["gain"],
                                 entry["bias"], True, 0.1, 1e-5)
            x = ACTIVATIONS[spec["activation"]](x)
            if "pool" in spec:
                pool = F.max_pool2d if spec["pool"]["type"] == "max" else F.avg_pool2d
                x = pool(x, spec["pool"]["size"])
        x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
        for number, (w, b) in enumerate(layers):
            x = x @ w + b
            if number < len(layers) - 1:
                x = ACTIVATIONS[a["activation"]](x)
        return x
    return forward


def transformer(flat, config):
    a = config["architecture"]
    width, heads, context, wide = a["width"], a["heads"], a["context"], a["feed_forward"]

    def norm():
        if a["normalization"] == "layer":
            return flat.tensor(width, around=1.0), flat.tensor(width)
        return flat.tensor(width, around=1.0), None

    def normalise(x, gain, bias):
        if bias is not None:
            return F.layer_norm(x, (width,), gain, bias, 1e-5)
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * gain

    table = flat.tensor(a["vocabulary"], width, scale=0.5)
    positions = flat.tensor(context, width, scale=0.5)
    blocks = []
    for _ in range(a["layers"]):
        n1 = norm()
        qkv, out = dense(flat, width, 3 * width), dense(flat, width, width)
        n2 = norm()
        blocks.append((n1, qkv, out, n2, dense(flat, width, wide), dense(flat, wide, width)))
    last = norm()
    head = dense(flat, width, a["vocabulary"])
    mask = torch.tril(torch.ones(context, context)) == 0

    def attention(x):
        n = x.shape[0]
        q, k, v = [part.reshape(n, context, heads, width // heads).transpose(1, 2)
                   for part in x.split(width, -1)]
        scores = q @ k.transpose(-1, -2) / (width // heads) ** 0.5
        weights = scores.masked_fill(mask, float("-inf")).softmax(-1)
        return (weights @ v).transpose(1, 2).reshape(n, context, width)

    def forward(ids):
        x = table[ids] + positions
        for n1, qkv, out, n2, up, down in blocks:
            x = x + attention(normalise(x, *n1) @ qkv[0] + qkv[1]) @ out[0] + out[1]
            h = ACTIVATIONS[a["activation"]](normalise(x, *n2) @ up[0] + up[1])
            x = x + h @ down[0] + down[1]
        return normalise(x, *last) @ head[0] + head[1]
    return forward


def loss_of(config, y, target):
    loss = config["loss"]
    name = loss if isinstance(loss, str) else loss["type"]
    if name == "cross_entropy":
        return F.cross_entropy(y.reshape(-1, y.shape[-1]), target.reshape(-1))
    if name == "bce":
        return F.binary_cross_entropy_with_logits(y, target)
    if name == "mse":
        return F.mse_loss(y, target)
    if name == "mae":
        return F.l1_loss(y, target)
    return F.huber_loss(y, target, delta=loss["delta"])


def optimizer_of(config, parameters):
    o, rate = dict(config["optimizer"]), config["learning_rate"]
    kind, decay = o.pop("type"), o.pop("weight_decay", 0)
    eps = {"eps": o["epsilon"]} if "epsilon" in o else {}
    if kind in ("sgd", "momentum", "nesterov"):
        return torch.optim.SGD(parameters, rate, momentum=o.get("momentum", 0),
                               nesterov=kind == "nesterov", weight_decay=decay)
    if kind in ("adam", "adamw"):
        make = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        return make(parameters, rate, weight_decay=decay, **eps)
    if kind == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, alpha=o["alpha"],
                                   momentum=o.get("momentum", 0), weight_decay=decay, **eps)
    return torch.optim.Adagrad(parameters, rate, lr_decay=o["lr_decay"], weight_decay=decay, **eps)


def factor(config, step, per_epoch):
    s = config.get("schedule", {"type": "constant"})
    warm = s.get("warmup_steps", 0)
    start = min(1.0, (step + 1) / warm) if warm else 1.0
    epoch = step // per_epoch
    if s["type"] == "step":
        return start * s["factor"] ** (epoch // s["step_epochs"])
    if s["type"] == "exponential":
        return start * s["factor"] ** epoch
    if s["type"] == "cosine":
        done = max(0, step - warm) / (per_epoch * config["epochs"] - warm)
        return start * (s["floor"] + (1 - s["floor"]) * (1 + np.cos(np.pi * done)) / 2)
    return start


def run(name, config, seed):
    rng = np.random.default_rng(seed)
    flat = Flat(rng)
    family = config["model_type"]
    make = {"cnn": cnn, "transformer": transformer}.get(family, mlp)
    forward = make(flat, config)
    a, rows, batch = config["architecture"], config["rows"], config["batch_size"]
    outputs = a.get("output_dim")
    if family == "transformer":
        tokens = rng.integers(0, a["vocabulary"], (rows, a["context"] + 1))
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
    else:
        width = a["input_dim"] if "input_dim" in a else \
            a["image"]["height"] * a["image"]["width"] * a["image"]["channels"]
        inputs = rng.uniform(-1, 1, (rows, width)).astype(np.float32).astype(np.float64)
        if config["loss"] == "cross_entropy":
            targets = rng.integers(0, outputs, rows)
        elif config["loss"] == "bce":
            targets = rng.integers(0, 2, (rows, outputs)).astype(np.float64)
        else:
            targets = rng.uniform(-2, 2, (rows, outputs)).astype(np.float32).astype(np.float64)
    x, t = torch.tensor(inputs), torch.tensor(targets)
    optimizer = optimizer_of(config, flat.trainable)
    result = {"name": name, "start": flat.vector(), "inputs": inputs.reshape(-1).tolist(),
              "targets": targets.reshape(-1).tolist(), "rows": rows}
    per_epoch = -(-rows // batch)
    losses = []
    for step in range(STEPS):
        start = step % per_epoch * batch
        for group in optimizer.param_groups:
            group["lr"] = config["learning_rate"] * factor(config, step, per_epoch)
        optimizer.zero_grad()
        loss = loss_of(config, forward(x[start:start + batch]), t[start:start + batch])
        loss.backward()
        if "gradient_clip" in config:
            torch.nn.utils.clip_grad_norm_(flat.trainable, config["gradient_clip"])
        optimizer.step()
        losses.append(loss.item())
    result["losses"], result["end"] = losses, flat.vector()
    result["config"] = {k: v for k, v in config.items() if k != "rows"}
    return result


def dense_case(family, sizes, activation, loss, optimizer, rate, **more):
    config = {"model_type": family, "architecture": {"input_dim": sizes[0], "output_dim": sizes[-1]},
              "optimizer": optimizer, "loss": loss, "learning_rate": rate, "batch_size": 3,
              "epochs": 4, "rows": 7}
    if family == "mlp":
        config["hidden_size"] = sizes[1:-1]
        config["architecture"]["activation"] = activation
    config.update(more)
    return config


def block(channels, kernel, stride, padding, activation, norm=False, pool=None):
    spec = {"channels": channels, "kernel": kernel, "stride": stride, "padding": padding,
            "activation": activation, "batch_norm": norm}
    if pool:
        spec["pool"] = {"type": pool[0], "size": pool[1]}
    return spec


def image_case(side, blocks, hidden, outputs, optimizer, rate, **more):
    config = {"model_type": "cnn", "hidden_size": hidden, "architecture": {
        "image": {"height": side[0], "width": side[1], "channels": side[2]}, "blocks": blocks,
        "output_dim": outputs, "activation": "relu"}, "optimizer": optimizer,
        "loss": "cross_entropy", "learning_rate": rate, "batch_size": 3, "epochs": 4, "rows": 8}
    config.update(more)
    return config


def text_case(normalization, activation, optimizer, rate, **more):
    config = {"model_type": "transformer", "architecture": {
        "vocabulary": 11, "context": 6, "layers": 2, "width": 8, "heads": 2, "feed_forward": 12,
        "activation": activation, "normalization": normalization}, "optimizer": optimizer,
        "loss": "cross_entropy", "learning_rate": rate, "batch_size": 2, "epochs": 4, "rows": 5}
    config.update(more)
    return config


CASES = [
    ("mlp adam", dense_case("mlp", [6, 8, 5, 3], "tanh", "cross_entropy",
                            {"type": "adam", "weight_decay": 0.01, "epsilon": 1e-6}, 0.01,
                            schedule={"type": "exponential", "factor": 0.7})),
    ("mlp nesterov", dense_case("mlp", [6, 9, 4], "relu", "bce",
                                {"type": "nesterov", "momentum": 0.9, "weight_decay": 0.02}, 0.1,
                                schedule={"type": "step", "step_epochs": 2, "factor": 0.25,
                                          "warmup_steps": 4})),
    ("mlp rmsprop", dense_case("mlp", [5, 7, 2], "gelu", "mse",
                               {"type": "rmsprop", "alpha": 0.9, "momentum": 0.5,
                                "epsilon": 1e-4, "weight_decay": 0.01}, 0.002)),
    ("mlp adagrad", dense_case("mlp", [5, 7, 3], "silu", {"type": "huber", "delta": 0.8},
                               {"type": "adagrad", "lr_decay": 0.1, "epsilon": 1e-6,
                                "weight_decay": 0.01}, 0.05)),
    ("mlp momentum sigmoid", dense_case("mlp", [5, 7, 3], "sigmoid", "cross_entropy",
                                        {"type": "momentum", "momentum": 0.8}, 0.3,
                                        schedule={"type": "cosine", "floor": 0.1,
                                                  "warmup_steps": 3})),
    ("linear mae", dense_case("linear", [5, 2], "", "mae", {"type": "sgd"}, 0.05)),
    ("logistic", dense_case("logistic", [5, 1], "", "bce", {"type": "adam"}, 0.05)),
    ("cnn momentum", image_case((6, 5, 2), [block(4, 3, 1, 1, "relu", pool=("max", 2)),
                                            block(5, 2, 1, 0, "tanh")], [6], 3,
                                {"type": "momentum", "momentum": 0.9, "weight_decay": 0.01}, 0.05)),
    ("cnn batch norm adamw", image_case((7, 7, 1), [
        block(4, 3, 2, 2, "silu", norm=True, pool=("average", 2)),
        block(3, 1, 1, 0, "relu", norm=True)], [], 4,
        {"type": "adamw", "weight_decay": 0.05, "epsilon": 1e-3}, 0.01, gradient_clip=0.5)),
    ("transformer adamw", text_case("layer", "gelu", {
        "type": "adamw", "weight_decay": 0.1, "epsilon": 1e-3}, 0.01, gradient_clip=1.0)),
    ("transformer rms sgd", text_case("rms", "silu", {"type": "sgd"}, 0.2)),
]

print("[" + ",\n".join(json.dumps(run(name, config, number))
                       for number, (name, config) in enumerate(CASES)) + "]")
