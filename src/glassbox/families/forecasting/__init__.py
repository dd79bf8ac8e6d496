"""The forecasting family (`task: forecasting`): one or many regular time series."""
