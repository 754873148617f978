#!/usr/bin/env python3
"""tape_pytorch.py FILE...: runs the batches that tape_gradients wrote through the same networks in
PyTorch, in float64, and compares outputs and gradients."""
import json
import struct
import sys

import torch
from torch import nn

OUTPUT_TOLERANCE = 1e-10
GRADIENT_TOLERANCE = 1e-5  # of a tensor's largest magnitude


def read(path):
    """{name: tensor}"""
    with open(path, "rb") as file:
        data = file.read()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    dtypes = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = dtypes[entry["dtype"]]
        if begin == end:
            tensors[name] = torch.zeros(entry["shape"], dtype=dtype)
        else:
            raw = bytearray(data[8 + n + begin : 8 + n + end])
            tensors[name] = torch.frombuffer(raw, dtype=dtype).reshape(entry["shape"])
    return tensors


class Cell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.seq_cell = nn.GRUCell(n_in, n_hidden)

    def forward(self, x, h):
        return self.seq_cell(x, h)


class Convolution(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin = nn.Linear(n_in, n_in)
        self.lin_l = nn.Linear(n_in, n_out)
        self.lin_r = nn.Linear(n_in, n_out, bias=False)


class Layer(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv = Convolution(n_in, n_out)
        self.norm = nn.LayerNorm(n_out)

    def forward(self, x, source, target):
        projected = torch.relu(self.conv.lin(x))
        sums = torch.zeros_like(projected).index_add(0, target, projected[source])
        return self.norm(self.conv.lin_l(sums) + self.conv.lin_r(x))


class Homogeneous(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.homogeneous_layer = Layer(n_in, n_out)


def mlp(n_in, n_hidden):
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 1))


class Network(nn.Module):
    """Sizes follow from the weights' shapes."""

    def __init__(self, weights):
        super().__init__()
        shape = {name: list(weight.shape) for name, weight in weights.items()}
        hidden = shape["lstmcell_time.seq_cell.weight_hh"][1]
        for name in ("time", "time_link", "rate", "rate_link"):
            n_in = shape[f"lstmcell_{name}.seq_cell.weight_ih"][1]
            setattr(self, f"lstmcell_{name}", Cell(n_in, hidden))
        self.n_layers = 0
        while f"gnn_layer_{self.n_layers}.homogeneous_layer.norm.bias" in shape:
            prefix = f"gnn_layer_{self.n_layers}.homogeneous_layer"
            n_out, n_in = shape[f"{prefix}.conv.lin_l.weight"]
            setattr(self, f"gnn_layer_{self.n_layers}", Homogeneous(n_in, n_out))
            self.n_layers += 1
        self.output_layer = mlp(shape["output_layer.0.weight"][1], hidden)
        self.remain_size_layer = mlp(hidden, hidden)
        self.queue_len_layer = mlp(hidden, hidden)
        self.double()
        self.load_state_dict({name: weight.double() for name, weight in weights.items()})

    def step(self, flows, links, batch):
        """New states of flows and links, and the outputs."""
        flows = torch.where(
            batch["flow_timed"][:, None] > 0, self.lstmcell_time(batch["flow_inputs"], flows), flows
        )
        links = torch.where(
            batch["link_timed"][:, None] > 0,
            self.lstmcell_time_link(batch["link_inputs"], links),
            links,
        )
        n_flows = len(flows)
        x = torch.cat([flows, links])
        one, other = batch["edge_flows"], batch["edge_links"] + n_flows
        source, target = torch.cat([one, other]), torch.cat([other, one])
        for i in range(self.n_layers):
            x = getattr(self, f"gnn_layer_{i}").homogeneous_layer(x, source, target)
        features = batch["features"]
        flows = self.lstmcell_rate(torch.cat([x[:n_flows], features[:, 1:]], 1), flows)
        links = self.lstmcell_rate_link(x[n_flows:], links)
        outputs = [
            self.output_layer(torch.cat([features, flows], 1)),
            self.remain_size_layer(flows),
            self.queue_len_layer(links),
        ]
        return flows, links, [output[:, 0] for output in outputs]


def gather(states, rows, begin):
    """States of rows; where `begin` is no NaN, that."""
    fresh = ~torch.isnan(begin[:, 0])
    return torch.stack(
        [begin[i] if fresh[i] else states[row] for i, row in enumerate(rows.tolist())]
    )


def run(network, tensors, path):
    """The loss of all rounds; outputs are compared."""
    flow_states, link_states = {}, {}
    loss = torch.zeros((), dtype=torch.float64)
    worst = 0.0
    rounds = sorted({int(name.split(":")[0]) for name in tensors if name[0].isdigit()})
    n_reused = 0
    for r in rounds:
        prefix = f"{r}:"
        batch = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        if len(batch["flow_rows"]) == 0:
            continue
        flow_rows, link_rows = batch["flow_rows"], batch["link_rows"]
        n_reused += sum(
            row in flow_states and not bool(torch.isnan(batch["flow_begin"][i, 0]))
            for i, row in enumerate(flow_rows.tolist())
        )
        flows = gather(flow_states, flow_rows, batch["flow_begin"])
        links = gather(link_states, link_rows, batch["link_begin"])
        flows, links, outputs = network.step(flows, links, batch)
        flow_states.update(zip(flow_rows.tolist(), flows))
        link_states.update(zip(link_rows.tolist(), links))
        for i, output in enumerate(outputs):
            error = (output - batch[f"output{i}"]).abs().max().item()
            if not error <= OUTPUT_TOLERANCE:
                sys.exit(f"{path}: round {r}, output {i} differs by {error}")
            worst = max(worst, error)
            loss = loss + (batch[f"slope{i}"] * output + batch[f"curve{i}"] * output**2 / 2).sum()
    if n_reused == 0:
        sys.exit(f"{path}: no row was used again")
    return loss, worst


def compare(path):
    tensors = read(path)
    expected = {n[len("gradient:") :]: t for n, t in tensors.items() if n.startswith("gradient:")}
    network = Network({name: tensors[name] for name in expected})
    loss, worst_output = run(network, tensors, path)
    loss.backward()
    worst = 0.0
    for name, parameter in network.named_parameters():
        difference = (parameter.grad - expected.pop(name)).abs().max()
        error = (difference / parameter.grad.abs().max()).item()
        if not error <= GRADIENT_TOLERANCE:
            sys.exit(f"{path}: the gradient of {name} differs by {error}")
        worst = max(worst, error)
    if expected:
        sys.exit(f"{path}: there are no weights {', '.join(expected)}")
    print(f"{path}: outputs within {worst_output:.1e}, gradients within {worst:.1e}")


if len(sys.argv) < 2:
    sys.exit("usage: tape_pytorch.py FILE...")
torch.set_num_threads(1)
for argument in sys.argv[1:]:
    compare(argument)
