"""Which release of a data set some files are, told by how many images they hold."""

from __future__ import annotations

from labelwise.data.catalogue import CatalogueEntry
from labelwise.errors import DataError

__all__ = ["release_name"]


def release_name(entry: CatalogueEntry, n_train: int, n_test: int) -> str:
    """Name the release that holds so many images, and refuse any other number.

    Parameters
    ----------
    entry : CatalogueEntry
        The data set.
    n_train, n_test : int
        Number of images in each part; 0 where a part is not there.

    Returns
    -------
    name : str
        The name of the data set, followed by its release where several are known.

    Raises
    ------
    DataError
        If no release has these numbers, or the two parts come from different releases.
    """
    found = [
        release
        for release in entry.releases
        if (n_train, n_test) in (release, (release[0], 0), (0, release[1]))
    ]
    if not found:
        raise DataError(_refusal(entry, n_train, n_test))
    total = sum(found[0])
    release = f", {total:,}-image release" if len(entry.releases) > 1 else ""
    if n_train and n_test:
        return f"{entry.name}{release}"
    return f"{entry.name}{release}, {'training' if n_train else 'test'} part"


def _refusal(entry: CatalogueEntry, n_train: int, n_test: int) -> str:
    of_train = next((sum(release) for release in entry.releases if release[0] == n_train), None)
    of_test = next((sum(release) for release in entry.releases if release[1] == n_test), None)
    if of_train and of_test:
        return (
            f"{entry.name}: these files mix two releases, {n_train:,} training images of the "
            f"{of_train:,}-image one and {n_test:,} test images of the {of_test:,}-image one: "
            "use four files of one release"
        )
    known = " or ".join(f"{train:,} + {test:,}" for train, test in entry.releases)
    return (
        f"{entry.name}: {n_train:,} training and {n_test:,} test images are no known release, "
        f"which has {known}: get the published files"
    )
