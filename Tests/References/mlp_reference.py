"""Writes mlp_reference.json: SGD steps of small networks in NumPy float64, the oracle of the tests.

usage: python3 mlp_reference.py > mlp_reference.json
Inputs are float32 numbers written exactly; results are float64.
"""
import json

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def loss_and_gradient(units, w, x, y):
    layers, offset, activations = [], 0, [x]
    for inputs, outputs in zip(units, units[1:]):
        weight = w[offset : offset + inputs * outputs].reshape(inputs, outputs)
        bias = w[offset + inputs * outputs : offset + (inputs + 1) * outputs]
        layers.append((offset, weight, bias))
        z = activations[-1] @ weight + bias
        activations.append(z if len(layers) == len(units) - 1 else np.maximum(z, 0))
        offset += (inputs + 1) * outputs
    p = softmax(activations[-1])
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean()
    d = p.copy()
    d[rows, y] -= 1
    d /= len(y)
    gradient = np.zeros_like(w)
    for index in reversed(range(len(layers))):
        offset, weight, bias = layers[index]
        g = np.concatenate([(activations[index].T @ d).ravel(), d.sum(0)])
        gradient[offset : offset + len(g)] = g
        if index:
            d = (d @ weight.T) * (activations[index] > 0)
    return loss, gradient


def case(seed, units, batch, steps, rate, momentum, decay):
    random = np.random.default_rng(seed)
    count = sum((a + 1) * b for a, b in zip(units, units[1:]))
    w = (random.standard_normal(count) * 0.4).astype(np.float32)
    x = random.standard_normal((batch, units[0])).astype(np.float32)
    y = random.integers(0, units[-1], batch)
    start = w.astype(np.float64)
    loss, gradient = loss_and_gradient(units, start, x.astype(np.float64), y)
    v = np.zeros(count)
    now = start.copy()
    f = lambda number: float(np.float32(number))
    for _ in range(steps):
        _, g = loss_and_gradient(units, now, x.astype(np.float64), y)
        v = f(momentum) * v + g + f(decay) * now
        now = now - f(rate) * v
    return {
        "units": units, "rate": rate, "momentum": momentum, "decay": decay, "steps": steps,
        "parameters": [float(n) for n in w], "features": [float(n) for n in x.ravel()],
        "labels": [int(n) for n in y], "loss": float(loss),
        "gradient": [float(n) for n in gradient], "result": [float(n) for n in now],
    }


print(json.dumps([
    case(1, [5, 7, 4], 6, 1, 0.1, 0, 0),
    case(2, [3, 2], 1, 5, 0.5, 0, 0),
    case(3, [17, 33, 18, 10], 9, 4, 0.1, 0, 0),
    case(4, [8, 16, 5], 20, 6, 0.05, 0.9, 0.01),
]))
