"""Forks a child for each line on stdin, so that jobs which are killed need not import everything anew.

A line is a JSON list: a file for what the child says on stderr, then "labelwise" and its arguments, or
"contrast" and a folder. The child's process number is printed, then its exit code: negative where a signal
ended it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

import labelwise.project
import labelwise.student
import labelwise.study.run  # noqa: F401
from labelwise import GMVAE
from labelwise.cli.main import main
from labelwise.errors import LabelwiseError
from labelwise.features.learned import LearnedFeaturizer


def contrast(folder: str) -> None:
    """Learn features, and a model of them."""
    X = np.load(Path(folder) / "images.npy")
    featurizer = LearnedFeaturizer("affine", n_steps=75, random_state=0)
    gmvae = GMVAE(4, features=featurizer, n_latent=3, n_hidden=32, n_layers=1, max_epochs=8, random_state=0)
    checkpoint = Path(folder) / "model.checkpoint"
    gmvae.fit(X, checkpoint=checkpoint, resume=any(Path(folder).glob("model.checkpoint*")))
    gmvae.save(Path(folder) / "model")


def run(errors: str, kind: str, *arguments: str) -> int:
    """Exit code of a job in this process."""
    with open(os.devnull, "w") as nowhere, open(errors, "w") as said:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(said.fileno(), 2)
        if kind == "contrast":
            try:
                contrast(*arguments)
            except LabelwiseError as error:
                said.write(f"labelwise: {error}\n")
                return 1
            return 0
        sys.argv = ["labelwise", *arguments]
        try:
            main()
        except SystemExit as leave:
            return int(leave.code or 0)
        return 0


def tell(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    torch.set_num_threads(1)
    tell("ready")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.stdin.close()
            os._exit(run(*json.loads(line)))
        tell(child)
        _, status = os.waitpid(child, 0)
        tell(os.waitstatus_to_exitcode(status))
