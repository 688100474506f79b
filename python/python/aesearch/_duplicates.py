"""The results of calls about duplicates."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from aesearch._display import more_lines
from aesearch._results import Skipped

#: The same bytes; the same pixels; the same picture to the eye; one picture, of which a part differs; related pictures.
Kind: TypeAlias = Literal["bytes", "pixels", "near", "edited", "related"]
Action: TypeAlias = Literal["list", "move", "trash", "hardlink", "reflink", "symlink", "delete"]

WORDS = {
    "bytes": "same bytes",
    "pixels": "same pixels",
    "near": "near duplicates",
    "edited": "edited copies",
    "related": "related pictures",
}


@dataclass(frozen=True)
class Duplicate:
    """An image file of a group."""

    #: Its path, or ``container#entry``; relative paths start at :attr:`Plan.base`.
    path: str
    #: Bits in which its structural code differs from the keeper's; 0 for the keeper.
    distance: int
    #: 0 to 1: 1 minus how much it differs from the keeper in the worst place, once both are aligned.
    similarity: float
    #: Where it differs from the keeper, if that is one place: left, top, right, bottom, as shares of its sides.
    box: tuple[float, float, float, float] | None
    #: How it is mirrored or turned.
    turned: str | None
    #: Size of the file, in bytes.
    size: int
    #: In pixels, upright.
    width: int
    #: In pixels, upright.
    height: int
    #: The file's format, such as ``jpeg``.
    format: str
    label: str | None
    #: What speaks against it being the original, such as ``cropped`` or ``reencoded``.
    flaws: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Images that are the same, and which of them is kept."""

    #: A short name: the same members give the same name.
    id: str
    kind: Kind
    #: The path of the image that is kept.
    keep: str
    #: Why it is kept, in one phrase.
    why: str
    keeper: Duplicate
    #: The others.
    duplicates: tuple[Duplicate, ...]
    #: Others that stay: those of a reference, or kept by decision.
    also_kept: tuple[Duplicate, ...]
    #: Labels of the members, where there are different ones: at most one of them is right.
    conflicting_labels: tuple[str, ...]

    def __len__(self) -> int:
        return 1 + len(self.also_kept) + len(self.duplicates)

    @property
    def paths(self) -> list[str]:
        """All members, the keeper first."""
        return [self.keep, *(one.path for one in self.also_kept), *(one.path for one in self.duplicates)]


@dataclass(frozen=True)
class NearMiss:
    """Two images that are almost near duplicates."""

    a: str
    b: str
    similarity: float
    #: Differing bits of structural codes.
    distance: int


@dataclass(frozen=True)
class Threshold:
    """The similarity from which images are near duplicates, as calibrated on this collection."""

    similarity: float
    #: What was asked for: the share of compared pairs of different images that may be called near.
    false_positive_rate: float
    pairs_tested: int
    #: False pairs to expect among them; ``None`` if there are too few images to tell.
    expected_false_pairs: float | None


@dataclass(frozen=True)
class Step:
    """A file that something was done to, or in a dry run would be."""

    #: As the plan names it.
    name: str
    path: str
    #: Where it goes, or what it links to; of a plan that is not saved, from the folder that it will be saved in.
    to: str | None
    #: Whether it is a file beside an image, such as ``a.xmp``.
    is_sidecar: bool
    #: Whether it was written, as ``merge_metadata`` asks.
    is_new: bool
    #: Disk space freed, in bytes.
    freed: int


@dataclass(frozen=True)
class ApplyReport:
    """What was done to files, or in a dry run would be."""

    done: list[Step]
    #: Files left alone, and why.
    refused: list[Skipped]
    #: Whether nothing was changed.
    dry_run: bool
    #: Disk space freed, in bytes.
    freed: int = 0
    #: Duplicates of other kinds, or not selected.
    left_out: int = 0
    #: Files that an earlier call has dealt with.
    done_before: int = 0
    #: Sidecars that stay although their images go.
    orphans: list[str] = field(default_factory=list)
    #: Whether it is about taking back what was done; :attr:`Step.to` is then where a file comes from.
    undone: bool = False

    def __repr__(self) -> str:
        would = "would be " if self.dry_run else ""
        head = f"{count(len(self.done), 'file')} {would}{'taken back' if self.undone else 'changed'}"
        head += "" if self.undone else f", {self.freed:,} bytes {would}freed"
        head += f", {count(len(self.refused), 'file')} left alone" if self.refused else ""
        arrow = "<-" if self.undone else "->"
        steps = [f"  {step.path}" + (f" {arrow} {step.to}" if step.to else "") for step in self.done[:20]]
        steps += more_lines(len(self.done) - 20, indent=2)
        steps += [f"  left alone: {one.name}: {one.reason}" for one in self.refused[:20]]
        return "\n".join([f"ApplyReport({head})", *steps])


@dataclass(frozen=True)
class Decided:
    """What became of a decision."""

    #: Images that it was about.
    images: int
    added: int
    replaced: int
    unchanged: int
    forgotten: int
    #: All decisions now, as in the file of decisions.
    decisions: list[dict[str, Any]]


@dataclass(frozen=True)
class Checked:
    """Whether an image is in the collection already."""

    name: str
    #: In what way it is; ``None`` if there is nothing like it.
    kind: Kind | None
    #: The image of the collection.
    path: str | None
    #: 0 to 1.
    similarity: float | None

    @property
    def is_known(self) -> bool:
        """Whether it is there; a related image is another one."""
        return self.kind is not None and self.kind != "related"

    def __bool__(self) -> bool:
        return self.is_known


def group_of(group: dict[str, Any]) -> Group:
    keeper = file_of(group["keeper"] | {"distance": 0, "similarity": 1.0})
    return Group(
        group["id"],
        group["kind"],
        group["keep"],
        group.get("reason", ""),
        keeper,
        tuple(map(file_of, group["duplicates"])),
        tuple(map(file_of, group.get("also_kept", ()))),
        tuple(group.get("conflicting_labels", ())),
    )


def file_of(file: dict[str, Any]) -> Duplicate:
    return Duplicate(
        file["path"],
        file["distance"],
        file["similarity"],
        tuple(file["region"]) if file.get("region") else None,
        file.get("turned"),
        file["size"],
        file["width"],
        file["height"],
        file["format"],
        file.get("label"),
        tuple(file.get("flaws", ())),
    )


def steps_of(steps: Iterable[tuple[str, Path, Path | None, bool, bool, int]]) -> list[Step]:
    return [
        Step(name, os.fspath(path), None if to is None else os.fspath(to), is_sidecar, is_new, freed)
        for name, path, to, is_sidecar, is_new, freed in steps
    ]


def skipped_of(skipped: Iterable[tuple[str, str]]) -> list[Skipped]:
    return [Skipped(name, reason) for name, reason in skipped]


def count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
