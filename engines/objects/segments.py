"""Codes of an index on disk by name, read as index/FORMAT.md says."""

from __future__ import annotations

import struct
from pathlib import Path


def codes(index: Path) -> dict[str, bytes]:
    """The code of each image, whose name is the last part of its path."""
    found: dict[str, bytes] = {}
    for segment in sorted(index.glob("*.seg")):
        dead = sorted(index.glob(f"{segment.stem}-*.dead"))
        found.update(codes_of(segment.read_bytes(), sections_of(dead[-1].read_bytes())[15] if dead else b""))
    return found


def sections_of(file: bytes) -> dict[int, bytes]:
    (n_sections,) = struct.unpack_from("<I", file, 20)
    table = (struct.unpack_from("<IIQQ", file, 64 + 32 * i) for i in range(n_sections))
    return {kind: file[offset : offset + length] for kind, _, offset, length in table}


def codes_of(file: bytes, dead: bytes) -> dict[str, bytes]:
    bits, _, _, items = struct.unpack_from("<4I", file, 32)
    sections = sections_of(file)
    width = -(-bits // 64) * 8
    starts = struct.unpack(f"<{len(sections[2]) // 4}I", sections[2])
    names = struct.unpack(f"<{items + 1}Q", sections[9])
    found = {}
    for code, (first, last) in enumerate(zip(starts, starts[1:])):
        for item in range(first, last):
            if dead and dead[item // 8] >> item % 8 & 1:
                continue
            name = sections[10][names[item] : names[item + 1]].decode()
            found["/".join(name.split("/")[-2:])] = sections[1][code * width : (code + 1) * width]
    return found
