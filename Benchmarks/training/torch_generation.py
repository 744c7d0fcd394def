"""PyTorch's side of the generation in TrainingBench, on one thread, with a cache of keys and values.

  torch_generation.py LAYERS WIDTH HEADS CONTEXT VOCABULARY

Prints PyTorch's version, then for each line N on standard input reads N tokens one by one (the
context is full after the last) and prints the processor seconds of one.
"""
import sys
import time

try:
    import torch
    import torch.nn.functional as functional
    from torch import nn
except ImportError:
    sys.exit(1)

LAYERS, WIDTH, HEADS, CONTEXT, VOCABULARY = map(int, sys.argv[1:])
SIZE = WIDTH // HEADS


class Block(nn.Module):
    """Pre-norm attention to all tokens so far, and feed-forward, each beside a residual."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.keys, self.values = torch.zeros(HEADS, CONTEXT, SIZE), torch.zeros(HEADS, CONTEXT, SIZE)

    def forward(self, x, place):
        query, key, value = self.qkv(self.norm1(x)).view(3, HEADS, 1, SIZE)
        self.keys[:, place:place + 1], self.values[:, place:place + 1] = key, value
        scores = query @ self.keys[:, :place + 1].transpose(1, 2) * SIZE ** -0.5
        mixed = functional.softmax(scores, -1) @ self.values[:, :place + 1]
        x = x + self.out(mixed.view(1, WIDTH))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY)

    def forward(self, token, place):
        x = (self.tokens.weight[token] + self.places.weight[place]).view(1, WIDTH)
        for block in self.blocks:
            x = block(x, place)
        return self.head(self.norm(x))


def read(model, count):
    for place in range(count):
        model(place % VOCABULARY, place)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Transformer().eval()
    with torch.inference_mode():
        read(model, CONTEXT)
        print(f"PyTorch {torch.__version__}", flush=True)
        for line in sys.stdin:
            count = int(line)
            start = time.process_time()
            read(model, count)
            print((time.process_time() - start) / count, flush=True)


main()
