"""What the device can do at most, measured by PyTorch: prints one JSON object.

copyBytesPerSecond counts bytes read and written of an 8 GB copy; matrixFlops is that of an 8192^3 product of random bf16
numbers; copyToDevice and copyFromDevice are pinned host memory.
"""

import json

import torch

from torch_timing import median_seconds

properties = torch.cuda.get_device_properties(0)
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
b = torch.randn_like(a)
product = torch.empty_like(a)
x = torch.empty(2**30, device="cuda", dtype=torch.float32).uniform_()
y = torch.empty_like(x)
host = torch.empty(2**26, dtype=torch.float32).uniform_().pin_memory()
device = torch.empty_like(host, device="cuda")

matrix = median_seconds(lambda: torch.mm(a, b, out=product))
copy = median_seconds(lambda: y.copy_(x))
up = median_seconds(lambda: device.copy_(host, non_blocking=True))
down = median_seconds(lambda: host.copy_(device, non_blocking=True))
host_bytes = host.numel() * 4
print(json.dumps({
    "device": properties.name,
    "multiprocessors": properties.multi_processor_count,
    "torch": torch.__version__,
    "cuda": torch.version.cuda,
    "matrixFlops": 2 * 8192**3 / matrix,
    "copyBytesPerSecond": 2 * x.numel() * 4 / copy,
    "copyToDeviceBytesPerSecond": host_bytes / up,
    "copyFromDeviceBytesPerSecond": host_bytes / down,
}))
