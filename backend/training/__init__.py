"""From data folder to `temp_model.h5`: data, blends, fit, calibration, evaluation."""
