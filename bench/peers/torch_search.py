"""How fast PyTorch finds the exact nearest rows of a gallery: prints one JSON object.

    python3 torch_search.py gallery.f32 queries.f32 --dimensions 128 --k 10 --threads 2

Both files hold rows of little-endian float32. The gallery goes by in blocks, as one writes it in PyTorch where n x m
distances do not fit: a product of matrices, the k best of a block, and the k best of all blocks. The block is the fastest of
some that are tried first.
"""

import argparse
import json
import statistics
import time

import torch


def read(path, dimensions):
    with open(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).view(-1, dimensions)


def search(queries, gallery, lengths, k, block):
    """Indices of the k nearest; |q|^2 is the same for all rows of a gallery and so is left out."""
    best = indices = None
    for first in range(0, len(gallery), block):
        rows = gallery[first:first + block]
        distances = torch.addmm(lengths[first:first + block], queries, rows.T, alpha=-2)
        near, at = distances.topk(min(k, len(rows)), largest=False)
        at = at + first
        if best is not None:
            near, at = torch.cat([best, near], 1), torch.cat([indices, at], 1)
            near, order = near.topk(min(k, near.shape[1]), largest=False)
            at = at.gather(1, order)
        best, indices = near, at
    return indices


def timed(*arguments):
    start = time.perf_counter()
    indices = search(*arguments)
    return time.perf_counter() - start, indices


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gallery")
    parser.add_argument("queries")
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    gallery = read(arguments.gallery, arguments.dimensions)
    queries = read(arguments.queries, arguments.dimensions)
    lengths = (gallery * gallery).sum(1)
    blocks = [4096, 16384, 65536]
    part = gallery[:65536]
    tried = {block: timed(queries, part, lengths, arguments.k, block)[0] for block in blocks}
    block = min(tried, key=tried.get)
    runs = [timed(queries, gallery, lengths, arguments.k, block) for _ in range(arguments.rounds)]
    print(json.dumps({"torch": torch.__version__, "threads": arguments.threads, "block": block,
                      "seconds": statistics.median(seconds for seconds, _ in runs),
                      "indices": runs[0][1].flatten().tolist()}))


if __name__ == "__main__":
    main()
