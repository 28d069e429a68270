"""Training steps in PyTorch, one per line of stdin; each answer is one JSON object with the seconds of the step.

    python3 torch_steps.py nn2.safetensors --batch 32 --faces 4 --threads 2 --dtype bf16

A step is forward (channels_last, local response normalisation as shifted slices), the hinges of all triplets of the batch, backward
and AdaGrad, on random images. With bf16 the forward pass runs under autocast. --compile lets torch.compile fuse it, which needs a C++
compiler.
"""

import argparse
import json
import sys
import time

import torch

from torch_graph import load


def hinges(x, labels, margin):
    """The mean hinge of all triplets, as one sum over n x n x n."""
    distances = torch.cdist(x, x) ** 2
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(x), dtype=torch.bool)
    wanted = positive[:, :, None] & ~same[:, None, :]
    hinge = torch.relu(distances[:, :, None] + margin - distances[:, None, :]) * wanted
    return hinge.sum() / (hinge > 0).sum().clamp(min=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--faces", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    module = load(arguments.model).train().to(memory_format=torch.channels_last)
    forward = torch.compile(module) if arguments.compile else module
    optimizer = torch.optim.Adagrad(module.parameters(), lr=1e-4, initial_accumulator_value=0.1)
    size = module.graph["input"]
    generator = torch.Generator().manual_seed(1)
    shape = (arguments.batch, size["height"], size["width"], 3)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.arange(arguments.batch) // arguments.faces

    print(json.dumps({"torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.dtype == "bf16"):
            x = forward(images)
        optimizer.zero_grad()
        hinges(x.float(), labels, 0.2).backward()
        optimizer.step()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main()
