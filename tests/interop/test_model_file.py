from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.errors import ArgumentError, FileFormatError, ForwardnetError
from forwardnet.interop import load, load_model, safetensors, save

TINY = {"layer": "Linear", "arguments": {"in_features": 2, "out_features": 1, "bias": True}}
WEIGHTS = {"weight": np.ones((1, 2), np.float32), "bias": np.zeros(1, np.float32)}


def network() -> nn.Module:
    ff.manual_seed(3)
    return nn.Sequential(
        nn.Linear(4, 6), nn.ReLU(), nn.Sequential(nn.Linear(6, 5, bias=False), nn.Tanh()), nn.Linear(5, 2)
    )


def craft(path: Path, architecture: Any = TINY, weights: Any = None, **strings: str) -> Path:
    """A model file put together by hand."""
    text = architecture if isinstance(architecture, str) else json.dumps(architecture)
    safetensors.write(
        path,
        WEIGHTS if weights is None else weights,
        {"format": "forwardnet-model 1", "architecture": text, "metadata": "{}", **strings},
    )
    return path


def test_round_trip_of_a_model(tmp_path: Path) -> None:
    model = network()
    save(model, tmp_path / "m", metadata={"classes": ["Katze", "狗"], "n": 3, "scale": [0.1, 1e-30], "none": None})
    back, metadata = load_model(tmp_path / "m")
    assert metadata == {"classes": ["Katze", "狗"], "n": 3, "scale": [0.1, 1e-30], "none": None}
    assert nn.architecture(back) == nn.architecture(model)
    assert not back.training
    x = ff.randn(7, 4)
    assert back(x).detach().numpy().tobytes() == model(x).detach().numpy().tobytes()
    assert load(tmp_path / "m").state_dict().keys() == model.state_dict().keys()


def test_loaded_model_is_trained_further(tmp_path: Path) -> None:
    save(network(), tmp_path / "m")
    model = load(tmp_path / "m")
    model(ff.ones(1, 4)).sum().backward()
    assert all(p.requires_grad and p.grad is not None for p in model.parameters())


def test_same_model_same_bytes(tmp_path: Path) -> None:
    save(network(), tmp_path / "a", metadata={"a": 1, "b": 2})
    save(network(), tmp_path / "b", metadata={"a": 1, "b": 2})
    save(load(tmp_path / "a"), tmp_path / "c", metadata={"a": 1, "b": 2})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_double_precision_and_tied_weights(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    model[2].weight = model[0].weight
    save(model, tmp_path / "m")
    back = load(tmp_path / "m")
    assert back[0].weight.dtype == ff.float64
    assert back[2].weight is back[0].weight
    x = ff.ones(2, 3, dtype=ff.float64)
    np.testing.assert_array_equal(back(x).detach().numpy(), model(x).detach().numpy())


def test_round_trip_of_a_state_dict(tmp_path: Path) -> None:
    """As in PyTorch: torch.save(model.state_dict(), path); model.load_state_dict(torch.load(path))."""
    model, other = network(), network()
    with ff.no_grad():
        other[0].weight.zero_()
    save(model.state_dict(), tmp_path / "weights")
    state = load(tmp_path / "weights", map_location="cpu", weights_only=True)
    other.load_state_dict(state)
    np.testing.assert_array_equal(other[0].weight.detach().numpy(), model[0].weight.detach().numpy())
    with pytest.raises(FileFormatError, match="no architecture"):
        load_model(tmp_path / "weights")


def test_loading_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    save(network(), tmp_path / "m")
    ff.manual_seed(5)
    expected = ff.rand(3).tolist()
    ff.manual_seed(5)
    load(tmp_path / "m")
    assert ff.rand(3).tolist() == expected


def test_models_of_ones_own_classes_say_what_to_do(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

    with pytest.raises(ForwardnetError, match="state_dict"):
        save(Own(), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
    save(Own().state_dict(), tmp_path / "m")
    assert sorted(load(tmp_path / "m")) == ["layer.bias", "layer.weight"]


@pytest.mark.parametrize(
    ("obj", "metadata", "message"),
    [
        ([1, 2], None, "save: got list, expected a model"),
        ({"a": 3}, None, "'a' is a int, expected a tensor"),
        ({"a": np.zeros(1)}, {"x": float("nan")}, "metadata does not fit into JSON"),
        ({"a": np.zeros(1)}, {"x": {1, 2}}, "metadata does not fit into JSON"),
    ],
)
def test_what_cannot_be_saved(tmp_path: Path, obj: Any, metadata: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        save(obj, tmp_path / "m", metadata=metadata)
    assert list(tmp_path.iterdir()) == []


def test_nan_weights_are_refused_with_their_place(tmp_path: Path) -> None:
    weights = {**WEIGHTS, "weight": np.array([[1.0, np.nan]], np.float32)}
    craft(tmp_path / "m", weights=weights)
    with pytest.raises(FileFormatError, match=r"weight 'weight' is nan at \[0, 1\] \(1 of 2 values") as caught:
        load(tmp_path / "m")
    assert "allow_nan=True" in str(caught.value)
    assert np.isnan(load(tmp_path / "m", allow_nan=True).weight.detach().numpy()).tolist() == [[False, True]]
    safetensors.write(tmp_path / "t", {"x": np.array([np.inf])})
    with pytest.raises(FileFormatError, match="'x' is inf"):
        load(tmp_path / "t")


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = TINY
    for _ in range(depth):
        node = {"layer": "Sequential", "children": {"0": node}}
    return node


HUGE = {"in_features": 10**6, "out_features": 10**6}
HOSTILE: dict[str, tuple[Any, Any, dict[str, str], str]] = {
    "unknown layer": ({"layer": "os.system", "arguments": {"command": "true"}}, None, {}, "unknown layer"),
    "mistyped layer": ({"layer": "Linaer"}, None, {}, "unknown layer"),
    "unknown argument": ({**TINY, "arguments": {"in": 2}}, None, {}, "Linear cannot be made with"),
    "negative size": ({**TINY, "arguments": {"in_features": -2, "out_features": 1}}, None, {}, "Linear"),
    "size a text": ({**TINY, "arguments": {"in_features": "2", "out_features": 1}}, None, {}, "Linear"),
    "a terabyte": ({**TINY, "arguments": HUGE}, None, {}, "at least 1,000,001,000,000 weights, but the file only 3"),
    "a terabyte in parts": (
        {"layer": "Sequential", "children": {str(i): {"layer": "Linear", "arguments": HUGE} for i in range(9)}},
        None,
        {},
        "at least 9,000,009,000,000 weights",
    ),
    "deep": (nested(200), None, {}, "nested"),
    "very deep": ('{"layer":"Sequential","children":{"0":' * 50_000, None, {}, "not valid JSON"),
    "not JSON": ("{", None, {}, "the architecture is not valid JSON"),
    "a list": ("[]", None, {}, "the architecture is a list"),
    "not a description": ({"layer": ["Linear"]}, None, {}, "unknown layer"),
    "same as nothing": ({"same_as": "0"}, None, {}, "names no earlier layer"),
    "metadata not JSON": (TINY, None, {"metadata": "{"}, "the metadata is not valid JSON"),
    "metadata a list": (TINY, None, {"metadata": "[]"}, "the metadata is a list"),
    "newer format": (TINY, None, {"format": "forwardnet-model 2"}, "has format 'forwardnet-model 2', expected"),
    "missing weight": (TINY, {"weight": WEIGHTS["weight"]}, {}, "the file lacks 'bias'"),
    "surplus weight": (TINY, {**WEIGHTS, "more": np.ones(1, np.float32)}, {}, "the file has 'more' too many"),
    "other shape": (TINY, {**WEIGHTS, "weight": np.ones((2, 1), np.float32)}, {}, r"of shape (2, 1), expected float32"),
    "other type": (
        TINY,
        {**WEIGHTS, "bias": np.zeros(1)},
        {},
        "weight 'bias' is float64 of shape (1,), expected float32",
    ),
    "whole numbers": (TINY, {**WEIGHTS, "bias": np.zeros(1, int)}, {}, "weight 'bias' is int64"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_inconsistent_and_hostile_files_are_refused(tmp_path: Path, case: str) -> None:
    architecture, weights, strings, message = HOSTILE[case]
    craft(tmp_path / "m.safetensors", architecture, weights, **strings)
    with pytest.raises(FileFormatError) as caught:
        load(tmp_path / "m.safetensors")
    assert message in str(caught.value)
    assert "m.safetensors" in str(caught.value)


def test_crafted_file_is_sound_otherwise(tmp_path: Path) -> None:
    """The base of the hostile files loads, so that each is refused for its own reason."""
    assert load(craft(tmp_path / "m"))(ff.tensor([[2.0, 3.0]])).item() == 5.0


def test_arguments_of_load(tmp_path: Path) -> None:
    craft(tmp_path / "m")
    with pytest.raises(ArgumentError, match="map_location is 'cuda'"):
        load(tmp_path / "m", map_location="cuda")
    with pytest.raises(ArgumentError, match="weights_only is False"):
        load(tmp_path / "m", weights_only=False)


def test_mutated_model_files(tmp_path: Path) -> None:
    """Flipped and cut bytes anywhere: an error of ours or a model, never anything else."""
    save(network(), tmp_path / "good", metadata={"a": [1, 2]})
    content = (tmp_path / "good").read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(7)
    refused = 0
    for i in range(300):
        data = bytearray(content)
        for _ in range(int(rng.integers(1, 3))):
            data[int(rng.integers(0, header))] = int(rng.choice(list(b'0123456789{}[]",:aeLn')))
        (tmp_path / "bad").write_bytes(bytes(data[: int(rng.integers(0, len(data)))] if i % 5 == 0 else data))
        try:
            load(tmp_path / "bad")
        except FileFormatError:
            refused += 1
    assert 150 < refused < 300  # the others changed spaces or names in the metadata
