"""PyTorch's side of TrainingBench, on one thread.

  torch_steps.py mlp | mlp-adam | cnn | transformer

Prints PyTorch's version, then for each line N on standard input does N steps and prints the
processor seconds of one. The models are those of `Models.swift`.
"""
import sys
import time

try:
    import torch
    import torch.nn.functional as functional
    from torch import nn
except ImportError:
    sys.exit(1)

WIDTH, HEADS, CONTEXT, VOCABULARY, BATCH = 128, 4, 64, 96, 8


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each beside a residual."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.register_buffer("mask", torch.triu(torch.ones(CONTEXT, CONTEXT).bool(), 1))

    def forward(self, x):
        batch, time_steps, width = x.shape
        parts = self.qkv(self.norm1(x)).split(width, 2)
        query, key, value = [
            part.view(batch, time_steps, HEADS, width // HEADS).transpose(1, 2) for part in parts
        ]
        scores = (query @ key.transpose(2, 3)) * (width // HEADS) ** -0.5
        weights = functional.softmax(scores.masked_fill(self.mask, float("-inf")), -1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(batch, time_steps, width))
        hidden = functional.gelu(self.up(self.norm2(x)), approximate="tanh")
        return x + self.down(hidden)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.places = nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.02)
        self.blocks = nn.Sequential(*[Block() for _ in range(4)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, ids):
        return self.head(self.norm(self.blocks(self.tokens(ids) + self.places)))


def model_named(name):
    """(model, optimizer, inputs, labels)."""
    if name.startswith("mlp"):
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        inputs, labels = torch.randn(32, 784), torch.randint(0, 10, (32,))
    elif name == "cnn":
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1568, 10))
        inputs, labels = torch.randn(32, 1, 28, 28), torch.randint(0, 10, (32,))
    else:
        model = Transformer()
        inputs = torch.randint(0, VOCABULARY, (BATCH, CONTEXT))
        labels = torch.randint(0, VOCABULARY, (BATCH * CONTEXT,))
    plain = name in ("mlp", "cnn")
    optimizer = (torch.optim.SGD(model.parameters(), lr=0.1) if plain
                 else torch.optim.Adam(model.parameters(), lr=1e-3))
    return model, optimizer, inputs, labels


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, optimizer, inputs, labels = model_named(sys.argv[1])

    def step():
        optimizer.zero_grad()
        logits = model(inputs)
        functional.cross_entropy(logits.view(len(labels), -1), labels).backward()
        optimizer.step()

    for _ in range(5):
        step()
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        count = int(line)
        start = time.process_time()
        for _ in range(count):
            step()
        print((time.process_time() - start) / count, flush=True)


main()
