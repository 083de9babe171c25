"""Errors are what a stranger would catch, and say what to do."""

from __future__ import annotations

import pickle

import pytest

from forwardnet import errors
from forwardnet.errors import ForwardnetError, unknown_name

# What each is besides a ForwardnetError.
KINDS: dict[str, tuple[type[BaseException], ...]] = {
    "ShapeError": (ValueError, RuntimeError),
    "DTypeError": (TypeError, RuntimeError),
    "AxisError": (IndexError, RuntimeError),
    "AutogradError": (RuntimeError,),
    "ArgumentError": (ValueError, RuntimeError),
    "UnknownNameError": (ValueError, KeyError),
    "DataError": (ValueError,),
    "FileFormatError": (ValueError, OSError),
    "MissingFileError": (ValueError, OSError, FileNotFoundError),
    "DivergedError": (ArithmeticError,),
    "MissingExtraError": (ImportError,),
}
CLASSES = [getattr(errors, name) for name in KINDS]


def test_the_table_is_complete() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, ForwardnetError) and value is not ForwardnetError
    }
    assert found == set(KINDS)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_each_is_ours_and_a_built_in(kind: type[ForwardnetError]) -> None:
    assert issubclass(kind, ForwardnetError)
    for builtin in KINDS[kind.__name__]:
        assert issubclass(kind, builtin)
        with pytest.raises(builtin):
            raise kind("x")
    assert kind.__doc__


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_message_and_hint(kind: type[ForwardnetError]) -> None:
    plain, helpful = kind("Linear: got 3"), kind("Linear: got 3", hint="pass 4")
    assert str(plain) == "Linear: got 3"
    assert str(helpful) == "Linear: got 3\nhint: pass 4"
    assert (plain.message, plain.hint) == ("Linear: got 3", None)
    assert (helpful.message, helpful.hint) == ("Linear: got 3", "pass 4")


def test_a_name_close_to_a_known_one() -> None:
    error = unknown_name("activation", "rellu", ["relu", "tanh", "sigmoid"])
    assert isinstance(error, errors.UnknownNameError)
    assert str(error) == "unknown activation 'rellu'\nhint: did you mean 'relu'?"


def test_the_nearest_is_found_whatever_the_case() -> None:
    assert unknown_name("loss", "crossentropyLOSS", ["MSELoss", "CrossEntropyLoss"]).hint == (
        "did you mean 'CrossEntropyLoss'?"
    )
    assert unknown_name("optimiser", "ADAM ", ["Adam", "SGD"]).hint == "did you mean 'Adam'?"


def test_a_name_close_to_none_lists_all_in_order() -> None:
    error = unknown_name("data set", "zzz", (n for n in ("wine", "digits", "iris")))
    assert str(error) == "unknown data set 'zzz'\nhint: known: digits, iris, wine"


def test_things_that_are_no_names() -> None:
    assert unknown_name("loss", None, ["a"]).message == "unknown loss None"
    assert unknown_name("loss", 3, []).hint == "known: "


def test_errors_survive_a_process_boundary() -> None:
    """Parallel workers pickle what they raise."""
    for kind in CLASSES:
        error = kind("a: got b", hint="do c")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert (str(again), again.message, again.hint) == (str(error), "a: got b", "do c")


def test_a_missing_file_is_named_with_what_is_there(tmp_path) -> None:
    (tmp_path / "model.safetensors").touch()
    near = errors.missing_file(tmp_path / "mode1.safetensors")
    far = errors.missing_file(tmp_path / "x.csv")
    lost = errors.missing_file(tmp_path / "nowhere" / "x.csv")
    assert near.hint == "did you mean 'model.safetensors'?"
    assert far.hint == f"the folder {str(tmp_path)!r} holds no such file"
    assert lost.hint == f"there is no folder {str(tmp_path / 'nowhere')!r}"
    assert far.message == f"{str(tmp_path / 'x.csv')!r} does not exist"
    assert (far.errno, far.filename) == (2, str(tmp_path / "x.csv"))
