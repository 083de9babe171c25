"""Work for several workers: threads unless joblib is told otherwise (`joblib.parallel_config(backend="loky")`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from forwardnet.train.threads import limited_threads


@dataclass(frozen=True)
class Workers:
    """How many jobs run at once, and whether they see this process's memory."""

    count: int
    is_here: bool

    @classmethod
    def of(cls, n_jobs: int | None) -> Workers:
        """What `n_jobs` means under the joblib backend in force.

        None: what `parallel_config` says, else as many as there are processors; one within another parallel run.
        """
        from joblib import parallel

        backend, _ = parallel.get_active_backend(prefer="threads")
        if n_jobs is None:
            # joblib does not say in public whether somebody asked for one job, or nobody for any.
            asked = getattr(getattr(parallel, "_backend", None), "config", {}).get("n_jobs")
            n_jobs = asked if isinstance(asked, int) else 1 if backend.nesting_level else -1
        return cls(max(1, int(backend.effective_n_jobs(n_jobs))), bool(getattr(backend, "supports_sharedmem", False)))

    def run(self, work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """(number, work(*jobs[number])) for each job, as they end.

        NumPy's matrix products use one thread meanwhile: a sum over several may depend on their number.
        """
        from joblib import Parallel, delayed
        from joblib.parallel import get_active_backend

        backend, _ = get_active_backend(prefer="threads")
        way = "generator_unordered" if getattr(backend, "supports_return_generator", False) else "list"
        pool = Parallel(n_jobs=self.count, prefer="threads", return_as=way)
        with limited_threads(1):
            threads = None if self.is_here else 1  # here they are limited already
            yield from pool(delayed(_alone)(work, number, job, threads) for number, job in enumerate(jobs))


def _alone(work: Callable[..., Any], number: int, job: tuple[Any, ...], threads: int | None) -> tuple[int, Any]:
    """A job in its worker."""
    with limited_threads(threads):
        return number, work(*job)
