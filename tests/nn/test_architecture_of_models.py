"""Networks as data: what is described is built again, and nothing else can be."""

from __future__ import annotations

import json
from typing import Any

import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn.architecture import CONTAINERS, LAYERS


def sample(name: str) -> nn.Module:
    """A module of the class called `name`, with arguments that are not the defaults where it has some."""
    made: dict[str, Any] = {
        "Linear": lambda: nn.Linear(3, 2, bias=False, dtype=ff.float64),
        "Flatten": lambda: nn.Flatten(2, 3),
        "Sequential": lambda: nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU())),
        "ModuleList": lambda: nn.ModuleList([nn.Linear(2, 2)]),
        "LeakyReLU": lambda: nn.LeakyReLU(0.3),
        "Dropout": lambda: nn.Dropout(0.3, inverted=False),
        "AlphaDropout": lambda: nn.AlphaDropout(0.1),
        "GaussianNoise": lambda: nn.GaussianNoise(0.3),
        "WeightNoise": lambda: nn.WeightNoise(nn.Linear(2, 2), std=0.3),
        "ActivityPenalty": lambda: nn.ActivityPenalty(0.1, "kl", target=0.2),
        "Heads": lambda: nn.Heads(a=nn.Linear(2, 3), b=nn.Linear(2, 1)),
        "TransposedLinear": lambda: nn.TransposedLinear(3, 2, bias=False, dtype=ff.float64),
        "MaskedLinear": lambda: nn.MaskedLinear(3, 2, bias=False, dtype=ff.float64),
        "Residual": lambda: nn.Residual(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)),
        "BatchNorm1d": lambda: nn.BatchNorm1d(3, momentum=None, bias=False, dtype=ff.float64),
        "LayerNorm": lambda: nn.LayerNorm((2, 3), eps=1e-3, bias=False),
        "Embedding": lambda: nn.Embedding(5, 2, padding_idx=-1),
        "Maxout": lambda: nn.Maxout(3, 2, pieces=3, bias=False, dtype=ff.float64),
        "MixtureDensity": lambda: nn.MixtureDensity(3, 4, 2, min_scale=0.1, dtype=ff.float64),
        "GLU": lambda: nn.GLU(3, 2, bias=False),
        "GTU": lambda: nn.GTU(dim=1),
        "SwiGLU": lambda: nn.SwiGLU(3, 2, dtype=ff.float64),
        "Step": lambda: nn.Step(0.5, straight_through=True),
        "PReLU": lambda: nn.PReLU(3, init=0.1, dtype=ff.float64),
        "RReLU": lambda: nn.RReLU(0.1, 0.2),
        "SiLU": lambda: nn.SiLU(0.5, learned=True),
        "ELU": lambda: nn.ELU(0.5),
        "GELU": lambda: nn.GELU("tanh"),
        "Hardtanh": lambda: nn.Hardtanh(-2.0, 0.5),
        "Softplus": lambda: nn.Softplus(2.0, threshold=10.0),
        "Softmax": lambda: nn.Softmax(dim=0),
        "LogSoftmax": lambda: nn.LogSoftmax(dim=0),
        "Columns": lambda: nn.Columns([3, 0]),
        "CategoryEmbedding": lambda: nn.CategoryEmbedding([3, 5], 4, dtype=ff.float64),
        "PBLDEmbeddings": lambda: nn.PBLDEmbeddings(3, 5, 3, 0.2, flatten=False, dtype=ff.float64),
        "PeriodicEmbeddings": lambda: nn.PeriodicEmbeddings(3, 4, 5, activation=False, lite=True),
        "PiecewiseLinearEmbeddings": lambda: nn.PiecewiseLinearEmbeddings(3, 5, 4, flatten=False, dtype=ff.float64),
        "NTKLinear": lambda: nn.NTKLinear(3, 2, bias=False, dtype=ff.float64),
        "Scale": lambda: nn.Scale(3, dtype=ff.float64),
        "ParametricActivation": lambda: nn.ParametricActivation("mish", 3, dtype=ff.float64),
        "EnsembleView": lambda: nn.EnsembleView(3),
        "ScaleEnsemble": lambda: nn.ScaleEnsemble(3, 2, "normal", [0, 0, 1], dtype=ff.float64),
        "LinearBatchEnsemble": lambda: nn.LinearBatchEnsemble(3, 2, bias=False, k=4, start="random_signs"),
        "LinearEnsemble": lambda: nn.LinearEnsemble(3, 2, k=4, dtype=ff.float64),
        "MemberMean": lambda: nn.MemberMean("logits"),
    }
    return made.get(name, LAYERS[name])()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_survives_json(name: str) -> None:
    model = sample(name)
    description = nn.architecture(model)
    again = nn.build(json.loads(json.dumps(description)))
    assert type(again) is type(model) and repr(again) == repr(model)
    assert nn.architecture(again) == description
    assert {k: (v.shape, v.dtype) for k, v in again.state_dict().items()} == {
        k: (v.shape, v.dtype) for k, v in model.state_dict().items()
    }


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {kind.__name__ for kind in CONTAINERS}))
def test_what_a_layer_claims_is_what_it_takes(name: str) -> None:
    layer = sample(name)
    held = sum(tensor.numel() for tensor in layer.state_dict().values() if tensor.is_floating_point())
    assert type(layer)._claim(**layer._arguments()) == held


def test_the_form_of_a_description() -> None:
    net = nn.Sequential(nn.Linear(2, 8), nn.ReLU())
    assert nn.architecture(net) == {
        "layer": "Sequential",
        "arguments": {},
        "children": {
            "0": {"layer": "Linear", "arguments": {"in_features": 2, "out_features": 8, "bias": True}},
            "1": {"layer": "ReLU", "arguments": {}},
        },
    }


def test_arguments_are_those_of_now() -> None:
    leaky = nn.LeakyReLU(0.1)
    leaky.negative_slope = 0.7
    assert nn.build(nn.architecture(leaky)).negative_slope == 0.7


def test_sharing_is_kept() -> None:
    shared = nn.Linear(2, 2)
    tied = nn.Linear(2, 2)
    tied.weight = shared.weight
    net = nn.Sequential(nn.Sequential(shared), nn.Tanh(), shared, tied)
    description = json.loads(json.dumps(nn.architecture(net)))
    assert description["children"]["2"] == {"same_as": "0.0"} and description["tied"] == {"3.weight": "0.0.weight"}
    again = nn.build(description)
    assert again[2] is again[0][0] and again[3].weight is again[2].weight and again[3].bias is not again[2].bias
    assert again.count_parameters() == net.count_parameters() == 8
    again.load_state_dict(net.state_dict())
    x = ff.randn(3, 2)
    assert ff.equal(again(x), net(x))


def test_own_classes_cannot_be_described() -> None:
    class Net(nn.Module):
        pass

    class Linear(nn.Linear):  # a known name does not make a known class
        pass

    for model, said in ((Net(), "Net is not one"), (nn.Sequential(Linear(1, 1)), "Linear at '0' is not one")):
        with pytest.raises(
            ValueError, match=said + r" of the library's layers.*\nhint: its weights can still be saved"
        ):
            nn.architecture(model)


RELU = {"layer": "ReLU", "arguments": {}}


def chain(**children: Any) -> dict[str, Any]:
    return {"layer": "Sequential", "arguments": {}, "children": children}


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ({"layer": "os.system", "arguments": {"command": "ls"}}, r"unknown layer in the architecture, 'os.system'"),
        (chain(a={"layer": "Relu"}), r"unknown layer in the architecture at 'a', 'Relu'\nhint: did you mean 'ReLU'\?"),
        ({"layer": "Module"}, r"unknown layer"),
        ({"layer": ["Linear"]}, r"unknown layer"),
        ([], r"architecture: got list, expected a mapping"),
        (chain(a=None), r"architecture at 'a': got NoneType, expected a mapping"),
        ({"layer": "Linear", "arguments": {"in_features": 2}}, r"Linear cannot be made with .*out_features"),
        ({"layer": "Linear", "arguments": {"in_features": -2, "out_features": 1}}, r"expected a whole number"),
        (
            {"layer": "Linear", "arguments": {"in_features": 1, "out_features": 1, "dtype": "O"}},
            r"Linear cannot be made",
        ),
        ({"layer": "ReLU", "arguments": {"slope": 1}}, r"ReLU cannot be made"),
        ({"layer": "ReLU", "arguments": []}, r"'arguments' and 'children' are mappings"),
        ({"layer": "ReLU", "children": {"0": RELU}}, r"ReLU has no children"),
        ({"layer": "Sequential"}, r"Sequential has children"),
        ({"layer": "Sequential", "arguments": {"a": 1}, "children": {}}, r"Sequential cannot be made with \{'a': 1\}"),
        ({"layer": "WeightNoise", "arguments": {"std": -1}, "children": {}}, r"std is -1, expected a number >= 0"),
        (chain(**{"a.b": RELU}), r"can't be empty or contain"),
        (chain(forward=RELU), r"already exists"),
        (chain(a={"same_as": "b"}, b=RELU), r"same_as 'b' names no earlier layer"),
        ({**RELU, "tied": {"a": "b"}}, r"has no parameter 'a'"),
        ({**RELU, "tied": [1]}, r"'tied' is \[1\]"),
    ],
)
def test_malformed_descriptions(description: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError), match=said) as caught:
        nn.build(description)
    assert isinstance(caught.value, ff.errors.ForwardnetError)


def test_absurd_sizes_and_depths_are_refused_before_memory_is_taken() -> None:
    huge = {"layer": "Linear", "arguments": {"in_features": 10**9, "out_features": 10**9}}
    with pytest.raises(ValueError, match=r"it has 1000000001000000000 parameters, expected at most 1000000 in all"):
        nn.build(chain(a=huge), max_parameters=10**6)
    with pytest.raises(ValueError, match=r"Linear cannot be made"):
        nn.build(huge)
    deep: Any = RELU
    for _ in range(5000):
        deep = chain(a=deep)
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        nn.build(deep)
    wide = chain(
        **{str(i): {"layer": "Linear", "arguments": {"in_features": 10, "out_features": 10}} for i in range(20)}
    )
    with pytest.raises(ValueError, match="expected at most 150 in all"):
        nn.build(wide, max_parameters=150)
    assert nn.build(wide, max_parameters=2200).count_parameters() == 2200
