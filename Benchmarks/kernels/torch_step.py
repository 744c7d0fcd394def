"""The step that KernelBench compares with: prints PyTorch's version, then for each line N on
standard input does N steps of MLP 784-128-10, batch 32, SGD, and prints seconds of one."""
import sys
import time

try:
    import torch
    import torch.nn.functional as functional
except ImportError:
    sys.exit(1)

torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(32, 784)
y = torch.randint(0, 10, (32,))


def step():
    optimizer.zero_grad()
    functional.cross_entropy(model(x), y).backward()
    optimizer.step()


for _ in range(20):
    step()
print(torch.__version__, flush=True)
for line in sys.stdin:
    count = int(line)
    start = time.process_time()
    for _ in range(count):
        step()
    print((time.process_time() - start) / count, flush=True)
