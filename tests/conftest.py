"""What all tests share."""

from __future__ import annotations

import torch

# Networks in tests are tiny: a second thread only waits for the first, and waits long on a busy machine.
torch.set_num_threads(1)
