"""The training loop. It knows modules, batches and loss terms, but no estimators.

Everything random derives from (seed, purpose, epoch), and the learning rate from the step number. So the
state of a run is its weights, its optimiser and the number of epochs done, and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labelwise.events import Event, Listener, ignore
from labelwise.gmvae.monitors import count_active_components
from labelwise.gmvae.networks import GMVAEModule
from labelwise.gmvae.objective import Terms, mixture_terms, plain_terms
from labelwise.gmvae.start import kmeans_start, start_rows
from labelwise.nn.batches import Items
from labelwise.nn.checkpoint import CheckpointFile, EpochRecord
from labelwise.nn.layers import moments_shared
from labelwise.nn.processes import ALONE, Group
from labelwise.nn.replay import Replayed, adamw, set_rate
from labelwise.nn.run import Run
from labelwise.nn.views import random_views
from labelwise.randomness import numpy_generator, seed_anew, torch_generator
from labelwise.scratch import scratch_array
from labelwise.storage import fingerprint

# Purposes of the random streams of one run.
WEIGHTS, ORDER, NOISE, VIEWS, START, START_ROWS, REFERENCE = range(7)

_WARMUP_STEPS = 500  # of the learning rate
_MIXTURE_RATE = 2.0  # learning rate of the mixture's parameters, relative to the networks'
_WEIGHT_DECAY = 0.01
_MAX_GRADIENT_NORM = 100.0  # nats; an emergency brake, rarely reached
_INFERENCE_BATCH = 512  # 14 % faster than 1,024 on one core, whose cache the layers then fit
_REFERENCE_ITEMS = 5000  # enough for quantiles at every percent: 50 items in each
_SCORE_BATCH = 128  # the exact objective decodes each item K times


@dataclass(frozen=True)
class Plan:
    """How to train: `plain_epochs` of a plain VAE, then k-means, then the mixture until `n_epochs`.

    The KL terms count in full after `kl_steps` of the plain phase.
    """

    n_epochs: int
    plain_epochs: int
    kl_steps: int
    batch_size: int
    learning_rate: float
    augment: str | None
    seed: int


def run_settings(
    plan: Plan, module: GMVAEModule, device: torch.device, X: np.ndarray, group: Group
) -> dict[str, Any]:
    """All that decides the bits of a run."""
    return {
        **group.settings,
        **asdict(module.architecture),
        **asdict(plan),
        "bfloat16": module.mixed,
        "device": device.type,
        "n_samples": len(X),
        "data": fingerprint(X),
        "labelwise": version("labelwise"),
        "torch": torch.__version__.split("+")[0],
        "threads": torch.get_num_threads(),
    }


def train(
    module: GMVAEModule,
    items: Items,
    plan: Plan,
    *,
    checkpoint: CheckpointFile | None = None,
    group: Group = ALONE,
    listen: Listener = ignore,
) -> list[EpochRecord]:
    """Train `module` in place, from the state in `checkpoint` if it holds one, and return the history.

    The first process of a `group` has the checkpoint.

    `listen` gets an event of the stage "training" for each batch. That of the last batch of an epoch comes
    once the epoch is in the checkpoint; its numbers are the epoch's record.
    """
    run = Run(module, make_optimizer(module, plan.learning_rate))
    state = group.take_over(None if checkpoint is None else checkpoint.restore())
    if state is not None:
        run.adopt(state)
    resuming = f"resuming after epoch {run.epoch} of {plan.n_epochs}" if run.epoch else ""
    listen(Event("training", run.epoch / plan.n_epochs, resuming))
    phase = Phase(run, plan, group)
    while run.epoch < plan.n_epochs:
        if run.epoch == plan.plain_epochs and plan.plain_epochs > 0:
            start_mixture(module, items, plan)
            phase = Phase(run, plan, group)
        with moments_shared(module, group):
            record = phase.run_epoch(items, listen)
        run.history.append(record)
        if checkpoint is not None:
            checkpoint.keep(run.state(), last=run.epoch == plan.n_epochs)
        message = f"epoch {run.epoch}/{plan.n_epochs}: {describe(record)}"
        numbers = {name: value for name, value in record.items() if name != "phase"}
        listen(Event("training", run.epoch / plan.n_epochs, message, numbers))
    return run.history


def describe(record: EpochRecord) -> str:
    """The loss of one epoch, term by term, in nats."""
    words = (
        f"loss {record['loss']:.2f} = reconstruction {record['reconstruction']:.2f} "
        f"+ KL z {record['kl_z']:.2f} + KL c {record['kl_c']:.2f} nats"
    )
    active = record["n_active_components"]
    return words + (" (plain VAE)" if active is None else f", {active} components active")


def make_optimizer(module: GMVAEModule, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW; the mixture learns faster than the networks and is not pulled to the origin."""
    mixture = list(module.mixture.parameters())
    apart = {id(parameter) for parameter in mixture}
    networks = [parameter for parameter in module.parameters() if id(parameter) not in apart]
    groups = [
        {"params": networks, "scale": 1.0, "weight_decay": _WEIGHT_DECAY},
        {"params": mixture, "scale": _MIXTURE_RATE, "weight_decay": 0.0},
    ]
    return adamw(groups, learning_rate)


def learning_rate_factor(step: int, n_steps: int) -> float:
    """Linear warm-up, then a cosine down to 0, for 0-based `step` of `n_steps`."""
    warmup = min(_WARMUP_STEPS, max(1, n_steps // 10))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, n_steps - warmup)))


class Phase:
    """Epochs of the plain VAE or of the mixture; on a GPU their steps are recorded once.

    Parameters
    ----------
    run : Run
        Its next epoch says which phase it is.
    plan : Plan
    group : Group
    """

    def __init__(self, run: Run[GMVAEModule], plan: Plan, group: Group) -> None:
        self._run, self._plan, self._group = run, plan, group
        self._is_plain = run.epoch < plan.plain_epochs
        device = next(run.module.parameters()).device
        self._noise, self._views = torch.Generator(device), torch.Generator(device)
        self._kl_weight = torch.ones((), device=device)
        self._totals = EpochTotals(run.module.architecture.n_components, device)
        self._step = self._learn if group.size > 1 else Replayed(self._learn, (self._noise, self._views))

    def run_epoch(self, items: Items, listen: Listener) -> EpochRecord:
        """One pass over the items; `listen` hears of all batches but the last."""
        run, plan, epoch = self._run, self._plan, self._run.epoch
        n_batches = math.ceil(len(items) / plan.batch_size)
        n_steps = plan.n_epochs * n_batches
        seed_anew(self._noise, plan.seed, NOISE, epoch)
        seed_anew(self._views, plan.seed, VIEWS, epoch)
        self._totals.clear()
        if not run.module.training:
            run.module.train()
        batches = items.shuffled(plan.batch_size, numpy_generator(plan.seed, ORDER, epoch))
        for step, batch in enumerate(batches, start=epoch * n_batches):
            if self._is_plain:
                self._kl_weight.fill_(min(1.0, (step + 1) / plan.kl_steps))
            set_rate(run.optimizer, plan.learning_rate * learning_rate_factor(step, n_steps))
            self._step(batch)
            if (step + 1) % n_batches:
                listen(Event("training", (step + 1) / n_steps))
        phase = "plain" if self._is_plain else "mixture"
        return {"epoch": epoch + 1, "phase": phase, **self._totals.record(len(items), self._group)}

    def _learn(self, batch: Tensor) -> None:
        module = self._run.module
        targets = module.likelihood.scale(batch)
        inputs = random_views(targets, module.architecture.item_shape, self._plan.augment, self._views)
        evaluate = plain_terms if self._is_plain else mixture_terms
        share = self._group.share(len(batch))
        terms = evaluate(module, inputs[share.rows], targets[share.rows], self._noise, share)
        take_step(self._run, terms.loss(self._kl_weight).sum() / len(batch), self._group)
        self._totals.add(terms)


def take_step(run: Run[GMVAEModule], loss: Tensor, group: Group = ALONE) -> None:
    """One optimiser step; the loss is the sum of those of the group."""
    run.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    group.add_gradients(run.parameters)
    parameters = [parameter for parameter in run.parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    # Clipping would multiply all gradients by 1 in almost every step; a GPU does that sooner than it answers.
    if norm.is_cuda or norm > _MAX_GRADIENT_NORM:
        torch.nn.utils.clip_grads_with_norm_(parameters, _MAX_GRADIENT_NORM, norm)
    run.optimizer.step()


class EpochTotals:
    """Sums over the batches of one epoch, kept on the device until the epoch's end."""

    def __init__(self, n_components: int, device: torch.device) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)
        self._usage = torch.zeros(n_components, dtype=torch.float64, device=device)

    def clear(self) -> None:
        """Begin with another epoch."""
        self._sums.zero_()
        self._usage.zero_()

    def add(self, terms: Terms) -> None:
        """Count one batch."""
        self._sums += torch.stack([terms.reconstruction, terms.kl_z, terms.kl_c]).detach().double().sum(-1)
        if terms.responsibilities is not None:
            self._usage += terms.responsibilities.detach().double().sum(0)

    def record(self, n_items: int, group: Group) -> EpochRecord:
        """Means over the items of all processes, in nats."""
        reconstruction, kl_z, kl_c = (group.add(self._sums) / n_items).tolist()
        usage = (group.add(self._usage) / n_items).cpu().numpy()
        return {
            "loss": reconstruction + kl_z + kl_c,
            "reconstruction": reconstruction,
            "kl_z": kl_z,
            "kl_c": kl_c,
            "n_active_components": count_active_components(usage) if usage.any() else None,
        }


@torch.no_grad()
def start_mixture(module: GMVAEModule, items: Items, plan: Plan) -> None:
    """Place the components by k-means on the latent means of (a sample of) the items."""
    n_components = module.architecture.n_components
    rows = start_rows(len(items), n_components, _stream_seed(plan.seed, START_ROWS))
    module.eval()
    batches = (items[chunk] for chunk in np.array_split(rows, math.ceil(len(rows) / _INFERENCE_BATCH)))
    posteriors = [module.infer_plain(module.likelihood.scale(batch)) for batch in batches]
    latent_means = torch.cat([posterior.mean for posterior in posteriors]).cpu().numpy()
    latent_variances = torch.cat([posterior.log_variance.exp() for posterior in posteriors]).cpu().numpy()
    seed = _stream_seed(plan.seed, START)
    means, variances = kmeans_start(latent_means, latent_variances, n_components, seed)
    device = next(module.parameters()).device
    module.start_mixture(torch.from_numpy(means).to(device), torch.from_numpy(variances).to(device))


def _stream_seed(seed: int, purpose: int) -> int:
    return int(numpy_generator(seed, purpose).integers(2**31))


@torch.no_grad()
def infer(module: GMVAEModule, items: Items, listen: Listener = ignore) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors (n, K) and latent means (n, D) of all items, in one pass, float32.

    `listen` gets an event of the stage "encoding" for each batch.
    """
    module.eval()
    a = module.architecture
    posteriors = scratch_array((len(items), a.n_components))
    latents = scratch_array((len(items), a.n_latent))
    start = 0
    listen(Event("encoding", 0.0))
    for batch in items.ordered(_INFERENCE_BATCH):
        encoded = module(module.likelihood.scale(batch))
        rows = slice(start, start + len(batch))
        posteriors[rows] = encoded.responsibilities.cpu().numpy()
        latents[rows] = encoded.latents.cpu().numpy()
        start += len(batch)
        listen(Event("encoding", start / len(items)))
    return posteriors, latents


@torch.no_grad()
def item_elbos(module: GMVAEModule, items: Items) -> np.ndarray:
    """Evidence lower bound of each item, in nats, with one fixed draw of z an item; shape (n,), float64."""
    module.eval()
    device = next(module.parameters()).device
    noise = torch_generator(0, NOISE, device=device)
    losses = []
    for batch in items.ordered(_SCORE_BATCH):
        targets = module.likelihood.scale(batch)
        losses.append(mixture_terms(module, targets, targets, noise).loss().double().cpu().numpy())
    return np.asarray(-np.concatenate(losses))


def elbo_quantiles(module: GMVAEModule, X: np.ndarray, seed: int) -> np.ndarray:
    """Quantiles of the evidence lower bound, at every percent, of at most 5,000 items; shape (101,)."""
    rows = np.sort(numpy_generator(seed, REFERENCE).permutation(len(X))[:_REFERENCE_ITEMS])
    elbos = item_elbos(module, Items(X[rows], next(module.parameters()).device))
    return np.asarray(np.quantile(elbos, np.linspace(0, 1, 101)))
