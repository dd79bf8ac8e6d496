"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# No deadline: tests must not depend on the speed of the machine.
settings.register_profile("glassbox", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("glassbox")
