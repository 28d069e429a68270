"""Medians of device times, by events."""

import statistics

import torch


def median_seconds(work, repeats=20, warm_up=5):
    """The median time of `work` on the current CUDA stream, over at least `repeats` calls."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1000)
    return statistics.median(times)
