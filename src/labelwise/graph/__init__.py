"""Which items are near which: nearest points, graphs of neighbours, principal components. Arrays only."""
