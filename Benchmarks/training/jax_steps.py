"""jax's side of TrainingBench: jit, donated buffers, one thread.

  jax_steps.py mlp | mlp-adam | cnn | transformer

Prints jax's version, then for each line N on standard input does N steps and prints the processor
seconds of one. The models are those of `Models.swift`.
"""
import functools
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
try:
    import jax
    import jax.numpy as jnp
except ImportError:
    sys.exit(1)

WIDTH, HEADS, CONTEXT, VOCABULARY, BATCH, LAYERS = 128, 4, 64, 96, 8, 4


def cross_entropy(logits, labels):
    chosen = jnp.take_along_axis(logits, labels[:, None], 1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, 1) - chosen)


def mlp(p, x):
    return jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def cnn(p, x):
    for weights, bias in (("c1", "d1"), ("c2", "d2")):
        x = jax.lax.conv_general_dilated(
            x, p[weights], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + p[bias])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x.reshape(x.shape[0], -1) @ p["w"] + p["b"]


def normalise(x, gain, bias):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * gain + bias


def transformer(p, ids):
    x = p["tokens"][ids] + p["places"]
    mask = jnp.tril(jnp.ones((CONTEXT, CONTEXT), bool))
    for b in p["blocks"]:
        parts = jnp.split(normalise(x, b["g1"], b["h1"]) @ b["qkv"] + b["qkvb"], 3, 2)
        query, key, value = [
            part.reshape(BATCH, CONTEXT, HEADS, -1).transpose(0, 2, 1, 3) for part in parts
        ]
        scores = query @ key.transpose(0, 1, 3, 2) * (WIDTH // HEADS) ** -0.5
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), -1)
        mixed = (weights @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = x + mixed @ b["out"] + b["outb"]
        hidden = jax.nn.gelu(normalise(x, b["g2"], b["h2"]) @ b["up"] + b["upb"])
        x = x + hidden @ b["down"] + b["downb"]
    logits = normalise(x, p["g"], p["h"]) @ p["head"] + p["headb"]
    return logits.reshape(-1, VOCABULARY)


def random(*shape):
    random.key, use = jax.random.split(random.key)
    return jax.random.normal(use, shape) * 0.05


def parameters_of(name):
    zeros, ones = jnp.zeros, jnp.ones
    if name == "mlp":
        return {"w1": random(784, 128), "b1": zeros(128), "w2": random(128, 10), "b2": zeros(10)}
    if name == "cnn":
        return {"c1": random(3, 3, 1, 16), "d1": zeros(16), "c2": random(3, 3, 16, 32),
                "d2": zeros(32), "w": random(1568, 10), "b": zeros(10)}
    blocks = [
        {"g1": ones(WIDTH), "h1": zeros(WIDTH), "g2": ones(WIDTH), "h2": zeros(WIDTH),
         "qkv": random(WIDTH, 3 * WIDTH), "qkvb": zeros(3 * WIDTH),
         "out": random(WIDTH, WIDTH), "outb": zeros(WIDTH),
         "up": random(WIDTH, 4 * WIDTH), "upb": zeros(4 * WIDTH),
         "down": random(4 * WIDTH, WIDTH), "downb": zeros(WIDTH)} for _ in range(LAYERS)
    ]
    return {"tokens": random(VOCABULARY, WIDTH), "places": random(CONTEXT, WIDTH),
            "blocks": blocks, "g": ones(WIDTH), "h": zeros(WIDTH),
            "head": random(WIDTH, VOCABULARY), "headb": zeros(VOCABULARY)}


def data_of(name):
    random.key, use = jax.random.split(random.key)
    if name == "transformer":
        ids = jax.random.randint(use, (BATCH, CONTEXT), 0, VOCABULARY)
        return ids, ids.reshape(-1)
    shape = (32, 784) if name == "mlp" else (32, 28, 28, 1)
    return random(*shape), jax.random.randint(use, (32,), 0, 10)


def adam(p, gradient, state):
    first, second, count = state
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    rate, fix = 1e-3 / (1 - 0.9 ** count), jax.lax.rsqrt(1 - 0.999 ** count)
    p = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) * fix + 1e-8), p, first, second)
    return p, (first, second, count)


def main():
    random.key = jax.random.key(0)
    full_name = sys.argv[1]
    name = full_name.removesuffix("-adam")
    network = {"mlp": mlp, "cnn": cnn, "transformer": transformer}[name]
    p, (inputs, labels) = parameters_of(name), data_of(name)
    state = None
    if full_name in ("mlp-adam", "transformer"):
        state = (jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), jnp.float32(0))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(p, state):
        gradient = jax.grad(lambda q: cross_entropy(network(q, inputs), labels))(p)
        if state is not None:
            return adam(p, gradient, state)
        return jax.tree.map(lambda w, g: w - 0.1 * g, p, gradient), None

    for _ in range(5):
        p, state = step(p, state)
    jax.block_until_ready(p)
    print(f"jax {jax.__version__}", flush=True)
    for line in sys.stdin:
        count = int(line)
        start = time.process_time()
        for _ in range(count):
            p, state = step(p, state)
        jax.block_until_ready(p)
        print((time.process_time() - start) / count, flush=True)


main()
