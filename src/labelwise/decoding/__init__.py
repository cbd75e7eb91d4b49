"""From components to labels: names for what the model found."""

from labelwise.decoding.auto import AutoDecoder
from labelwise.decoding.base import Decoder
from labelwise.decoding.bayes import BayesDecoder
from labelwise.decoding.hard import HardDecoder
from labelwise.decoding.linear import LinearDecoder
from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.product import ProductDecoder
from labelwise.decoding.related import RelatedDecoder
from labelwise.decoding.soft import SoftDecoder
from labelwise.decoding.spreading import SpreadingDecoder
from labelwise.decoding.taught import LinearStudentDecoder
from labelwise.labels import UNLABELED

# Feeds the command line's choices, the study and the conformance tests.
DECODERS: dict[str, type[Decoder]] = {
    "hard": HardDecoder,
    "soft": SoftDecoder,
    "related": RelatedDecoder,
    "bayes": BayesDecoder,
    "spreading": SpreadingDecoder,
    "poisson": PoissonDecoder,
    "linear": LinearDecoder,
    "product": ProductDecoder,
    "linear-student": LinearStudentDecoder,
    "auto": AutoDecoder,
}

__all__ = [
    "DECODERS",
    "UNLABELED",
    "AutoDecoder",
    "BayesDecoder",
    "Decoder",
    "HardDecoder",
    "LinearDecoder",
    "LinearStudentDecoder",
    "PoissonDecoder",
    "ProductDecoder",
    "RelatedDecoder",
    "SoftDecoder",
    "SpreadingDecoder",
]
