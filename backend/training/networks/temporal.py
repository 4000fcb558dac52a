"""The temporal network: how much the features of a face vary over a clip, and one logit of it.

Filmed faces change from moment to moment in light, focus and pose; faces that are driven or drawn
anew vary less, and in other features. The network is linear in that variation. Networks of
separable convolutions over space and time with attention told unseen methods no better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def variation(tracks: np.ndarray) -> np.ndarray:
    """How much features vary over time.

    Args:
        tracks: features of the face network, float32, shape (N, T, h, w, C).

    Returns:
        float32, shape (N, 2 C): mean absolute deviations over time, first of the feature's mean
        over the face, then the mean over the face of those at each place.
    """
    whole = tracks.mean(axis=(2, 3), keepdims=True)
    parts = [np.abs(each - each.mean(axis=1, keepdims=True)) for each in (whole, tracks)]
    return np.concatenate([part.mean(axis=(1, 2, 3)) for part in parts], axis=1)


def bounded(varied: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Variations as shares of 0 to 1: .5 at the `usual` one, so that no extreme says too much."""
    return varied / (varied + usual)


def keras_model(
    shape: tuple[int, int, int, int], usual: np.ndarray, weights: np.ndarray, bias: float
) -> keras.Model:
    """The network in Keras: takes float32 (N, T, h, w, C), gives one logit, positive for fake.

    Args:
        shape: (T, h, w, C).
        usual: for `bounded`, shape (2 C,).
        weights: of what that gives, shape (2 C,).
        bias: of the logit.
    """
    import keras

    layers = keras.layers
    moments, height, width, _ = shape

    def deviation(x):
        middle = layers.AveragePooling3D((moments, 1, 1))(x)
        apart = layers.Subtract()([x, layers.UpSampling3D((moments, 1, 1))(middle)])
        below = layers.ReLU()(layers.Rescaling(-1.0)(apart))
        return layers.GlobalAveragePooling3D()(layers.Add()([layers.ReLU()(apart), below]))

    tracks = keras.Input(shape, name="track")
    whole = layers.AveragePooling3D((1, height, width))(tracks)
    varied = layers.Concatenate()([deviation(whole), deviation(tracks)])
    scaled = layers.Normalization(mean=np.zeros_like(usual), variance=usual**2)(varied)
    logit = layers.Dense(1, name="logits")
    score = logit(layers.Activation("softsign")(scaled))
    logit.set_weights([weights[:, None], np.array([bias])])
    return keras.Model(tracks, score, name="temporal")
