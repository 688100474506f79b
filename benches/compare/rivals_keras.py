"""The families of autoencoders as one would write them in Keras, on TensorFlow."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import tensorflow as tf
from keras import layers

SAME, RELU = {"padding": "same"}, {"activation": "relu"}


def conv_autoencoder():
    return [
        layers.Conv2D(16, 3, 2, **SAME, **RELU),
        layers.Conv2D(32, 3, 2, **SAME, **RELU),
        layers.Conv2D(32, 2, 2, **SAME, **RELU),
        layers.Conv2D(32, 2, **SAME, **RELU), layers.UpSampling2D(2),
        layers.Conv2D(32, 3, **SAME, **RELU), layers.UpSampling2D(2),
        layers.Conv2D(16, 3, **RELU), layers.UpSampling2D(2),
        layers.Conv2D(1, 3, **SAME, activation="sigmoid"),
    ]  # fmt: skip


def dense_autoencoder():
    return [
        layers.Flatten(),
        layers.Dense(128, **RELU), layers.Dense(32, **RELU),
        layers.Dense(128, **RELU), layers.Dense(784, activation="sigmoid"),
        layers.Reshape((28, 28, 1)),
    ]  # fmt: skip


def lstm_autoencoder():
    return [
        layers.Reshape((28, 28)),
        layers.LSTM(128), layers.RepeatVector(28), layers.LSTM(128, return_sequences=True),
        layers.Dense(28, activation="sigmoid"),
        layers.Reshape((28, 28, 1)),
    ]  # fmt: skip


FAMILIES = {"conv": conv_autoencoder, "dense": dense_autoencoder, "lstm": lstm_autoencoder}


def use_threads(n):
    tf.config.threading.set_intra_op_parallelism_threads(n)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def steps(family, way, images, batch, clock):
    """Times of training steps on `images` [n, 28, 28], each the mean over an epoch of `fit`: it runs as compiled code."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([layers.Input((28, 28, 1)), *FAMILIES[family]()])
    xla = {"jit_compile": False} if way == "keras-no-xla" else {}
    model.compile("adam", "binary_crossentropy", **xla)
    x = images[..., None]
    model.fit(x, x, batch_size=batch, verbose=0)
    times = []
    for _ in range(5):
        start = clock()
        model.fit(x, x, batch_size=batch, verbose=0)
        times.append((clock() - start) / (len(x) // batch))
    return times, f"{keras.__version__} on tensorflow {tf.__version__}"
