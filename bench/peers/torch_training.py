"""Training steps of a model file in PyTorch: prints one JSON object with the loss of every step and its time.

    python3 torch_training.py nns2.safetensors --images images.bin --labels labels.bin --batch 36 --steps 20

`images.bin`: uint8 of steps x batch x height x width x 3; `labels.bin`: int32 of steps x batch. A step is forward, semi-hard
selection (torch_mining.py), the mean hinge over the triplets, backward, optimiser. Batch normalisation uses the statistics
of the batch. `--random` draws images and labels instead, for timing; `--repeat` goes over the same batches again.
"""

import argparse
import json
import statistics
import time

import numpy
import torch

from torch_graph import load
from torch_mining import distances, semi_hard


def optimizer_of(arguments, parameters):
    rate = arguments.learning_rate
    if arguments.optimizer == "adagrad":
        return torch.optim.Adagrad(parameters, lr=rate, eps=arguments.epsilon,
                                   initial_accumulator_value=arguments.initial_accumulator)
    if arguments.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, eps=arguments.epsilon)
    return torch.optim.SGD(parameters, lr=rate, momentum=arguments.momentum)


def batches(arguments, size):
    shape = (arguments.steps, arguments.batch, size["height"], size["width"], 3)
    if arguments.random:
        generator = torch.Generator().manual_seed(1)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        labels = (torch.arange(arguments.batch) // arguments.faces).repeat(arguments.steps, 1)
        return images, labels
    images = numpy.fromfile(arguments.images, numpy.uint8).reshape(shape)
    labels = numpy.fromfile(arguments.labels, "<i4").reshape(shape[:2])
    return torch.from_numpy(images), torch.from_numpy(labels).long()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--images")
    parser.add_argument("--labels")
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--faces", type=int, default=4, help="images of one label, with --random")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--optimizer", choices=["adagrad", "sgd", "adam"], default="adagrad")
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--momentum", type=float, default=0)
    parser.add_argument("--epsilon", type=float, help="default: 1e-10 of adagrad, 1e-8 of adam")
    parser.add_argument("--initial-accumulator", type=float, default=0.1)
    parser.add_argument("--margin", type=float, default=0.2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    arguments = parser.parse_args()
    if arguments.epsilon is None:
        arguments.epsilon = 1e-8 if arguments.optimizer == "adam" else 1e-10

    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = True
    module = load(arguments.model).train().to(arguments.device, memory_format=torch.channels_last)
    optimizer = optimizer_of(arguments, module.parameters())
    images, labels = batches(arguments, module.graph["input"])
    images, labels = images.to(arguments.device), labels.to(arguments.device)

    def wait():
        if arguments.device != "cpu":
            torch.cuda.synchronize()

    losses, triplets, seconds = [], [], []
    for step in range(arguments.steps * arguments.repeat):
        wait()
        start = time.perf_counter()
        own = labels[step % arguments.steps]
        with torch.autocast(arguments.device.split(":")[0], torch.bfloat16, enabled=arguments.dtype == "bf16"):
            x = module(images[step % arguments.steps])
        x = x.float()
        with torch.no_grad():
            a, p, n = semi_hard(distances(x), own, arguments.margin)
        triplets.append(len(a))
        hinge = torch.relu(((x[a] - x[p]) ** 2).sum(1) + arguments.margin - ((x[a] - x[n]) ** 2).sum(1))
        losses.append(float(hinge.mean()) if len(a) else 0.0)
        if len(a):
            optimizer.zero_grad()
            hinge.mean().backward()
            optimizer.step()
        wait()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[min(2, len(seconds) - 1):])
    print(json.dumps({"model": module.graph["name"], "torch": torch.__version__, "device": arguments.device,
                      "dtype": arguments.dtype, "threads": arguments.threads, "batch": arguments.batch,
                      "imagesPerSecond": arguments.batch / median, "losses": losses, "triplets": triplets}))


if __name__ == "__main__":
    main()
