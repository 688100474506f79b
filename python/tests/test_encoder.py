"""Encoder: images to latents and codes."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aesearch


def test_latents_and_codes(drawings: NDArray[np.uint8]) -> None:
    encoder = aesearch.Encoder("digits-64")
    assert (encoder.name, encoder.bits, encoder.latent_size) == ("digits-64", 64, 64)
    assert encoder.input_shape == (1, 28, 28) and "digits-64" in repr(encoder)
    latents = encoder.encode(drawings)
    assert latents.shape == (60, 64) and latents.dtype == np.float32
    np.testing.assert_allclose(encoder.encode(drawings[3]), latents[3], atol=1e-4)
    np.testing.assert_allclose(encoder.encode(iter(drawings), batch_size=7), latents, atol=1e-4)
    codes = encoder.codes(latents)
    bits = np.packbits(latents > 0, axis=1, bitorder="little").view(np.uint64)
    assert codes.dtype == np.uint64 and np.array_equal(codes, bits)
    assert encoder.encode([]).shape == (0, 64)


def test_codes_are_those_of_an_index(index: aesearch.Index, folder: Path) -> None:
    names = index.names
    encoder = aesearch.Encoder("digits-64")
    codes = encoder.codes(encoder.encode([Path(name) for name in names]))
    assert np.array_equal(codes, index.codes())


def test_what_cannot_be_encoded_is_said(drawings: NDArray[np.uint8]) -> None:
    encoder = aesearch.Encoder("digits-64")
    with pytest.raises(aesearch.InvalidError, match="image 1"):
        encoder.encode([drawings[0], b"no picture"])
    with pytest.raises(aesearch.InvalidError, match=r"latents: expected \[N, 64\]"):
        encoder.codes(np.zeros((2, 3)))
    with pytest.raises(aesearch.InvalidError, match="ask an index"):
        photos = aesearch.Encoder("photos")
        photos.codes(np.zeros((1, photos.latent_size)))


def test_codes_of_an_index_also_where_it_is_pickled_to(folder: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    index = aesearch.Index.create(tmp_path / "itq", model="digits-64", binarizer="itq", bits=48)
    index.add(folder)
    subprocess.run([sys.executable, "-m", "aesearch", "info", "--index", index.path, "--save-binarizer", "itq.bin"], check=True, cwd=tmp_path)
    names, (values, scales) = index.names, index.latents()
    for binarizer in (index.path, tmp_path / "itq.bin"):
        encoder = aesearch.Encoder("digits-64", binarizer=binarizer, inverted=index.info["inverted"])
        assert encoder.bits == 48 and encoder.inverted == index.info["inverted"]
        for one in (encoder, pickle.loads(pickle.dumps(encoder)), encoder.with_threads(1)):
            table = pyarrow.table(one.to_arrow(names, fingerprints=True))
            assert table.column("code").to_pylist() == [code.tobytes()[:6] for code in index.codes()]
            assert table.column("latent").to_pylist() == [latent.tobytes() for latent in values]
            assert table.column("latent_scale").to_pylist() == scales.tolist()
            assert set(table.column("width").to_pylist()) == {28} and table.column("reason").null_count == len(names)
    prints = table.column("fingerprint").to_pylist()
    alike = aesearch.dedupe.similarities([prints[0], prints[0], b"none"], [prints[0], prints[1], prints[0]])
    assert alike[0] == 1.0 and alike[1] < 0.9 and np.isnan(alike[2])
    assert aesearch.Encoder(binarizer=index.path).model_sha256 == encoder.model_sha256


def test_what_cannot_be_used_is_a_row_with_its_reason(drawings: NDArray[np.uint8], tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = aesearch.Encoder("digits-64").to_arrow([drawings[0], b"no picture", tmp_path / "none.png", drawings[1]])
    rows = pyarrow.table(table).to_pylist()
    assert [row["reason"] is None for row in rows] == [True, False, False, True]
    assert rows[1]["code"] is None and rows[1]["hash"] is None and rows[2]["reason"].startswith("no such file")
    assert len(rows[0]["hash"]) == 32 and rows[0]["code"] != rows[3]["code"]
    assert len(aesearch.Encoder("digits-64").to_arrow([])) == 0
    with pytest.raises(aesearch.InvalidError, match="ask an index") as failed:
        aesearch.Encoder("photos").to_arrow(drawings)
    assert "binarizer=" in (failed.value.hint or "")
    with pytest.raises(aesearch.Error):
        aesearch.Encoder(binarizer=tmp_path / "none")
