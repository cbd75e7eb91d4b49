"""`python -m labelwise`, and `torchrun -m labelwise train`."""

from labelwise.cli.main import main

main()
