"""What can go wrong without an error: drift, groups served badly, too few or too many components."""
