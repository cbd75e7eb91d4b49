"""From components to labels: names for what the model found."""

from labelwise.decoding.base import Decoder
from labelwise.decoding.hard import HardDecoder
from labelwise.decoding.soft import SoftDecoder
from labelwise.labels import UNLABELED

# Feeds the command line's choices and the conformance tests.
DECODERS: dict[str, type[Decoder]] = {"hard": HardDecoder, "soft": SoftDecoder}

__all__ = ["DECODERS", "UNLABELED", "Decoder", "HardDecoder", "SoftDecoder"]
