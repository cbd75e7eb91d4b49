"""The methods of a study: one table that the protocol, the command line, the ladder and the report read.

A method is known by its id. `name` is what study files and `results.csv` call it, which never changes, since
finished studies are read again; `label` and `phrase` are for people and may change at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from labelwise.decoding import (
    BayesDecoder,
    HardDecoder,
    PoissonDecoder,
    RelatedDecoder,
    SoftDecoder,
    SpreadingDecoder,
)
from labelwise.study.answers import (
    Run,
    auto_decoder,
    by_classifier,
    by_decoding,
    by_self_training,
    by_spreading,
    by_student,
    by_votes,
    logistic_regression,
    mlp,
    tuned_logistic_regression,
    xgboost,
)
from labelwise.study.selections import SELECTIONS

RANDOM = "random"
SUGGESTED = "suggested"


@dataclass(frozen=True, kw_only=True)
class MethodSpec:
    """A method of a study: how it answers, what that takes, and what it is called.

    Attributes
    ----------
    id : str
        What code calls it: lower-case letters, digits and hyphens.
    name : str
        What study files and `results.csv` call it.
    run : callable
        From a task, labels of shape (n_pool,) with -1, and a seed to answers.
    needs : frozenset of str
        Features of `View`, or "graph".
    label : str
        What tables and figures call it; the name unless given.
    phrase : str
        What sentences call it; the label unless given.
    slow : bool
        Whether the cost grows so much with the labels that a study takes fewer draws at large budgets.
    selection : str
        How the items to label are chosen: `RANDOM`, `SUGGESTED` (by `labelwise.suggest`) or a key of
        `SELECTIONS`.
    by_default : bool
        Whether a study that names no methods runs it.
    """

    id: str
    name: str
    run: Run
    needs: frozenset[str]
    label: str = ""
    phrase: str = ""
    slow: bool = False
    selection: str = RANDOM
    by_default: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)
        object.__setattr__(self, "phrase", self.phrase or self.label)

    @property
    def uses_model(self) -> bool:
        """Whether it looks at our model, so that its answers depend on the model seed."""
        return "encoding" in self.needs


def with_labels(selection: str, method: MethodSpec, *, id: str, name: str, phrase: str = "") -> MethodSpec:
    """The same method with labels of chosen items: not by default, as choosing takes seconds."""
    needs = method.needs | ({"suggested"} if selection == SUGGESTED else {"encoding"})
    return replace(
        method,
        id=id,
        name=name,
        label=name,
        phrase=phrase or f"{method.phrase} with suggested labels",
        needs=needs,
        selection=selection,
        by_default=False,
    )


_ENCODING = frozenset({"encoding"})
_MIXTURE = frozenset({"mixture"})
_PRINCIPAL = frozenset({"principal"})
_ITEMS = frozenset({"items"})

HARD_PUBLISHED = MethodSpec(
    id="hard-published",
    name="hard (as published)",
    run=by_decoding(HardDecoder(unnamed="first")),
    needs=_ENCODING,
    phrase="hard decoding as published",
)
HARD = MethodSpec(
    id="hard", name="hard", run=by_decoding(HardDecoder()), needs=_ENCODING, phrase="hard decoding"
)
SOFT = MethodSpec(
    id="soft", name="soft", run=by_decoding(SoftDecoder()), needs=_ENCODING, phrase="soft decoding"
)
RELATED = MethodSpec(
    id="related",
    name="related",
    run=by_decoding(RelatedDecoder()),
    needs=_ENCODING,
    phrase="decoding by related components",
)
BAYES = MethodSpec(
    id="bayes", name="bayes", run=by_decoding(BayesDecoder()), needs=_ENCODING, phrase="Bayes decoding"
)
SPREADING = MethodSpec(
    id="spreading",
    name="spreading",
    run=by_decoding(SpreadingDecoder()),
    needs=_ENCODING,
    phrase="spreading on the model's latents",
)
POISSON = MethodSpec(
    id="poisson",
    name="poisson",
    run=by_decoding(PoissonDecoder()),
    needs=_ENCODING,
    phrase="Poisson learning",
)
AUTO = MethodSpec(
    id="auto",
    name="auto",
    run=by_decoding(auto_decoder()),
    needs=_ENCODING,
    phrase="automatic decoding",
)
STUDENT = MethodSpec(
    id="student",
    name="student",
    run=by_student,
    needs=_ENCODING | {"images"},
    phrase="the student",
    slow=True,
    by_default=False,  # minutes a cell
)
SOFT_SUGGESTED = with_labels(SUGGESTED, SOFT, id="soft-suggested", name="soft, suggested")
POISSON_SUGGESTED = with_labels(SUGGESTED, POISSON, id="poisson-suggested", name="poisson, suggested")
AUTO_SUGGESTED = with_labels(SUGGESTED, AUTO, id="auto-suggested", name="auto, suggested")
STUDENT_SUGGESTED = with_labels(SUGGESTED, STUDENT, id="student-suggested", name="student, suggested")
POISSON_SELECTED = tuple(
    with_labels(
        selection.id,
        POISSON,
        id=f"poisson-{selection.id}",
        name=f"poisson, {selection.name}",
        phrase=f"{POISSON.phrase} with labels chosen by {selection.name}",
    )
    for selection in SELECTIONS.values()
)
KMEANS = MethodSpec(
    id="kmeans", name="k-means", run=by_decoding(HardDecoder(), "kmeans"), needs=frozenset({"kmeans"})
)
GAUSSIAN_MIXTURE = MethodSpec(
    id="gaussian-mixture",
    name="Gaussian mixture",
    run=by_decoding(HardDecoder(), "mixture"),
    needs=_MIXTURE,
    phrase="the Gaussian mixture",
)
MIXTURE_CLASSIFIER = MethodSpec(
    id="mixture-classifier",
    name="mixture classifier",
    run=by_votes("mixture"),
    needs=_MIXTURE,
    phrase="the mixture classifier",
)
LABEL_SPREADING = MethodSpec(
    id="label-spreading", name="label spreading", run=by_spreading, needs=frozenset({"graph"})
)
SELF_TRAINING = MethodSpec(
    id="self-training", name="self-training", run=by_self_training, needs=_PRINCIPAL, slow=True
)
LOGISTIC = MethodSpec(
    id="logistic",
    name="logistic regression",
    run=by_classifier(logistic_regression, "items"),
    needs=_ITEMS,
    slow=True,
)
LOGISTIC_TUNED = MethodSpec(
    id="logistic-tuned",
    name="logistic regression, tuned",
    run=by_classifier(tuned_logistic_regression, "principal"),
    needs=_PRINCIPAL,
    phrase="tuned logistic regression",
    slow=True,
)
MLP = MethodSpec(
    id="mlp", name="MLP", run=by_classifier(mlp, "items"), needs=_ITEMS, phrase="the MLP", slow=True
)
XGBOOST = MethodSpec(
    id="xgboost", name="XGBoost", run=by_classifier(xgboost(), "items"), needs=_ITEMS, slow=True
)
XGBOOST_TUNED = MethodSpec(
    id="xgboost-tuned",
    name="XGBoost, tuned",
    # By default a leaf must have a hessian of 1: with a few dozen labels no split is made at all.
    run=by_classifier(xgboost(min_child_weight=0.0, colsample_bytree=0.3), "items"),
    needs=_ITEMS,
    phrase="tuned XGBoost",
    slow=True,
)

# In the order of tables and legends.
METHODS: dict[str, MethodSpec] = {
    method.id: method
    for method in (
        HARD_PUBLISHED,
        HARD,
        SOFT,
        RELATED,
        BAYES,
        SPREADING,
        POISSON,
        AUTO,
        STUDENT,
        SOFT_SUGGESTED,
        POISSON_SUGGESTED,
        AUTO_SUGGESTED,
        STUDENT_SUGGESTED,
        *POISSON_SELECTED,
        KMEANS,
        GAUSSIAN_MIXTURE,
        MIXTURE_CLASSIFIER,
        LABEL_SPREADING,
        SELF_TRAINING,
        LOGISTIC,
        LOGISTIC_TUNED,
        MLP,
        XGBOOST,
        XGBOOST_TUNED,
    )
}
DEFAULT_METHODS = tuple(method.id for method in METHODS.values() if method.by_default)
_IDS = {method.name: method.id for method in METHODS.values()}


def id_of(name: str) -> str | None:
    """The id of the method that a study file calls `name`, by its name or id; None if there is none."""
    return name if name in METHODS else _IDS.get(name)


def name_of(method: str) -> str:
    """What files call the method with this id; an unknown id, from another version, stands for itself."""
    return METHODS[method].name if method in METHODS else method


def label_of(method: str) -> str:
    """What tables and figures call the method with this id; an unknown id stands for itself."""
    return METHODS[method].label if method in METHODS else method


def phrase_of(method: str) -> str:
    """What sentences call the method with this id; an unknown id stands for itself."""
    return METHODS[method].phrase if method in METHODS else method
