"""Programs that ask a deepfake detector: `deepfake_detector.client`. The server is `backend`."""
