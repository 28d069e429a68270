"""How fast PyTorch selects semi-hard triplets and derives the triplet loss: prints one JSON object.

    python3 torch_mining.py --n 8192 --device cuda

The same selection as mineTriplets: for every ordered pair of one label the nearest negative with
d(a, p) < d(a, n) < d(a, p) + margin. The distances are an n x n matrix, as one writes it in PyTorch; the pairs are looked
up row by row in blocks so that nothing of n x n x n is made. With --x and --labels, files of float32 and int32, it works on
these; else on random ones.
"""

import argparse
import json
import statistics
import time

import torch


def distances(x):
    norms = (x * x).sum(1)
    return (norms[:, None] + norms[None, :] - 2 * x @ x.T).clamp(min=0)


def semi_hard(d, labels, margin, block=64):
    """Indices of anchors, positives and negatives."""
    same = labels[:, None] == labels[None, :]
    found = []
    for first in range(0, len(labels), block):
        rows = slice(first, min(first + block, len(labels)))
        pairs = same[rows].clone()
        pairs[torch.arange(rows.stop - first), torch.arange(first, rows.stop)] = False
        anchor, positive = pairs.nonzero(as_tuple=True)
        anchor = anchor + first
        to_positive = d[anchor, positive][:, None]
        candidates = d[anchor]
        outside = same[anchor] | (candidates <= to_positive) | (candidates >= to_positive + margin)
        nearest, negative = candidates.masked_fill(outside, float("inf")).min(1)
        kept = nearest.isfinite()
        found.append(torch.stack([anchor[kept], positive[kept], negative[kept]]))
    return torch.cat(found, 1)


def step(x, labels, margin):
    """Loss and its gradient with respect to x."""
    x = x.detach().requires_grad_()
    with torch.no_grad():
        a, p, n = semi_hard(distances(x), labels, margin)
    loss = torch.relu(((x[a] - x[p]) ** 2).sum(1) + margin - ((x[a] - x[n]) ** 2).sum(1)).sum()
    loss.backward()
    return loss, x.grad, len(a)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1800)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--faces", type=int, default=40, help="rows of one label")
    parser.add_argument("--margin", type=float, default=0.2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--x", help="n x dimensions, normalised")
    parser.add_argument("--labels")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    if arguments.x:
        x = torch.from_file(arguments.x, size=arguments.n * arguments.dimensions).view(arguments.n, arguments.dimensions)
        labels = torch.from_file(arguments.labels, size=arguments.n, dtype=torch.int32).long()
    else:
        centres = torch.randn(-(-arguments.n // arguments.faces), arguments.dimensions)
        labels = torch.arange(arguments.n) // arguments.faces
        x = torch.nn.functional.normalize(centres[labels] + 1.2 * torch.randn(arguments.n, arguments.dimensions))
    x, labels = x.to(arguments.device), labels.to(arguments.device)

    def wait():
        if arguments.device != "cpu":
            torch.cuda.synchronize()

    def timed(run):
        """The median after two calls that warm up, and what the last call returned."""
        times = []
        for _ in range(arguments.repeats):
            wait()
            start = time.perf_counter()
            result = run()
            wait()
            times.append(time.perf_counter() - start)
        return statistics.median(times[2:]), result

    with torch.no_grad():
        selection, _ = timed(lambda: semi_hard(distances(x), labels, arguments.margin))
    seconds, (loss, _, triplets) = timed(lambda: step(x, labels, arguments.margin))
    print(json.dumps({"n": arguments.n, "device": arguments.device, "torch": torch.__version__,
                      "threads": arguments.threads, "selectionSeconds": selection, "seconds": seconds,
                      "loss": float(loss), "triplets": triplets}))


if __name__ == "__main__":
    main()
