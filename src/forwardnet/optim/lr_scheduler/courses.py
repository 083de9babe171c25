"""Schedules as courses from 0 to 1 over a whole fit, for the rate and for any other number of a training.

A course is a function of the part t of the fit that is over, 0 <= t <= 1, whose values are factors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.optim.lr_scheduler.base import LRScheduler, check_count
from forwardnet.optim.lr_scheduler.cosine import along_cosine
from forwardnet.optim.optimizer import Optimizer

Course = Callable[[float], float]


def constant(t: float) -> float:
    """1."""
    return 1.0


def coslog4(t: float) -> float:
    """(1 - cos(2 pi log2(1 + 15 t))) / 2: four waves, each twice as long as the one before (Holzmüller et al. 2024)."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))


def flat_cos(t: float) -> float:
    """1 for the first half, then down to 0 along half a wave."""
    return 1.0 if t < 0.5 else along_cosine(1.0, 0.0, min(2 * t - 1, 1.0))


COURSES: dict[str, Course] = {course.__name__: course for course in (constant, coslog4, flat_cos)}


def course_of(course: str | Course) -> Course:
    """A course by its name, or itself; raises `UnknownNameError`."""
    if callable(course):
        return course
    if course not in COURSES:
        raise unknown_name("course", course, COURSES)
    return COURSES[course]


class _Along(LRScheduler):
    """Base: lr_t = lr_0 times the course at t / total_steps."""

    every = "batch"
    chains: ClassVar[bool] = False

    @staticmethod
    def course(t: float) -> float:
        """The factor at t, 0 to 1."""
        raise NotImplementedError

    def __init__(self, optimizer: Optimizer, total_steps: int, last_epoch: int = -1) -> None:
        self.total_steps = check_count(type(self).__name__, "total_steps", total_steps)
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> _Along:
        """Once over the whole fit."""
        return cls(optimizer, epochs * steps_per_epoch)

    def rate(self, t: float, group: int) -> float:
        return self.base_lrs[group] * self.course(min(t / self.total_steps, 1.0))


class CosLogLR(_Along, name="coslog4"):
    """lr_t = lr_0 (1 - cos(2 pi log2(1 + 15 t / T))) / 2: four waves, each twice as long (Holzmüller et al. 2024).

    It begins and ends at 0. A step is a batch, also in a `Trainer`.

    Args:
        optimizer: whose rates are set.
        total_steps: T, steps of the whole course.
        last_epoch: the last step that was made; -1 begins.
    """

    course = staticmethod(coslog4)


class FlatCosineLR(_Along, name="flat_cos"):
    """lr_t = lr_0 for the first half of T steps, then down to 0 along half a wave of a cosine.

    A step is a batch, also in a `Trainer`.

    Args:
        optimizer: whose rates are set.
        total_steps: T, steps of the whole course.
        last_epoch: the last step that was made; -1 begins.
    """

    course = staticmethod(flat_cos)


@dataclass(frozen=True)
class Knob:
    """A number that an object holds as an attribute, to be set at each step: `Knob(dropout, "p")`."""

    owner: Any
    name: str

    @property
    def value(self) -> float:
        """The number now."""
        return float(getattr(self.owner, self.name))


@dataclass(frozen=True)
class Courses:
    """Courses of several numbers over a fit: a schedule that a `Trainer` makes anew, of its own length, for each fit.

    `groups` has a course, or the name of one, for each number of the parameter groups: "lr", "weight_decay". Each group
    begins with its own number. `knobs` are numbers elsewhere, each with its course: the p of a `Dropout` layer. All but
    the rates are what they were when the fit is over.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
        >>> less = [(lr_scheduler.Knob(model[2], "p"), "flat_cos")]
        >>> courses = lr_scheduler.Courses({"lr": "coslog4", "weight_decay": "flat_cos"}, less)
        >>> trainer = ff.Trainer(model, "mse", optim.AdamW(model.parameters()), courses)
    """

    groups: Mapping[str, str | Course] = field(default_factory=dict)
    knobs: Sequence[tuple[Knob, str | Course]] = ()

    def __post_init__(self) -> None:
        for course in (*self.groups.values(), *(course for _, course in self.knobs)):
            course_of(course)

    def for_fit(self, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> CoursesSchedule:
        """The schedule of a fit."""
        return CoursesSchedule(optimizer, epochs * steps_per_epoch, self)


class CoursesSchedule(LRScheduler):
    """number_t = number_0 times its course at t / total_steps, for the numbers that `courses` names."""

    every = "batch"
    chains: ClassVar[bool] = False
    unsaved: ClassVar[tuple[str, ...]] = ("optimizer", "courses", "_knobs")

    def __init__(self, optimizer: Optimizer, total_steps: int, courses: Courses, last_epoch: int = -1) -> None:
        self.total_steps = check_count("Courses", "total_steps", total_steps)
        self.courses = courses
        # A number that is 0 stays so whatever its course, and what it would multiply or ask for is left out.
        self._knobs = [(knob, course_of(course)) for knob, course in courses.knobs if knob.value]
        self._at_first = [knob.value for knob, _ in self._knobs]
        self._others: list[dict[str, float]] = []
        for group in optimizer.param_groups:
            for name in courses.groups:
                if not isinstance(group.get(name), (int, float)):
                    raise ArgumentError(f"Courses: {type(optimizer).__name__} has no number {name!r} in its groups")
            others = {name: float(group[name]) for name in courses.groups if name != "lr" and group[name]}
            self._others.append(others)
        super().__init__(optimizer, last_epoch)

    def _factor(self, course: str | Course, t: float) -> float:
        return course_of(course)(min(t / self.total_steps, 1.0))

    def rate(self, t: float, group: int) -> float:
        return self.base_lrs[group] * self._factor(self.courses.groups.get("lr", constant), t)

    def settings(self, t: float, group: int) -> dict[str, float]:
        others = self._others[group].items()
        found = {name: value * self._factor(self.courses.groups[name], t) for name, value in others}
        return {"lr": self.rate(t, group), **found}

    def knob_values(self, t: float) -> list[tuple[Knob, float]]:
        """The numbers elsewhere and what they are after t steps."""
        at_first = zip(self._knobs, self._at_first, strict=True)
        return [(knob, value * self._factor(course, t)) for (knob, course), value in at_first]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next step, or to a given one, and set all numbers."""
        super().step(epoch)
        for number, group in enumerate(self.optimizer.param_groups):
            group.update({k: v for k, v in self.settings(self.last_epoch, number).items() if k != "lr"})
        for knob, value in self.knob_values(self.last_epoch):
            setattr(knob.owner, knob.name, value)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; sets the numbers of that step."""
        super().load_state_dict(state_dict)
        self.step(self.last_epoch)

    def finish(self) -> None:
        """Put all numbers but the rates back to what they were before the fit."""
        for group, others in zip(self.optimizer.param_groups, self._others, strict=True):
            group.update(others)
        for (knob, _), value in zip(self._knobs, self._at_first, strict=True):
            setattr(knob.owner, knob.name, value)
