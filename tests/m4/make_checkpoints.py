#!/usr/bin/env python3
"""Archives of m4 networks as PyTorch saves them, for the tests of "m4sweep model import".

make_checkpoints.py FOLDER [options]   one network: FOLDER/*.pt and FOLDER/expected.safetensors
make_checkpoints.py --fixtures         those in tests/m4/checkpoints and tests/fuzz/corpus
make_checkpoints.py --compare A B      compares the tensors of two safetensors files bit by bit

Weights are random, of a fixed seed, or those of another safetensors file (--weights).
"""
import argparse
import array
import json
import os
import struct
import sys
import zipfile


# --- safetensors ---


def read_safetensors(path):
    """{name: (shape, bytes)}"""
    with open(path, "rb") as file:
        data = file.read()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            sys.exit(f"{path}: {name} is {entry['dtype']}")
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["shape"], data[8 + n + begin : 8 + n + end])
    return tensors


def write_safetensors(path, tensors):
    header = {}
    data = b""
    for name in sorted(tensors):
        shape, values = tensors[name]
        header[name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(values)],
        }
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def compare(path_a, path_b):
    a, b = read_safetensors(path_a), read_safetensors(path_b)
    for name in sorted(a.keys() | b.keys()):
        if a.get(name) != b.get(name):
            sys.exit(f"{path_a} and {path_b} differ in {name}")
    if not a:
        sys.exit(f"{path_a}: no tensors")
    print(f"{len(a)} tensors are equal")


# --- the network ---


def modules_of(options):
    """{name: module}, with the attribute names of the public checkpoints."""
    import torch
    from torch import nn

    class Cell(nn.Module):
        def __init__(self, n_in, n_hidden):
            super().__init__()
            self.seq_cell = nn.GRUCell(n_in, n_hidden)

        def forward(self, x, h):
            return self.seq_cell(x, h)

    class SageConv(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            # Attributes that are no weights.
            self.in_channels = n_in
            self.aggr = "sum"
            self.scale = 1.5
            self.sizes = [n_in, n_out]
            self.edge_types = {"flow": 0, "link": 1}
            self.lin = nn.Linear(n_in, n_in)
            self.lin_l = nn.Linear(n_in, n_out)
            self.lin_r = nn.Linear(n_in, n_out, bias=False)

        def forward(self, x, edges):
            sources = self.lin(x).relu().index_select(0, edges[0])
            sums = torch.zeros_like(x).index_add_(0, edges[1], sources)
            return self.lin_l(sums) + self.lin_r(x)

    class HomogeneousLayer(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.conv = SageConv(n_in, n_out)
            self.norm = nn.LayerNorm(n_out)

        def forward(self, x, edges):
            return self.norm(self.conv(x, edges))

    class GnnLayer(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.homogeneous_layer = HomogeneousLayer(n_in, n_out)

        def forward(self, x, edges):
            return self.homogeneous_layer(x, edges)

    def perceptron(n_in, n_hidden):
        layers = [nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(n_hidden, 1)]
        if options.no_dropout:
            del layers[2]
        return nn.Sequential(*layers)

    hidden, gnn, n_layers = options.hidden, options.gnn_hidden, options.layers
    modules = {
        "lstmcell_time": Cell(1, hidden),
        "lstmcell_time_link": Cell(1, hidden),
        "lstmcell_rate": Cell(hidden + options.params, hidden),
        "lstmcell_rate_link": Cell(hidden, hidden),
        "output_layer": perceptron(1 + options.params + hidden, hidden),
    }
    for i in range(n_layers):
        n_in = hidden if i == 0 else gnn
        n_out = hidden if i == n_layers - 1 else gnn
        modules[f"gnn_layer_{i}"] = GnnLayer(n_in, n_out)
    if options.training_layers:
        modules["remain_size_layer"] = perceptron(hidden, hidden)
        modules["queue_len_layer"] = perceptron(hidden, hidden)
    return modules


def set_weights(modules, path):
    import torch

    tensors = read_safetensors(path)
    for module_name, module in modules.items():
        for name, parameter in module.named_parameters():
            shape, values = tensors.pop(f"{module_name}.{name}")
            values = torch.tensor(array.array("f", values)).reshape(shape)
            assert values.shape == parameter.shape, name
            parameter.data = values
    assert not tensors, tensors.keys()


def use_views(modules):
    """The same weights, transposed in memory or as parts of one storage."""
    import torch

    for module in modules.values():
        parameters = list(module.parameters())
        storage = torch.cat([p.data.flatten() for p in parameters if p.dim() == 1] + [torch.zeros(3)])
        offset = 0
        for parameter in parameters:
            if parameter.dim() == 1:
                parameter.data = storage[offset : offset + parameter.numel()]
                offset += parameter.numel()
            else:
                parameter.data = parameter.data.t().contiguous().t()


def tensors_of(modules):
    tensors = {}
    for module_name, module in modules.items():
        for name, value in module.state_dict().items():
            values = array.array("f", value.flatten().tolist()).tobytes()
            tensors[f"{module_name}.{name}"] = (list(value.shape), values)
    return tensors


# --- archives ---

CODE = ["/code/", "/constants.pkl"]


def example_inputs(name, options):
    import torch

    hidden = options.hidden
    if name.startswith("gnn_layer_"):
        n_in = hidden if name == "gnn_layer_0" else options.gnn_hidden
        return torch.zeros(3, n_in), torch.tensor([[0, 1], [2, 2]])
    if name.startswith("lstmcell_"):
        n_in = {"lstmcell_rate": hidden + options.params, "lstmcell_rate_link": hidden}.get(name, 1)
        return torch.zeros(3, n_in), torch.zeros(3, hidden)
    return (torch.zeros(3, hidden + (1 + options.params if name == "output_layer" else 0)),)


def save(modules, options):
    import torch

    folder = options.folder
    for name, module in modules.items():
        path = os.path.join(folder, f"{name}.pt")
        if options.save == "script":
            torch.jit.script(module).save(path)
        elif options.save == "trace":
            torch.jit.trace(module.eval(), example_inputs(name, options)).save(path)
        elif options.save == "state":
            torch.save(module.state_dict(), path)
    if options.save == "network":
        save_network(modules, os.path.join(folder, "network.pt"))


def save_network(modules, path):
    """All modules in one, the layers of the GNN in a list."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.gnn_layers = nn.ModuleList()
            for name in modules:
                if name.startswith("gnn_layer_"):
                    self.gnn_layers.append(modules[name])
                else:
                    self.add_module(name, modules[name])

        def forward(self, h, z, dt):
            return self.lstmcell_time(dt, h), self.lstmcell_time_link(dt, z)

    torch.jit.script(Network()).save(path)


def strip(path, parts):
    """Leaves out entries that are never read: they are large, or tell of the machine."""
    with zipfile.ZipFile(path) as archive:
        entries = [
            (name, archive.read(name))
            for name in archive.namelist()
            if not any(part in name for part in parts)
        ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            method = zipfile.ZIP_STORED if "/data/" in name else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, method)


def make(arguments):
    import torch

    options = parser().parse_args(arguments)
    torch.manual_seed(options.seed)
    os.makedirs(options.folder, exist_ok=True)
    modules = modules_of(options)
    if options.weights:
        set_weights(modules, options.weights)
    if options.views:
        use_views(modules)
    write_safetensors(os.path.join(options.folder, "expected.safetensors"), tensors_of(modules))
    save(modules, options)
    return options.folder


def make_fixtures():
    tests = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.join(tests, "checkpoints")
    make(f"{folder}/scripted --hidden 8 --gnn-hidden 12".split())
    other = "--hidden 6 --gnn-hidden 5 --layers 2 --params 4 --no-dropout --training-layers"
    make(f"{folder}/traced {other} --save trace --views".split())
    tiny = "--hidden 2 --gnn-hidden 3 --layers 2 --params 1"
    make(f"{folder}/network {tiny} --save network".split())
    # The same weights, that is the same expected.safetensors.
    make(f"{folder}/state {tiny} --save state --views".split())
    os.remove(f"{folder}/state/expected.safetensors")
    parts = {"scripted": [".debug_pkl"], "traced": CODE, "network": CODE}
    for name in parts:
        for file in os.listdir(f"{folder}/{name}"):
            if file.endswith(".pt"):
                strip(f"{folder}/{name}/{file}", parts[name])
    make_corpus(os.path.join(tests, "..", "fuzz", "corpus"), tiny)


def make_corpus(corpus, sizes):
    """Small archives, and their pickles by themselves."""
    for kind in ["script", "trace", "state"]:
        folder = f"{corpus}/checkpoint"
        make(f"{folder} {sizes} --save {kind} --views".split())
        for name in ["lstmcell_time", "gnn_layer_0", "output_layer"]:
            strip(f"{folder}/{name}.pt", CODE)
            with zipfile.ZipFile(f"{folder}/{name}.pt") as archive:
                data = archive.read(f"{name}/data.pkl")
            os.makedirs(f"{corpus}/pickle", exist_ok=True)
            with open(f"{corpus}/pickle/{kind}_{name}", "wb") as file:
                file.write(data)
            os.rename(f"{folder}/{name}.pt", f"{folder}/{kind}_{name}")
        for name in os.listdir(folder):
            if name.endswith((".pt", ".safetensors")):
                os.remove(f"{folder}/{name}")


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--hidden", type=int, default=200)
    p.add_argument("--gnn-hidden", type=int, default=300)
    p.add_argument("--layers", type=int, default=3)
    p.add_argument("--params", type=int, default=13)
    p.add_argument("--save", choices=["script", "trace", "state", "network"], default="script")
    p.add_argument("--no-dropout", action="store_true")
    p.add_argument("--training-layers", action="store_true")
    p.add_argument("--views", action="store_true", help="transposed and shared storages")
    p.add_argument("--weights", help="safetensors file")
    p.add_argument("--seed", type=int, default=1)
    return p


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"] and len(sys.argv) == 4:
        compare(sys.argv[2], sys.argv[3])
    elif sys.argv[1:] == ["--fixtures"]:
        make_fixtures()
    else:
        make(sys.argv[1:])
