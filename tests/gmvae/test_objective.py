"""Both objectives against the same sums written in loops, values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from labelwise.gmvae.objective import collapsed_terms, exact_terms, mixture_terms, plain_terms

from .builders import component_logits, decode, encode, heads, leaves, tiny_module

N_ITEMS, N_FEATURES, N_COMPONENTS, N_LATENT = 4, 6, 3, 2


def items(likelihood):
    generator = torch.Generator().manual_seed(5)
    if likelihood == "bernoulli":
        return torch.rand(N_ITEMS, N_FEATURES, generator=generator)
    return torch.randn(N_ITEMS, N_FEATURES, generator=generator)


def gaussian(mean, log_variance):
    return Independent(Normal(mean, (log_variance / 2).exp()), 1)


def log_likelihood(likelihood, p, latent, target):
    """Log p(x given z) of one item, in the units of the data."""
    output = decode(latent, p)
    if likelihood == "bernoulli":
        # Grey pixels count as probabilities of ink: the cross-entropy.
        ink = Bernoulli(logits=output)
        one, zero = torch.ones_like(output), torch.zeros_like(output)
        return (target * ink.log_prob(one) + (1 - target) * ink.log_prob(zero)).sum()
    spread, location = p["likelihood.spread"], p["likelihood.location"]
    noise = (p["likelihood.log_variance"] / 2).exp()
    return Normal(output * spread + location, noise * spread).log_prob(target * spread + location).sum()


def component(p, c):
    return gaussian(p["mixture.means"][c], p["mixture._log_variances"][c])


def collapsed_by_loops(likelihood, p, x, noise):
    terms = []
    for b in range(len(x)):
        output = heads(encode(x[b], p), p)
        mean, log_variance = output[:N_LATENT], output[N_LATENT:]
        q = gaussian(mean, log_variance)
        latent = mean + (log_variance / 2).exp() * noise[b]
        # E_q[log p(z given c)] = -H(q) - KL(q, p(z given c))
        log_joint = torch.stack(
            [
                p["mixture.log_weights"][c] - q.entropy() - kl_divergence(q, component(p, c))
                for c in range(N_COMPONENTS)
            ]
        )
        total = -log_likelihood(likelihood, p, latent, x[b]) - q.entropy() - torch.logsumexp(log_joint, 0)
        r = log_joint.softmax(0)
        kl_c = sum(r[c] * (torch.log(r[c]) - p["mixture.log_weights"][c]) for c in range(N_COMPONENTS))
        kl_z = sum(r[c] * kl_divergence(q, component(p, c)) for c in range(N_COMPONENTS))
        terms.append((total, -log_likelihood(likelihood, p, latent, x[b]), kl_z, kl_c, r))
    return [torch.stack(column) for column in zip(*terms, strict=True)]


def exact_by_loops(likelihood, p, x, noise):
    terms = []
    for b in range(len(x)):
        features = encode(x[b], p)
        output = heads(features, p)
        log_q = component_logits(features, p).log_softmax(0)
        reconstruction, kl_z, kl_c = 0.0, 0.0, 0.0
        for c in range(N_COMPONENTS):
            head = output[2 * N_LATENT * c : 2 * N_LATENT * (c + 1)]
            mean, log_variance = head[:N_LATENT], head[N_LATENT:]
            latent = mean + (log_variance / 2).exp() * noise[b, c]
            q_c = log_q[c].exp()
            reconstruction = reconstruction - q_c * log_likelihood(likelihood, p, latent, x[b])
            kl_z = kl_z + q_c * kl_divergence(gaussian(mean, log_variance), component(p, c))
            kl_c = kl_c + q_c * (log_q[c] - p["mixture.log_weights"][c])
        terms.append((reconstruction + kl_z + kl_c, reconstruction, kl_z, kl_c, log_q.exp()))
    return [torch.stack(column) for column in zip(*terms, strict=True)]


def plain_by_loops(likelihood, p, x, noise):
    standard = Independent(Normal(torch.zeros(N_LATENT).double(), 1.0), 1)
    terms = []
    for b in range(len(x)):
        output = heads(encode(x[b], p), p)[: 2 * N_LATENT]
        mean, log_variance = output[:N_LATENT], output[N_LATENT:]
        latent = mean + (log_variance / 2).exp() * noise[b]
        reconstruction = -log_likelihood(likelihood, p, latent, x[b])
        kl_z = kl_divergence(gaussian(mean, log_variance), standard)
        terms.append((reconstruction, kl_z))
    return [torch.stack(column) for column in zip(*terms, strict=True)]


def noise_of(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def close(result, expected):
    torch.testing.assert_close(result.double(), expected.detach(), rtol=1e-4, atol=1e-5)


def compare_gradients(module, p):
    for name, parameter in module.named_parameters():
        expected = p[name].grad
        assert (expected is None) == (parameter.grad is None), name
        if expected is not None:
            torch.testing.assert_close(
                parameter.grad.double(),
                expected,
                rtol=1e-3,
                atol=2e-4,
                msg=lambda text, n=name: f"{n}: {text}",
            )


CASES = {
    "collapsed": (collapsed_terms, collapsed_by_loops, (N_ITEMS, N_LATENT)),
    "exact": (exact_terms, exact_by_loops, (N_ITEMS, N_COMPONENTS, N_LATENT)),
}


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_values_and_gradients_equal_loops(objective, likelihood):
    function, by_loops, noise_shape = CASES[objective]
    module, x = tiny_module(objective, likelihood), items(likelihood)
    p = leaves(module)
    terms = function(module, x, x, torch.Generator().manual_seed(11))
    expected = by_loops(likelihood, p, x.double(), noise_of(11, *noise_shape))
    close(terms.loss(), expected[0])
    for result, value in zip(
        (terms.reconstruction, terms.kl_z, terms.kl_c, terms.responsibilities), expected[1:], strict=True
    ):
        close(result, value)

    terms.loss().sum().backward()
    expected[0].sum().backward()
    compare_gradients(module, p)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_plain_phase_equals_loops(objective, likelihood):
    module, x = tiny_module(objective, likelihood), items(likelihood)
    p = leaves(module)
    terms = plain_terms(module, x, x, torch.Generator().manual_seed(3))
    reconstruction, kl_z = plain_by_loops(likelihood, p, x.double(), noise_of(3, N_ITEMS, N_LATENT))
    close(terms.reconstruction, reconstruction)
    close(terms.kl_z, kl_z)
    close(terms.loss(0.25), reconstruction + 0.25 * kl_z)
    assert torch.equal(terms.kl_c, torch.zeros(N_ITEMS))
    assert terms.responsibilities is None

    terms.loss(0.25).sum().backward()
    (reconstruction + 0.25 * kl_z).sum().backward()
    for name, parameter in module.named_parameters():
        if name.startswith(("mixture", "component_head")):
            assert parameter.grad is None, f"the plain phase trains {name}"
    compare_gradients(module, p)


@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_terms_add_up_and_divergences_are_not_negative(objective):
    for seed in range(5):
        module = tiny_module(objective, seed=seed)
        terms = mixture_terms(
            module, items("bernoulli"), items("bernoulli"), torch.Generator().manual_seed(seed)
        )
        torch.testing.assert_close(
            terms.loss(), terms.reconstruction + terms.kl_z + terms.kl_c, rtol=1e-6, atol=1e-6
        )
        assert (terms.kl_c >= -1e-6).all()
        assert (terms.kl_z >= -1e-5).all()
        torch.testing.assert_close(terms.responsibilities.sum(-1), torch.ones(N_ITEMS))


@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_what_is_encoded_and_what_is_reconstructed_may_differ(objective):
    function, by_loops, noise_shape = CASES[objective]
    module, x = tiny_module(objective), items("bernoulli")
    p = leaves(module)
    # With all-white targets the log-likelihood is -sum softplus(output): only the inputs feed the encoder.
    terms = function(module, x, torch.zeros_like(x), torch.Generator().manual_seed(1))
    same = by_loops("bernoulli", p, x.double(), noise_of(1, *noise_shape))
    close(terms.kl_z, same[2])
    close(terms.kl_c, same[3])
    assert not torch.allclose(terms.reconstruction.double(), same[1], rtol=1e-2)


def test_equal_generators_give_equal_terms():
    module, x = tiny_module(), items("bernoulli")
    first, second, third = (
        mixture_terms(module, x, x, torch.Generator().manual_seed(seed)).loss() for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_module_of_no_known_kind_is_refused():
    with pytest.raises(TypeError, match=r"^no objective for Linear$"):
        mixture_terms(torch.nn.Linear(2, 2), torch.zeros(1, 2), torch.zeros(1, 2), torch.Generator())
