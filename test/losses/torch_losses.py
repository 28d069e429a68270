"""Values of losses and their gradients by PyTorch's autograd, for losses.test.ts and steps.test.ts.

    python3 test/losses/torch_losses.py > test/losses/torch_losses.json

Formulas are written as pytorch-metric-learning 2.8 and AdaFace's authors have them, in fp64. Inputs are drawn by the generator of
test/support/random.ts, so that they need not be stored.
"""

import json
import math

import torch

torch.set_default_dtype(torch.float64)
ROWS, DIMENSIONS, CLASSES, FEATURES, STEPS, RATE = 10, 6, 4, 7, 20, 0.05
LABELS = [0, 0, 1, 1, 1, 2, 2, 3, 0, 1]  # class 3 has one row
M32 = 0xFFFFFFFF


def grid(count, seed):
    """gridValues(count, seeded(seed))"""
    state = ((seed * 0x9E3779B1) ^ 0x2545F491 | 1) & M32
    values = []
    for _ in range(count):
        state ^= (state << 13) & M32
        state ^= state >> 17
        state ^= (state << 5) & M32
        values.append((-128 + math.floor(state / 2**32 * 256)) / 64)
    return torch.tensor(values)


def normalize(rows):
    return torch.nn.functional.normalize(rows, dim=1)


def masks(labels):
    same = labels[:, None] == labels[None, :]
    return same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def softmax_loss(x, w, labels, own, others=lambda cosine: cosine, factor=1.0):
    """own(cosines of each row to its class), of all angles: the softmax over classes."""
    cosine = others(normalize(x) @ normalize(w).T)
    rows = torch.arange(len(labels))
    logits = cosine.clone()
    logits[rows, labels] = own(cosine[rows, labels])
    return torch.nn.functional.cross_entropy(logits * factor, labels)


def angle(cosine):
    return torch.acos(torch.clamp(cosine, -1 + 1e-7, 1 - 1e-7))


def arcface(x, w, labels, margin=28.6, scale=64):
    margin = math.radians(margin)

    def own(cosine):
        theta = angle(cosine)
        return torch.where(
            theta <= math.pi - margin, torch.cos(theta + margin), torch.cos(theta) - margin * math.sin(margin)
        )

    return softmax_loss(x, w, labels, own, factor=scale)


def cosface(x, w, labels, margin=0.35, scale=64):
    return softmax_loss(x, w, labels, lambda cosine: cosine - margin, factor=scale)


def sphereface(x, w, labels, margin=4, scale=1):
    def own(cosine):
        k = (angle(cosine) / (math.pi / margin)).floor().detach()
        terms = [
            (-1) ** n * math.comb(margin, 2 * n) * cosine ** (margin - 2 * n) * (1 - cosine**2) ** n
            for n in range(margin // 2 + 1)
        ]
        return (-1) ** k * sum(terms) - 2 * k

    return softmax_loss(x, w, labels, own, factor=x.norm(dim=1, keepdim=True) * scale)


def adaface(x, w, labels, margin=0.4, scale=64, h=0.333, tAlpha=0.01, state=None):
    state = state if state is not None else [20.0, 100.0]
    lengths = torch.clamp(x.norm(dim=1), 1e-3, 100).detach()
    state[0] = float(tAlpha * lengths.mean() + (1 - tAlpha) * state[0])
    state[1] = float(tAlpha * lengths.std() + (1 - tAlpha) * state[1])
    quality = torch.clamp(h * (lengths - state[0]) / (state[1] + 1e-3), -1, 1)

    def own(cosine):
        theta = torch.clamp(torch.acos(cosine) - margin * quality, 1e-3, math.pi - 1e-3)
        return torch.cos(theta) - (margin + margin * quality)

    return softmax_loss(x, w, labels, own, lambda cosine: torch.clamp(cosine, -1 + 1e-3, 1 - 1e-3), scale)


def proxy_anchor(x, w, labels, margin=0.1, alpha=32):
    cosine = normalize(x) @ normalize(w).T
    own = torch.nn.functional.one_hot(labels, len(w)).bool()
    positive = torch.where(own, torch.exp(-alpha * (cosine - margin)), 0.0).sum(0)
    negative = torch.where(own, 0.0, torch.exp(alpha * (cosine + margin))).sum(0)
    return torch.log1p(positive).sum() / own.any(0).sum() + torch.log1p(negative).mean()


def nt_xent(x, _, labels, temperature=0.07):
    positives, negatives = masks(labels)
    s = normalize(x) @ normalize(x).T / temperature
    denominators = torch.where(negatives, torch.exp(s), 0.0).sum(1)
    terms = [
        -torch.log(torch.exp(s[a, p]) / (torch.exp(s[a, p]) + denominators[a]))
        for a in range(len(labels))
        for p in range(len(labels))
        if positives[a, p]
    ]
    return torch.stack(terms).mean()


def multi_similarity(x, _, labels, alpha=2, beta=50, base=0.5, epsilon=0.1):
    positives, negatives = masks(labels)
    s = normalize(x) @ normalize(x).T
    with torch.no_grad():  # MultiSimilarityMiner
        least = torch.where(positives, s, math.inf).min(1, keepdim=True).values
        largest = torch.where(negatives, s, -math.inf).max(1, keepdim=True).values
        near, far = positives & (s - epsilon < largest), negatives & (s + epsilon > least)
    ofNear = torch.log1p(torch.where(near, torch.exp(-alpha * (s - base)), 0.0).sum(1)) / alpha
    ofFar = torch.log1p(torch.where(far, torch.exp(beta * (s - base)), 0.0).sum(1)) / beta
    return (ofNear + ofFar).mean()


KINDS = {
    "arcface": arcface,
    "cosface": cosface,
    "sphereface": sphereface,
    "adaface": adaface,
    "proxy-anchor": proxy_anchor,
    "nt-xent": nt_xent,
    "multi-similarity": multi_similarity,
}
WITH_CLASSES = ["arcface", "cosface", "sphereface", "adaface", "proxy-anchor"]
# kind, constants that are not its defaults, what rows are multiplied by
CASES = [
    ("arcface", {}, 1),
    ("arcface", {"margin": 120, "scale": 8}, 1),
    ("cosface", {}, 1),
    ("cosface", {"margin": 0.1, "scale": 10}, 1),
    ("sphereface", {}, 1),
    ("sphereface", {"margin": 3, "scale": 0.5}, 1),
    ("adaface", {}, 8),
    ("adaface", {"margin": 0.3, "scale": 10, "h": 2, "tAlpha": 0.9}, 8),
    ("proxy-anchor", {}, 1),
    ("proxy-anchor", {"margin": 0.2, "alpha": 4}, 1),
    ("nt-xent", {}, 1),
    ("nt-xent", {"temperature": 0.5}, 1),
    ("multi-similarity", {}, 1),
    ("multi-similarity", {"alpha": 3, "beta": 10, "base": 0.2, "epsilon": 2}, 1),
]


def rounded(tensor):
    return [float(f"{value:.8g}") for value in tensor.flatten().tolist()]


def case(kind, options, factor):
    x = (grid(ROWS * DIMENSIONS, 1).reshape(ROWS, DIMENSIONS) * factor).requires_grad_()
    w = grid(CLASSES * DIMENSIONS, 2).reshape(CLASSES, DIMENSIONS).requires_grad_()
    loss = KINDS[kind](x, w, torch.tensor(LABELS), **options)
    loss.backward()
    found = {"loss": float(f"{loss.item():.10g}"), "gradient": rounded(x.grad)}
    if kind in WITH_CLASSES:
        found["classGradient"] = rounded(w.grad)
    return {"kind": kind, "options": options, "factor": factor, **found}


def steps(kind, options):
    """Losses of plain gradient descent on a fully connected layer and, where there are any, the classes."""
    layer = grid(DIMENSIONS * FEATURES, 3).reshape(DIMENSIONS, FEATURES).requires_grad_()
    bias = grid(DIMENSIONS, 4).requires_grad_()
    w = grid(CLASSES * DIMENSIONS, 2).reshape(CLASSES, DIMENSIONS).requires_grad_()
    trained = [layer, bias, w] if kind in WITH_CLASSES else [layer, bias]
    more = {"state": [20.0, 100.0]} if kind == "adaface" else {}
    losses = []
    for step in range(STEPS):
        images = grid(ROWS * FEATURES, 100 + step).reshape(ROWS, FEATURES)
        loss = KINDS[kind](images @ layer.T + bias, w, torch.tensor(LABELS), **options, **more)
        for tensor in trained:
            tensor.grad = None
        loss.backward()
        losses.append(float(f"{loss.item():.8g}"))
        with torch.no_grad():
            for tensor in trained:
                tensor -= RATE * tensor.grad
    return {"kind": kind, "options": options, "losses": losses}


def line(entry):
    return "    " + json.dumps(entry)


sizes = {"rows": ROWS, "dimensions": DIMENSIONS, "classes": CLASSES, "features": FEATURES, "rate": RATE}
print("{")
print(f'  "torch": {json.dumps(torch.__version__)},\n  "sizes": {json.dumps(sizes)},\n  "labels": {json.dumps(LABELS)},')
print('  "cases": [\n' + ",\n".join(line(case(*c)) for c in CASES) + "\n  ],")
SOFT = {"arcface": {"scale": 8}, "cosface": {"scale": 8}, "adaface": {"scale": 8}, "nt-xent": {"temperature": 0.5}}
print('  "steps": [\n' + ",\n".join(line(steps(kind, SOFT.get(kind, {}))) for kind in KINDS) + "\n  ]")
print("}")
