"""The models that judge faces: files, configuration, crops, calibration."""
