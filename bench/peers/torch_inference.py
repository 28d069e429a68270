"""How fast PyTorch runs a model file on the GPU: prints one JSON object.

    python3 torch_inference.py nn2.safetensors --batch 256 --mode max-autotune

bf16, channels_last, batch norms folded, cudnn.benchmark, images on the device as uint8. Modes: `eager`; `graph`, eager
captured as a CUDA graph; and those of torch.compile: `default`, `reduce-overhead`, `max-autotune`.
"""

import argparse
import json
import time

import torch

from torch_graph import load
from torch_timing import median_seconds


def captured(run, images):
    """`run(images)` as a CUDA graph, after runs on a side stream as PyTorch asks for."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run(images)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = run(images)
    return graph, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--mode", default="default")
    arguments = parser.parse_args()

    torch.backends.cudnn.benchmark = True
    module = load(arguments.model, fold=True).eval().cuda().to(torch.bfloat16, memory_format=torch.channels_last)
    module.compute_dtype = torch.bfloat16
    size = module.graph["input"]
    images = torch.randint(0, 256, (arguments.batch, size["height"], size["width"], 3), dtype=torch.uint8, device="cuda")
    start = time.perf_counter()
    with torch.inference_mode():
        run = module
        if arguments.mode not in ("eager", "graph"):
            run = torch.compile(module, mode=None if arguments.mode == "default" else arguments.mode)
        for _ in range(3):
            run(images)
        torch.cuda.synchronize()
        prepared = time.perf_counter() - start
        if arguments.mode == "graph":
            graph, _ = captured(run, images)
            seconds = median_seconds(graph.replay)
        else:
            seconds = median_seconds(lambda: run(images))
    print(json.dumps({
        "model": module.graph["name"],
        "batch": arguments.batch,
        "mode": arguments.mode,
        "secondsABatch": seconds,
        "imagesPerSecond": arguments.batch / seconds,
        "secondsToPrepare": prepared,
        "peakBytes": torch.cuda.max_memory_allocated(),
    }))


if __name__ == "__main__":
    main()
