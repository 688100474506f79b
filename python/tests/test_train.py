"""Training from Python: callbacks, stopping, resuming, and the transformer of scikit-learn."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

import aesearch
from aesearch._train import Family

pytestmark = pytest.mark.filterwarnings("ignore::aesearch.AesearchWarning")  # these models are hardly trained


def trained(data: Any, out: Path, **how: Any) -> aesearch.TrainResult:
    small: dict[str, Any] = {"family": "dense", "bits": 32, "width": 16, "seed": 1, "threads": 1}
    return aesearch.train(data, out=out, progress=False, **(small | how))


def test_arrays_become_a_model_with_a_curve(drawings: NDArray[np.uint8], tmp_path: Path) -> None:
    heard: list[aesearch.Epoch] = []
    result = trained(drawings, tmp_path / "model", epochs=3, validation=0.2, callbacks=[heard.append])
    assert [epoch.epoch for epoch in heard] == [1, 2, 3] and heard == result.epochs
    assert result.ending == "done" and result.images == 48 and result.bits == 32
    assert result.train_losses.shape == (3,) and result.train_losses[2] < result.train_losses[0]
    assert np.isfinite(result.val_losses).all() and "epoch 3" in repr(result)
    assert result.encoder().encode(drawings[:2]).shape == (2, result.encoder().latent_size)
    assert "curve" in result._repr_html_() or "<img" in result._repr_html_()


def test_paths_and_images_of_several_sizes(folder: Path, drawings: NDArray[np.uint8], tmp_path: Path) -> None:
    assert trained(folder, tmp_path / "a", epochs=1).images == 60
    mixed = [drawings[0], drawings[1][:20], (folder / "a" / "002.pgm").read_bytes(), *drawings[3:20]]
    assert trained(mixed, tmp_path / "b", epochs=1, size=28).images == len(mixed)


def test_a_callback_stops_and_it_goes_on(drawings: NDArray[np.uint8], tmp_path: Path) -> None:
    out = tmp_path / "model"
    stopped = trained(drawings, out, epochs=5, callbacks=[lambda epoch: epoch.epoch < 2])
    assert stopped.ending == "stopped" and len(stopped.epochs) == 2
    assert stopped.encoder().latent_size > 0, "the best epoch so far is a model"
    resumed = trained(drawings, out, epochs=5, resume=True)
    assert resumed.ending == "done" and [epoch.epoch for epoch in resumed.epochs] == [1, 2, 3, 4, 5]
    whole = trained(drawings, tmp_path / "whole", epochs=5)
    assert [e.train_loss for e in resumed.epochs] == [e.train_loss for e in whole.epochs]


def test_what_a_callback_raises_passes_on(drawings: NDArray[np.uint8], tmp_path: Path) -> None:
    def fails(epoch: aesearch.Epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(drawings, tmp_path / "model", epochs=3, callbacks=[fails])
    assert (tmp_path / "model" / "encoder.onnx").exists(), "what was done is kept"


def test_wrong_options_are_named(drawings: NDArray[np.uint8], tmp_path: Path) -> None:
    with pytest.raises(aesearch.InvalidError, match="family") as raised:
        trained(drawings, tmp_path / "model", family="deep")
    assert all(name in str(raised.value) for name in get_args(Family)), "the types know what the library knows"
    with pytest.raises(aesearch.InvalidError, match="expected images, got none"):
        trained([], tmp_path / "model")
    trained(drawings, tmp_path / "model", epochs=1)
    with pytest.raises(aesearch.Error):
        trained(drawings, tmp_path / "model", epochs=1)  # there is one


def test_images_that_memory_may_not_hold_lie_in_a_file(
    drawings: NDArray[np.uint8], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "aesearch"):
        small = trained(drawings, tmp_path / "small", epochs=2, max_memory=1000)
    assert "1.0 kB" in caplog.text or "1,000" in caplog.text, caplog.text
    large = trained(drawings, tmp_path / "large", epochs=2)
    assert small.train_losses.tolist() == large.train_losses.tolist()


class TestTransformer:
    @pytest.fixture
    def transformer(self) -> Any:
        pytest.importorskip("sklearn")
        from aesearch.sklearn import AutoencoderTransformer

        return AutoencoderTransformer(family="dense", bits=32, epochs=2, threads=1)

    def test_parameters_are_those_of_scikit_learn(self, transformer: Any) -> None:
        from sklearn.base import clone

        other = clone(transformer.set_params(bits=64))
        assert other.get_params() == transformer.get_params() and other.bits == 64
        assert "bits=64" in repr(other)

    @pytest.mark.parametrize("shape", [(28, 28), (784,), (28, 28, 1)])
    def test_images_and_flat_rows(self, transformer: Any, drawings: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
        X = drawings.reshape(60, *shape)
        latents = transformer.fit_transform(X)
        assert latents.shape == (60, len(transformer.get_feature_names_out())) and latents.dtype == np.float32
        back = transformer.inverse_transform(latents)
        assert back.shape == X.shape and back.min() >= 0 and back.max() <= 255
        assert np.abs(back - X).mean() < np.abs(X - 255.0).mean()

    def test_floats_keep_their_range(self, transformer: Any, drawings: NDArray[np.uint8]) -> None:
        drawings[0, 0, 0] = 255  # all of the range is used
        X = drawings.reshape(60, -1) / 255 * 2 - 1
        latents = transformer.fit_transform(X)
        as_bytes = type(transformer)(**transformer.get_params()).fit_transform(drawings.reshape(60, -1))
        np.testing.assert_array_equal(latents, as_bytes)
        assert transformer.inverse_transform(latents).min() >= -1

    def test_in_a_pipeline_and_pickled(self, transformer: Any, drawings: NDArray[np.uint8]) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        y = np.arange(60) % 2
        pipeline = make_pipeline(transformer, LogisticRegression()).fit(drawings.reshape(60, -1), y)
        again = pickle.loads(pickle.dumps(pipeline))
        flat = drawings.reshape(60, -1)
        np.testing.assert_array_equal(again.predict(flat), pipeline.predict(flat))

    def test_a_shipped_model_needs_no_training(self, drawings: NDArray[np.uint8]) -> None:
        pytest.importorskip("sklearn")
        from aesearch.sklearn import AutoencoderTransformer

        bits = AutoencoderTransformer(model="digits-64", output="bits").fit_transform(drawings)
        codes = aesearch.Encoder("digits-64")
        expected = codes.codes(codes.encode(drawings)).view(np.uint8)
        np.testing.assert_array_equal(np.packbits(bits, axis=1, bitorder="little"), expected)

    def test_mistakes_are_named(self, transformer: Any, drawings: NDArray[np.uint8]) -> None:
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            transformer.transform(drawings)
        with pytest.raises(aesearch.InvalidError, match="image_shape"):
            transformer.fit(np.zeros((10, 7), np.uint8))
        transformer.fit(drawings)
        with pytest.raises(ValueError, match="features"):
            transformer.transform(drawings[:, :20])

    def test_numbers_of_another_kind_are_refused(self, drawings: NDArray[np.uint8]) -> None:
        pytest.importorskip("sklearn")
        from aesearch.sklearn import AutoencoderTransformer

        of_bytes = AutoencoderTransformer(model="digits-64").fit(drawings)
        with pytest.raises(aesearch.InvalidError, match="X: expected whole numbers, as it was fitted on, got float"):
            of_bytes.transform(drawings / 255)  # they would be almost black
        np.testing.assert_allclose(of_bytes.transform(drawings.astype(np.int64)), of_bytes.transform(drawings))
        of_floats = AutoencoderTransformer(model="digits-64").fit(drawings / 255)
        with pytest.raises(aesearch.InvalidError, match="X: expected floats"):
            of_floats.transform(drawings)

    def test_the_checks_of_scikit_learn_that_make_sense(self, transformer: Any) -> None:
        from sklearn.utils import estimator_checks as checks

        name = type(transformer).__name__
        for check in (
            checks.check_no_attributes_set_in_init,
            checks.check_parameters_default_constructible,
            checks.check_estimator_repr,
            checks.check_get_params_invariance,
            checks.check_set_params,
            checks.check_estimators_unfitted,
        ):
            check(name, transformer)
