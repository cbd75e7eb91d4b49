"""Values of the options of `labelwise train`."""

from __future__ import annotations

from enum import StrEnum


class Objective(StrEnum):
    """Values of --objective."""

    collapsed = "collapsed"
    exact = "exact"


class Augment(StrEnum):
    """Values of --augment."""

    auto = "auto"
    none = "none"
    affine = "affine"
    elastic = "elastic"
    strokes = "strokes"
    photo = "photo"


class Encoder(StrEnum):
    """Values of --encoder."""

    auto = "auto"
    dense = "dense"
    conv = "conv"


class Likelihood(StrEnum):
    """Values of --likelihood."""

    auto = "auto"
    bernoulli = "bernoulli"
    gaussian = "gaussian"


class Init(StrEnum):
    """Values of --init."""

    kmeans = "kmeans"
    random = "random"


class Precision(StrEnum):
    """Values of --precision."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
