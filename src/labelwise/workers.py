"""Where work is done that falls into pieces: in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from joblib import cpu_count, parallel_config

from labelwise.errors import MissingExtraError, ProcessError

__all__ = ["Workers"]


@dataclass(frozen=True)
class Workers:
    """Processes that share work.

    Attributes
    ----------
    n_jobs : int
        Pieces at a time; -1 for one per core.
    backend : "loky" or "dask"
        Processes on this machine, or a Dask cluster.
    address : str or None
        Of the Dask scheduler; None starts a cluster on this machine.
    timeout : float
        Seconds to wait for the scheduler.
    """

    n_jobs: int = -1
    backend: str = "loky"
    address: str | None = None
    timeout: float = 30.0

    @contextmanager
    def employed(self) -> Iterator[None]:
        """Let joblib's `Parallel` run there.

        Raises
        ------
        MissingExtraError
            If Dask is asked for and not installed.
        ProcessError
            If no scheduler answers.
        """
        if self.backend == "loky":
            n_jobs = cpu_count() if self.n_jobs < 0 else self.n_jobs
            with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
                yield
            return
        try:
            from distributed import Client
        except ImportError:
            raise MissingExtraError("the dask backend", "dask.distributed", "scale") from None
        try:
            client = Client(self.address, timeout=self.timeout)
        except (OSError, ValueError) as error:
            raise ProcessError(f"no Dask scheduler answers at {self.address}: {error}") from error
        with client, parallel_config("dask", n_jobs=self.n_jobs):
            yield
