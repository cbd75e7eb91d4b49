"""What every featurizer can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from labelwise.events import Listener, ignore
from labelwise.storage import Arrays

if TYPE_CHECKING:
    import torch
    from torch import nn


STAGE = "features"
"""Of the events of featurizers."""


class Featurizer(ABC):
    """Makes rows of numbers of items: fitted once, saved with the model, applied to new items.

    A fitted one is `as_json()` and `arrays()`, from which `of_state` makes it again. Not fitted, it is what
    a user asked for.

    Attributes
    ----------
    name : str
        What users call it, as in `GMVAE(features="table")`. A pre-trained model is named after a colon.
    of_pixels : bool
        Whether it learns from images of one shape, as arrays; the model checks them, and paints them again.
    """

    name: ClassVar[str]
    of_pixels: ClassVar[bool] = False

    @property
    def as_parameter(self) -> str:
        """What to write in `GMVAE(features=...)` for one like it."""
        return self.name

    @classmethod
    @abstractmethod
    def of_name(cls, argument: str, parameters: Mapping[str, Any]) -> Self:
        """One that is not fitted.

        Parameters
        ----------
        argument : str
            What a user wrote after the colon; empty for featurizers that have none.
        parameters : mapping
            Of the `GMVAE`; its `random_state` is a seed.

        Raises
        ------
        ParameterError
            If other parameters do not go with it.
        """

    @classmethod
    @abstractmethod
    def check(cls, items: Any) -> None:
        """Refuse items of another kind than this one is for.

        Raises
        ------
        DataError
        """

    @classmethod
    def suits(cls, items: Any, parameters: Mapping[str, Any]) -> str:
        """Say why "auto" takes it for these items; empty if it does not."""
        return ""

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """Shape of the images that it looks at; None for items of other kinds."""
        return None

    @property
    def augment_(self) -> str | None:
        """Views under which an image stays what it is, as far as it knows."""
        return None

    def layers(self) -> nn.Module | None:
        """Layers from which a student of the images may start; None where features are all that it sees."""
        return None

    def to(self, device: torch.device) -> None:  # noqa: B027 (most have nothing to move)
        """Compute there."""

    @abstractmethod
    def fit(
        self, items: Any, *, checkpoint: Path | None = None, resume: bool = False, listen: Listener = ignore
    ) -> Self:
        """Learn what is needed from the items, without labels.

        Parameters
        ----------
        items : array-like
        checkpoint : Path, default=None
            A file for the state of work that takes minutes.
        resume : bool, default=False
            Resume from `checkpoint` if it exists.
        listen : callable
            Gets an `Event` of the stage "features" now and then, where it takes long.
        """

    @abstractmethod
    def transform(self, items: Any, *, listen: Listener = ignore) -> np.ndarray:
        """Features of each item, shape (n_samples, n_features), float32.

        Raises
        ------
        DataError
            If the items differ in kind from those of `fit`.
        """

    @abstractmethod
    def describe(self) -> str:
        """Say in one line what becomes of what."""

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """JSON values: "name", "description" (as `describe` has it), and all that was fitted but arrays."""

    def arrays(self) -> Arrays:
        """Arrays of what was fitted."""
        return {}

    @classmethod
    @abstractmethod
    def of_state(cls, values: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what `as_json` and `arrays` gave."""
