"""Images in the many forms that Python has, as the library takes them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from aesearch._types import NativeImage
from aesearch.errors import InvalidError

PathLike: TypeAlias = "str | os.PathLike[str]"


class _Array(Protocol):
    """An array of NumPy, a tensor, or a picture of PIL: whatever NumPy makes an array of."""

    @property
    def __array_interface__(self) -> Any: ...


class _Tensor(Protocol):
    def __array__(self) -> Any: ...


class FileLike(Protocol):
    """A file that was opened as bytes."""

    def read(self) -> Any: ...


#: A path, the bytes of an image file, an open file, an array, a tensor, or a picture of PIL.
ImageLike: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | FileLike | _Array | _Tensor"

_CHANNELS = (1, 3, 4)
#: What is converted together of an array: so many images, or of so many bytes.
_TOGETHER = (256, 32 << 20)


class _Pixels(NamedTuple):
    """An image as the library takes it, but for its name."""

    data: bytes
    shape: tuple[int, int, int]


def is_path(image: object) -> bool:
    """Whether it is a path on disk."""
    return type(image) is not _Pixels and isinstance(image, str | os.PathLike)  # the second takes longer


def native(image: Any, about: str, name: str | None = None) -> NativeImage:
    """One image as the library takes it.

    ``about`` is what messages about it call it, ``name`` what it is called where it has no path: the same if not given.
    """
    if type(image) is not _Pixels and is_path(image):
        return (os.fsencode(image),)
    encoded = os.fsencode(about if name is None else name)
    if type(image) is _Pixels:
        return (encoded, image.data, image.shape)
    if isinstance(image, bytes | bytearray | memoryview):
        return (encoded, bytes(image))
    if _is_file(image):
        read = image.read()
        if not isinstance(read, bytes):
            raise InvalidError(f"{about}: expected a file opened as bytes, got {type(read).__name__} of it")
        return (encoded, read)
    if _is_pil(image):
        return _of_pil(image, about, encoded)
    return _of_array(np.asarray(image), about, encoded)


def _of_array(array: NDArray[Any], about: str, name: bytes) -> NativeImage:
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    (pixels,) = _stack(array[np.newaxis], about)
    return (name, *pixels)


def is_one(images: object) -> bool:
    """Whether it is a single image, rather than several.

    An array of NumPy is one image if its shape is [H, W] or [H, W, 1 | 3 | 4]; [N, H, W] are N grey images. Tensors of
    others have channels first: one of [1 | 3, H, W] is an image.
    """
    if is_path(images) or isinstance(images, bytes | bytearray | memoryview):
        return True
    if _is_pil(images) or _is_file(images):
        return True
    array = _array(images)
    if array is None:
        return False
    if array.ndim not in (2, 3, 4):
        raise InvalidError(f"images: expected an array of 2 to 4 dimensions, got shape {array.shape}")
    is_tensor = not isinstance(images, np.ndarray)
    return array.ndim == 2 or (
        array.ndim == 3 and (array.shape[2] in _CHANNELS or (is_tensor and array.shape[0] in (1, 3)))
    )


def each(images: object) -> Iterator[Any]:
    """The images of an array, a list or an iterator, one after the other."""
    array = _array(images)
    if array is not None:
        stack = array[:, :, :, np.newaxis] if array.ndim == 3 else array
        at_once = together(stack)
        parts = (stack[start : start + at_once] for start in range(0, len(stack), at_once))
        return (pixels for part in parts for pixels in _stack(part, "images"))
    if isinstance(images, Mapping) or not isinstance(images, Iterable):
        raise InvalidError(f"images: expected an image, or several, got {type(images).__name__}")
    return iter(images)


def together(stack: NDArray[Any]) -> int:
    """How many images of [N, ...] are converted together."""
    most, most_bytes = _TOGETHER
    return max(1, min(most, most_bytes * max(len(stack), 1) // max(stack.nbytes, 1)))


def _array(images: object) -> NDArray[Any] | None:
    """An array of numbers; lists are no arrays, and neither are columns of paths."""
    if not (hasattr(images, "__array__") or hasattr(images, "__array_interface__")):
        return None
    array = np.asarray(images)
    return None if array.dtype.kind in "OUS" else array


def _is_pil(image: object) -> bool:
    return hasattr(image, "getexif") and hasattr(image, "convert")


def _is_file(image: object) -> bool:
    return callable(getattr(image, "read", None)) and not hasattr(image, "__array__")


def _of_pil(image: Any, about: str, name: bytes) -> NativeImage:
    if (image.getexif() or {}).get(0x0112, 1) != 1:  # turned, as the library turns files
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
    if image.mode not in ("L", "RGB"):
        if "A" in image.mode or "transparency" in image.info:
            file = io.BytesIO()  # the library lays transparent images over a ground
            image.convert("RGBA").save(file, "PNG", compress_level=1)
            return (name, file.getvalue())
        if image.mode.startswith("I"):  # 16 bits, though some modes have room for more
            return _of_array(np.clip(np.asarray(image), 0, 65535).astype(np.uint16), about, name)
        if image.mode != "F":  # which has floats, that have to be of 0 to 1 as those of arrays
            image = image.convert("L" if image.mode == "1" else "RGB")
    return _of_array(np.asarray(image), about, name)


def _stack(array: NDArray[Any], name: str) -> Iterator[_Pixels]:
    """The images of [N, H, W, C] or [N, C, H, W]."""
    if array.ndim == 4 and array.shape[3] not in _CHANNELS and array.shape[1] in (1, 3):
        array = np.moveaxis(array, 1, 3)
    if array.ndim != 4 or array.shape[3] not in _CHANNELS:
        shape = array.shape[1:]
        raise InvalidError(f"{name}: expected [H, W], [H, W, 1 | 3 | 4] or [1 | 3, H, W], got shape {shape}")
    if len(array) and not array.size:
        raise InvalidError(f"{name}: expected an image of at least one pixel, got shape {array.shape[1:]}")
    values = _bytes(array, name)
    if values.shape[3] == 4:  # over white, as the library shows what is transparent
        alpha = values[:, :, :, 3:].astype(np.uint16)
        over = (values[:, :, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
        values = over.astype(np.uint8)
    _, height, width, channels = values.shape
    data, size = values.tobytes(), height * width * channels
    for start in range(0, len(data), size or 1):
        yield _Pixels(data[start : start + size], (height, width, channels))


def _bytes(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    kind = array.dtype.kind
    values: Any = array
    if kind == "u" and array.dtype.itemsize == 2:  # in either order of bytes
        values = array >> 8
    elif kind == "b":
        values = array * 255
    elif kind not in "fiu":
        raise InvalidError(f"{name}: expected numbers, got {array.dtype}")
    elif array.dtype != np.uint8:
        low, high = (array.min(), array.max()) if array.size else (0, 0)
        most = 1 if kind == "f" else 255
        if not (low >= 0 and high <= most):
            what = f"{name}: expected {array.dtype} values of 0 to {most}, got {low} to {high}"
            raise InvalidError(what, "scale the values, or convert them to uint8")
        values = np.rint(array * 255) if kind == "f" else array
    return cast("NDArray[np.uint8]", values.astype(np.uint8, copy=False))
