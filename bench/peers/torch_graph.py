"""A model file of this package as a PyTorch module, so that both engines run the same network (types/graph.d.ts)."""

import json
import math

import numpy
import torch
import torch.nn.functional as F


def read_model(path):
    """The graph of a model file, which is in its metadata, and its tensors by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", f"{name} is {entry['dtype']}, only F32 is read"
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return json.loads(header["__metadata__"]["graph"]), tensors


def fold_batch_norms(graph, tensors):
    """The graph with every batch_norm that alone follows a convolution folded into it, as an engine deploys it."""
    tensors = dict(tensors)
    readers = {}
    for node in graph["nodes"]:
        for name in node["inputs"]:
            readers.setdefault(name, []).append(node)
    convolutions = {node["name"]: node for node in graph["nodes"] if node["op"] == "conv2d"}
    renamed, nodes = {}, []
    for node in graph["nodes"]:
        node = {**node, "inputs": [renamed.get(name, name) for name in node["inputs"]]}
        source = convolutions.get(node["inputs"][0]) if node["op"] == "batch_norm" else None
        if source is None or len(readers[source["name"]]) > 1 or source["name"] in graph["outputs"]:
            nodes.append(node)
            continue
        names, own = node["tensors"], source["tensors"]
        mean, variance = tensors[names["mean"]].double(), tensors[names["variance"]].double()
        factor = 1 / torch.sqrt(variance + node["attributes"]["epsilon"])
        if "scale" in names:
            factor = factor * tensors[names["scale"]].double()
        bias = tensors[own["bias"]].double() if "bias" in own else torch.zeros_like(mean)
        shift = tensors[names["shift"]].double() if "shift" in names else 0
        weight = tensors[own["weight"]].double() * factor.reshape(-1, 1, 1, 1)
        folded = {"weight": own["weight"] + "/folded", "bias": own["weight"] + "/folded/bias"}
        tensors[folded["weight"]] = weight.float()
        tensors[folded["bias"]] = ((bias - mean) * factor + shift).float()
        index = next(i for i, made in enumerate(nodes) if made["name"] == source["name"])
        nodes[index] = {**nodes[index], "tensors": folded}
        renamed[node["name"]] = source["name"]
    outputs = [renamed.get(name, name) for name in graph["outputs"]]
    return {**graph, "nodes": nodes, "outputs": outputs}, tensors


class GraphModule(torch.nn.Module):
    """forward: uint8 N x H x W x 3 (or fp32 N x H x W x C) -> the first output, N x elements in fp32.

    `train()` uses batch statistics and updates the running ones with `momentum`.
    """

    def __init__(self, graph, tensors, momentum=0.1):
        super().__init__()
        self.graph, self.momentum = graph, momentum
        self.index = {}
        running = set()
        for node in graph["nodes"]:
            if node["op"] == "batch_norm":
                running |= {node["tensors"]["mean"], node["tensors"]["variance"]}
        for position, name in enumerate(sorted(used_tensors(graph))):
            self.index[name] = f"tensor{position}"
            if name in running:
                self.register_buffer(self.index[name], tensors[name].clone())
            else:
                self.register_parameter(self.index[name], torch.nn.Parameter(tensors[name].clone()))
        self.compute_dtype = torch.float32

    def tensor(self, node, role):
        names = node.get("tensors", {})
        return getattr(self, self.index[names[role]]) if role in names else None

    def forward(self, images):
        made = {self.graph["input"]["name"]: images.permute(0, 3, 1, 2)}
        for node in self.graph["nodes"]:
            inputs = [made[name] for name in node["inputs"]]
            made[node["name"]] = getattr(self, "op_" + node["op"])(node, node.get("attributes", {}), *inputs)
        return made[self.graph["outputs"][0]].float().flatten(1)

    def op_preprocess(self, node, attributes, x):
        x = x.float()
        if attributes["color"] == "bgr":
            x = x.flip(1)
        if attributes["color"] == "grey":
            x = (x * x.new_tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
        if attributes["mode"] == "per-image":
            mean = x.mean((1, 2, 3), keepdim=True)
            deviation = x.std((1, 2, 3), unbiased=False, keepdim=True)
            x = (x - mean) / deviation.clamp(min=1 / math.sqrt(x[0].numel()))
        else:
            mean = x.new_tensor(attributes.get("mean", [0.0])).reshape(1, -1, 1, 1)
            x = (x - mean) * x.new_tensor(attributes.get("scale", [1.0])).reshape(1, -1, 1, 1)
        return x.to(self.compute_dtype).contiguous(memory_format=torch.channels_last)

    def op_conv2d(self, node, attributes, x):
        x, padding = pad(x, attributes["padding"], 0.0)
        return F.conv2d(x, self.tensor(node, "weight"), self.tensor(node, "bias"), attributes["stride"], padding,
                        attributes.get("dilation", 1), attributes.get("groups", 1))

    def op_batch_norm(self, node, attributes, x):
        return F.batch_norm(x, self.tensor(node, "mean"), self.tensor(node, "variance"), self.tensor(node, "scale"),
                            self.tensor(node, "shift"), self.training, self.momentum, attributes["epsilon"])

    def op_affine(self, node, attributes, x):
        scale, shift = self.tensor(node, "scale"), self.tensor(node, "shift")
        x = x if scale is None else x * scale.reshape(1, -1, 1, 1)
        return x if shift is None else x + shift.reshape(1, -1, 1, 1)

    def op_relu(self, node, attributes, x):
        return F.relu(x)

    def op_relu6(self, node, attributes, x):
        return F.relu6(x)

    def op_sigmoid(self, node, attributes, x):
        return torch.sigmoid(x)

    def op_prelu(self, node, attributes, x):
        return F.prelu(x, self.tensor(node, "slope"))

    def op_max_pool(self, node, attributes, x):
        x, padding = pad(x, attributes["padding"], -math.inf)
        return F.max_pool2d(x, attributes["kernel"], attributes["stride"], padding, attributes.get("dilation", 1),
                            ceil_mode=attributes.get("rounding") == "ceil")

    def op_avg_pool(self, node, attributes, x):
        x, padding = pad(x, attributes["padding"], None)
        return F.avg_pool2d(x, attributes["kernel"], attributes["stride"], padding,
                            ceil_mode=attributes.get("rounding") == "ceil",
                            count_include_pad=attributes.get("countPadding", False))

    def op_l2_pool(self, node, attributes, x):
        if attributes.get("mean", False):
            return torch.sqrt(self.op_avg_pool(node, attributes, x * x))
        x, padding = pad(x, attributes["padding"], 0.0)
        return torch.sqrt(F.avg_pool2d(x * x, attributes["kernel"], attributes["stride"], padding,
                                       ceil_mode=attributes.get("rounding") == "ceil", divisor_override=1))

    def op_global_pool(self, node, attributes, x):
        if attributes["kind"] == "max":
            return x.amax((2, 3), keepdim=True)
        if attributes["kind"] == "avg":
            return x.mean((2, 3), keepdim=True)
        squares = x * x
        mean = attributes.get("mean", False)
        return torch.sqrt(squares.mean((2, 3), keepdim=True) if mean else squares.sum((2, 3), keepdim=True))

    def op_lrn(self, node, attributes, x):
        # Shifted slices and square roots: F.local_response_norm pools in three dimensions, which is far slower.
        size, channels = attributes["size"], x.shape[1]
        per_element = attributes["alpha"] if attributes["alphaPer"] == "element" else attributes["alpha"] / size
        squares = F.pad(x * x, (0, 0, 0, 0, size // 2, (size - 1) // 2))
        total = squares[:, :channels]
        for i in range(1, size):
            total = total + squares[:, i:i + channels]
        scale = attributes["bias"] + per_element * total
        if attributes["beta"] == 0.75:
            root = torch.sqrt(scale)
            return x / (root * torch.sqrt(root))
        return x / scale ** attributes["beta"]

    def op_fully_connected(self, node, attributes, x):
        x = x.permute(0, 2, 3, 1) if attributes.get("order", "chw") == "hwc" else x
        y = F.linear(x.flatten(1), self.tensor(node, "weight"), self.tensor(node, "bias"))
        return y.reshape(*y.shape, 1, 1)

    def op_maxout(self, node, attributes, x):
        pieces = attributes["pieces"]
        return x.reshape(x.shape[0], x.shape[1] // pieces, pieces, *x.shape[2:]).amax(2)

    def op_concat(self, node, attributes, *inputs):
        return torch.cat(inputs, 1)

    def op_add(self, node, attributes, a, b):
        return a + attributes.get("factor", 1) * b

    def op_zero_pad(self, node, attributes, x):
        top, left, bottom, right = attributes.get("padding", [0, 0, 0, 0])
        return F.pad(x, (left, right, top, bottom, 0, attributes.get("channels", 0)))

    def op_upsample(self, node, attributes, x):
        return F.interpolate(x, scale_factor=attributes["factor"], mode="nearest")

    def op_l2_normalize(self, node, attributes, x):
        norm = x.float().flatten(1).norm(dim=1).clamp(min=attributes.get("epsilon", 1e-12))
        return x / norm.reshape(-1, 1, 1, 1)


def pad(x, padding, value):
    """PyTorch pads both sides alike. Others are padded beforehand with `value`; None: not possible."""
    top, left, bottom, right = padding
    if top == bottom and left == right:
        return x, (top, left)
    assert value is not None, "an average that leaves padding out, padded on one side"
    return F.pad(x, (left, right, top, bottom), value=value), 0


def used_tensors(graph):
    return {name for node in graph["nodes"] for name in node.get("tensors", {}).values()}


def load(path, fold=False, momentum=0.1):
    """The module of a model file; `fold`: batch norms into their convolutions."""
    graph, tensors = read_model(path)
    if fold:
        graph, tensors = fold_batch_norms(graph, tensors)
    return GraphModule(graph, tensors, momentum)
