"""All of torch that models share: batches, likelihoods, views, defaults, progress."""
