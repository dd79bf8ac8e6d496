"""What holds for every test."""

from hypothesis import HealthCheck, settings

# No test is judged by the clock: a slower machine finds the same faults later.
settings.register_profile("glassbox", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("glassbox")
