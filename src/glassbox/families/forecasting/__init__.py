"""The family that answers `task: forecasting`: one series or thousands, regular in time."""
