"""The forecasting family: one or many regular time series."""
