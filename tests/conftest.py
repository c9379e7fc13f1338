"""Two profiles: quick, the default, draws the same examples each time; thorough draws afresh."""

import torch
from hypothesis import HealthCheck, settings

shared = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", max_examples=40, derandomize=True, database=None, **shared)
settings.register_profile("thorough", max_examples=5000, **shared)
settings.load_profile("quick")
torch.set_num_threads(1)  # the arrays are tiny: a second thread only waits
