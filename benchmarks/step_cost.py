"""What one training step costs, as ratios in one run: the published networks on random 28x28 images.

Prints the table of benchmarks/results/step_cost.md. Every setting is timed in turn, several rounds; the
median of each counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from labelwise.gmvae.networks import Architecture, GMVAEModule, build_module
from labelwise.gmvae.objective import mixture_terms
from labelwise.gmvae.training import make_optimizer, take_step
from labelwise.nn.defaults import resolve_batch_size, use_bfloat16
from labelwise.nn.replay import Replayed
from labelwise.nn.run import Run
from labelwise.randomness import torch_generator

HIDDEN = (768,) * 4
DECODER_HIDDEN = (512, 768, 768)


def published_networks(objective: str, n_components: int = 100) -> GMVAEModule:
    """784-768x4 encoder, 100 latent dimensions, decoder 100-512-768-768-784."""
    architecture = Architecture(
        objective, (28, 28), n_components, 100, "dense", "bernoulli", HIDDEN, DECODER_HIDDEN
    )
    return build_module(architecture, torch_generator(0))


def training_step(module: GMVAEModule, batch_size: int) -> Callable[[], None]:
    """One full step: scaling, forward, objective, backward, clipping, AdamW."""
    module.train()
    run = Run(module, make_optimizer(module, 1e-4))
    device = next(module.parameters()).device
    noise = torch_generator(1, device=device)
    raw = torch.randint(0, 256, (batch_size, 784), generator=torch_generator(2), dtype=torch.uint8).to(device)

    def step(items: Tensor) -> None:
        values = module.likelihood.scale(items)
        take_step(run, mixture_terms(module, values, values, noise).loss().mean())

    replayed = Replayed(step, [noise])
    return lambda: replayed(raw)


def matrix_products(module: GMVAEModule, batch_size: int) -> Callable[[], None]:
    """Only the products of the linear layers: forward, gradient of the input and gradient of the weights.

    The first encoder layer needs no gradient of its input.
    """
    dtype = torch.bfloat16 if module.mixed else torch.float32
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    operands: list[tuple[Tensor, Tensor, Tensor]] = []
    for layer in layers:
        like = {"dtype": dtype, "device": layer.weight.device}
        inputs = torch.randn(batch_size, layer.in_features, **like)
        gradient = torch.randn(batch_size, layer.out_features, **like)
        operands.append((inputs, gradient, layer.weight.detach().to(dtype)))

    def products() -> None:
        for number, (inputs, gradient, weight) in enumerate(operands):
            inputs @ weight.T
            gradient.T @ inputs
            if number > 0:
                gradient @ weight

    return products


def median_seconds(jobs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Run the jobs in turn, `rounds` times after one warm-up, fast jobs several times a round."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            repeats = 1 if name.startswith("exact") else 10
            start = time.perf_counter()
            for _ in range(repeats):
                job()
            if number:
                times[name].append((time.perf_counter() - start) / repeats)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "step_cost.md")
    options = parser.parse_args()

    default_batch = resolve_batch_size("auto", 145_600)
    default_mixed = use_bfloat16("auto", torch.device("cpu"), HIDDEN)
    settings = {
        "exact, K=100, float32 (as published)": ("exact", 100, False, 128),
        "collapsed, K=100, float32": ("collapsed", 100, False, 128),
        f"collapsed, K=100, default (batch {default_batch})": (
            "collapsed",
            100,
            default_mixed,
            default_batch,
        ),
        f"collapsed, K=1000, default (batch {default_batch})": (
            "collapsed",
            1000,
            default_mixed,
            default_batch,
        ),
    }
    jobs: dict[str, Callable[[], None]] = {}
    batches = {}
    for name, (objective, n_components, mixed, batch_size) in settings.items():
        module = published_networks(objective, n_components)
        module.mixed = mixed
        jobs[name] = training_step(module, batch_size)
        jobs[f"products of: {name}"] = matrix_products(module, batch_size)
        batches[name] = batch_size
    del jobs["products of: exact, K=100, float32 (as published)"]
    seconds = median_seconds(jobs, options.rounds)

    exact, single, default, thousand = (seconds[name] / batches[name] for name in settings)
    lines = [
        "# Cost of a training step",
        "",
        "`make bench` (or `python benchmarks/step_cost.py`): 784-768x4 encoder, 100 latent dimensions,",
        f"decoder 100-512-768-768-784; {torch.get_num_threads()} threads, torch "
        f"{torch.__version__.split('+')[0]}, default precision here: "
        f"{'bfloat16' if default_mixed else 'float32'}.",
        f"Medians of {options.rounds} rounds, all settings in turn.",
        "",
        "| setting | batch | ms a step | ms for 128 items | products alone | share of the step |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in settings:
        step = seconds[name]
        alone = seconds.get(f"products of: {name}")
        products = f"{1e3 * alone:.1f} ms | {alone / step:.0%}" if alone else "- | -"
        size = batches[name]
        lines.append(f"| {name} | {size} | {1e3 * step:.1f} | {128e3 * step / size:.2f} | {products} |")
    lines += [
        "",
        "| ratio, per item | value | aim |",
        "| --- | --- | --- |",
        f"| exact / collapsed, both float32, batch 128 | {exact / single:.0f} | at least 35 |",
        f"| exact as published / collapsed by default | {exact / default:.0f} | at least 120 |",
        f"| K=1000 / K=100, collapsed by default | {thousand / default:.2f} | at most 1.3 |",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
