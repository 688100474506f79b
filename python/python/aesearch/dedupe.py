"""Duplicates: find them, show them, decide about them, clean up, and take it back.

>>> import aesearch
>>> plan = aesearch.dedupe.scan("photos/")  # doctest: +SKIP
>>> plan.report("duplicates.html")  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path, PurePath
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from aesearch import _display, _images, _native, _progress
from aesearch._duplicates import (
    WORDS,
    Action,
    ApplyReport,
    Checked,
    Decided,
    Duplicate,
    Group,
    Kind,
    NearMiss,
    Step,
    Threshold,
    count,
    group_of,
    skipped_of,
    steps_of,
)
from aesearch._images import FileLike, ImageLike, PathLike
from aesearch._index import Index
from aesearch._options import checked, flag, listed
from aesearch._progress import Progress
from aesearch._results import Skipped
from aesearch.errors import InvalidError

__all__ = [
    "ApplyReport",
    "Checked",
    "Decided",
    "Duplicate",
    "Group",
    "NearMiss",
    "Plan",
    "Step",
    "Threshold",
    "check",
    "decide",
    "scan",
    "similarities",
    "undo",
]

#: Groups, and pictures of one group, that a notebook shows.
_GROUPS, _PICTURES = 12, 8


class Plan(Sequence[Group]):
    """What a scan found, and which image of each group it proposes to keep; a sequence of :class:`Group`.

    A plan changes nothing; :meth:`apply` does.
    """

    def __init__(self, native: _native.Plan, path: PathLike | None = None) -> None:
        self._native = native
        document = json.loads(native.to_json())
        #: The file that it was saved to or read from.
        self.path: str | None = None if path is None else os.fspath(path)
        #: Images that were compared.
        self.images: int = document["images"]
        #: Where relative paths of files start.
        self.base: str = document["base"]
        threshold = document["threshold"]
        #: The similarity from which images are near duplicates.
        self.threshold: Threshold = Threshold(
            **{name: threshold[name] for name in Threshold.__dataclass_fields__}
        )
        #: Groups with the same bytes first, then the same pixels, then near ones.
        self.groups: list[Group] = [group_of(group) for group in document["groups"]]
        #: Pairs just below the threshold, the most similar first.
        self.near_misses: list[NearMiss] = [
            NearMiss(miss["a"]["path"], miss["b"]["path"], miss["similarity"], miss["distance"])
            for miss in document["near_misses"]
        ]
        known = {(one["path"], one["reason"]): None for one in document["skipped"]}
        #: Images that could not be compared, and why.
        self.skipped: list[Skipped] = [Skipped(*one) for one in known]

    @classmethod
    def load(cls, path: PathLike, *, index: Index | PathLike | None = None) -> Plan:
        """Reads a plan that was saved, here or by the command ``aesearch dedupe scan -o``."""
        return cls(_native.Plan.read(os.fspath(path), _dir(index)), path)

    def save(self, path: PathLike) -> Plan:
        """Writes the plan as JSON, which ``aesearch dedupe apply`` takes as well."""
        self._native.write(plan=os.fspath(path))
        self.path = os.fspath(path)
        return self

    def report(self, path: PathLike) -> str:
        """Writes a page to look at the groups and decide about them in a browser; returns its path."""
        self._native.write(report=os.fspath(path))
        return os.fspath(path)

    def sheet(self, path: PathLike) -> str:
        """Writes the first groups as a PNG picture; returns its path."""
        self._native.write(sheet=os.fspath(path))
        return os.fspath(path)

    @property
    def duplicates(self) -> int:
        """How many images are duplicates of one that is kept; related images do not count."""
        return sum(len(group.duplicates) for group in self.groups if group.kind != "related")

    @property
    def summary(self) -> str:
        """One line: how many groups of which kind, and what they would free."""
        if not self.groups:
            return f"no duplicates among {count(self.images, 'image')}"
        kinds = [(kind, sum(group.kind == kind for group in self.groups)) for kind in WORDS]
        said = ", ".join(f"{n:,} of {WORDS[kind]}" for kind, n in kinds if n)
        size = sum(one.size for group in self.groups if group.kind != "related" for one in group.duplicates)
        found = f"{count(len(self.groups), 'group')} with {count(self.duplicates, 'duplicate')}"
        return f"{found} among {count(self.images, 'image')} ({said}), {size:,} bytes"

    def to_dicts(self) -> list[dict[str, Any]]:
        """A row for each image of each group, for ``pandas.DataFrame(plan.to_dicts())``."""
        rows = []
        for group in self.groups:
            roles = [("keep", group.keeper)]
            roles += [("also kept", one) for one in group.also_kept]
            roles += [("duplicate", one) for one in group.duplicates]
            for role, one in roles:
                row = {"group": group.id, "kind": group.kind, "role": role, "keep": group.keep, "why": group.why}
                rows.append(row | asdict(one))
        return rows

    def to_arrow(self) -> _native.Table:
        """The same rows for ``pyarrow.table(...)``, ``polars.DataFrame(...)`` or DuckDB, which need not copy it."""
        rows = self.to_dicts()
        kinds = {"distance": "integer", "size": "integer", "width": "integer", "height": "integer"}
        kinds |= {"similarity": "number"}
        names = ["group", "kind", "role", "path", "keep", "why", "label", "format", "turned", *kinds]
        return _native.Table([(name, kinds.get(name, "text"), [row[name] for row in rows]) for name in names])

    def apply(
        self,
        action: Action = "move",
        *,
        dry_run: bool = True,
        kinds: Kind | Iterable[Kind] | None = None,
        select: str | None = None,
        to: PathLike | None = None,
        sidecars: bool | None = None,
        merge_metadata: bool = False,
        progress: Progress = None,
    ) -> ApplyReport:
        """Does something to the duplicates: says what it would do, and with ``dry_run=False`` does it.

        ``kinds`` are the kinds of groups to deal with; by default those that are certain enough for the action.
        ``select`` is a regular expression on paths. ``to`` is the folder that ``move`` fills. The plan has to be saved
        first, as its journal, by which :meth:`undo` takes all back, is beside it. Each file is read again before, and
        the one that is kept too.
        """
        doing: dict[str, Any] = {"action": action, "dry_run": dry_run, "kinds": kinds, "select": select}
        doing |= {"to": to, "sidecars": sidecars, "merge_metadata": merge_metadata}
        doing = checked(doing, none=("kinds", "select", "to", "sidecars"))
        if self.path is None and not dry_run:
            raise InvalidError("plan: expected one that is saved, got one in memory", "call `save` before `apply`")
        with tempfile.TemporaryDirectory() as made, _progress.Listener(progress) as listener:
            folder, path = os.path.realpath(made), self.path
            if path is None:
                path = os.path.join(folder, "plan.json")
                Path(path).write_text(self._native.to_json(), encoding="utf-8")
            report = _native.apply_plan(path, doing, listener)
        done, refused = steps_of(report.pop("done")), skipped_of(report.pop("refused"))
        if self.path is None and to is None:  # where that will be depends on where the plan is saved
            done = [replace(step, to=_without(folder, step.to)) for step in done]
        orphans = [os.fspath(orphan) for orphan in report.pop("orphans")]
        return ApplyReport(done, refused, doing["dry_run"] or action == "list", orphans=orphans, **report)

    def undo(self, *, dry_run: bool = True, progress: Progress = None) -> ApplyReport:
        """Takes back what :meth:`apply` did: says what it would do, and with ``dry_run=False`` does it."""
        if self.path is None:
            raise InvalidError("plan: expected one that is saved, got one in memory", "nothing was done by it")
        return undo(self.path, dry_run=dry_run, progress=progress)

    def decide(
        self, group: Group | str, *, keep: str | None = None, keep_all: bool = False, different: bool = False
    ) -> Decided:
        """Remembers a decision about a group, for the next scan: which image to keep, all, or no duplicates at all."""
        found = [one for one in self.groups if one is group or one.id == group or one == group]
        if not found:
            raise InvalidError(f"{group}: expected a group of this plan, or its id")
        base = Path(self.base)
        paths = [os.fspath(base / path) for path in found[0].paths]
        kept = None if keep is None else os.fspath(base / keep)
        if kept is not None and kept not in paths:
            raise InvalidError(f"{keep}: expected one of the group, which are {', '.join(found[0].paths)}")
        return decide(paths, keep=kept, keep_all=keep_all, different=different, index=self._native.dir)

    def check(
        self, images: ImageLike | Iterable[ImageLike], *, threshold: float | None = None, progress: Progress = None
    ) -> Any:
        """Whether images are among those that were scanned; see :func:`check`."""
        return check(images, index=self._native.dir, threshold=threshold, progress=progress)

    def thumbnails(self, paths: Iterable[str], side: int = 192) -> list[bytes | None]:
        """JPEG pictures of files of the plan, no side longer than ``side`` pixels."""
        return self._native.thumbnails(listed("paths", paths), checked({"side": side})["side"])

    def __len__(self) -> int:
        return len(self.groups)

    @overload
    def __getitem__(self, at: int) -> Group: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Group]: ...

    def __getitem__(self, at: int | slice) -> Group | Sequence[Group]:
        return self.groups[at]

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __repr__(self) -> str:
        lines = []
        for group in self.groups[:_GROUPS]:
            lines.append(f"  {group.kind:7} {group.keep}  ({group.why})")
            for one in group.duplicates[:_PICTURES]:
                exact = group.kind in ("bytes", "pixels")
                lines.append(f"          {one.path}" + ("" if exact else f"  {one.similarity:.4f}"))
            lines += _display.more_lines(len(group.duplicates) - _PICTURES, indent=10)
        lines += _display.more_lines(len(self.groups) - _GROUPS, "group", indent=2)
        return "\n".join([f"Plan({self.summary})", *lines])

    def _repr_html_(self) -> str:
        order = {kind: at for at, kind in enumerate(("near", "edited", "pixels", "bytes", "related"))}
        shown = sorted(self.groups, key=lambda group: order[group.kind])[:_GROUPS]  # those to look at come first
        paths = [path for group in shown for path in group.paths[:_PICTURES]]
        pictures = dict(zip(paths, self.thumbnails(paths, _display.PIXELS), strict=True))
        rows = (_row(group, pictures) for group in shown)
        return _display.row([], self.summary) + "".join(rows) + _display.and_more(len(self) - len(shown), "group")


def scan(
    data: Index | PathLike | Iterable[PathLike],
    *,
    index: Index | PathLike | None = None,
    threshold: float | None = None,
    false_positive_rate: float = 1e-6,
    related: bool = False,
    turned: bool = False,
    mirrored: bool = False,
    reference: PathLike | Iterable[PathLike] = (),
    across: bool = False,
    keep: str | Iterable[str] | None = None,
    select: str | None = None,
    where: str | None = None,
    exclude: str | Iterable[str] = (),
    model: PathLike = "auto",
    threads: int = 0,
    progress: Progress = None,
) -> Plan:
    """Finds duplicates in a folder, in several, or in an index.

    Folders are indexed first, into ``index``: by default the ``.aesearch`` at or above the working directory, else a
    new one in it. Nothing else is written. Of images that came from memory the index keeps no pixels: they are skipped.

    ``threshold`` is the least similarity of near duplicates, 0 to 1, instead of one that is calibrated on the images so
    that a share of ``false_positive_rate`` of the pairs that are compared may be wrong. ``turned`` and ``mirrored``
    find such copies, too. Images of ``reference`` are never changed; with ``across``, only duplicates between the paths
    count. ``keep`` says what decides which image stays, such as ``["resolution", "oldest"]``; ``select`` is a regular
    expression on the paths that may be proposed, and ``where`` an expression on the images to look at.
    """
    paths = [] if isinstance(data, Index) else listed("data", data)
    if not paths and not isinstance(data, Index):
        raise InvalidError("data: expected paths with images, or an index, got none")
    used = data if isinstance(data, Index) else index
    wanted = {
        "false_positive_rate": false_positive_rate,
        "threshold": threshold,
        "related": related,
        "turned": turned,
        "mirrored": mirrored,
        "across": across,
        "keep": keep,
        "select": select,
        "where": where,
        "exclude": exclude,
        "model": model,
        "threads": threads,
    }
    wanted = checked(wanted, none=("threshold", "keep", "select", "where"))
    wanted["reference"] = listed("reference", reference)
    with _progress.Listener(progress) as listener:
        native = _native.Plan.scan(_dir(used), paths, wanted, listener)
    listener.warn_of_skipped()
    if isinstance(used, Index):
        used.reload()
    return Plan(native)


def undo(path: PathLike, *, dry_run: bool = True, progress: Progress = None) -> ApplyReport:
    """Takes back what was done by the plan, or the journal, in a file."""
    with _progress.Listener(progress) as listener:
        report = _native.undo_plan(os.fspath(path), flag("dry_run", dry_run), listener)
    return ApplyReport(steps_of(report["done"]), skipped_of(report["refused"]), dry_run, undone=True)


def decide(
    images: PathLike | Iterable[PathLike] = (),
    *,
    keep: PathLike | None = None,
    keep_all: bool = False,
    different: bool = False,
    forget: bool = False,
    read: PathLike | None = None,
    write: PathLike | None = None,
    index: Index | PathLike | None = None,
) -> Decided:
    """Remembers a decision about images, beside the index, by their content; later scans respect it.

    One of: ``keep`` this image rather than the others, ``keep_all`` of them, they are ``different``, or ``forget`` what
    was decided about them. ``read`` adds the decisions of a file, such as one from the page that
    :meth:`Plan.report` writes; ``write`` writes all decisions to a file.
    """
    asked = [name for name, on in _verdicts(keep, keep_all, different, forget) if on]
    if len(asked) > 1:
        raise InvalidError(f"decide: expected one of keep, keep_all, different and forget, got {', '.join(asked)}")
    paths = listed("images", images)
    if keep is not None:
        paths = [keep, *(path for path in paths if os.fspath(path) != os.fspath(keep))]
    verdict = asked[0].replace("_", "-") if asked else None
    found = _native.decide_images(_dir(index), verdict, paths, read, write)
    return Decided(*found[:5], json.loads(found[5])["decisions"])


@overload
def check(
    images: bytes | bytearray | memoryview | FileLike,
    *,
    index: Index | PathLike | None = None,
    threshold: float | None = None,
    progress: Progress = None,
) -> Checked: ...


@overload
def check(
    images: list[Any] | tuple[Any, ...] | Iterator[Any],
    *,
    index: Index | PathLike | None = None,
    threshold: float | None = None,
    progress: Progress = None,
) -> list[Checked]: ...


@overload
def check(
    images: ImageLike | Iterable[ImageLike],
    *,
    index: Index | PathLike | None = None,
    threshold: float | None = None,
    progress: Progress = None,
) -> Any: ...


def check(
    images: ImageLike | Iterable[ImageLike],
    *,
    index: Index | PathLike | None = None,
    threshold: float | None = None,
    progress: Progress = None,
) -> Any:
    """Whether images are in a collection already, as copies: one :class:`Checked`, or a list for several.

    An image is a path, the bytes of a file, an array, or a picture of PIL; a folder or a container gives a list. Near
    is what the last scan of the index called near, or what ``threshold`` says.
    """
    threshold = checked({"threshold": threshold}, none=("threshold",))["threshold"]
    given: list[Any] = [images] if _images.is_one(images) else list(_images.each(images))
    is_one = _images.is_one(images) and not (_images.is_path(images) and not Path(given[0]).is_file())
    only_paths = all(_images.is_path(image) for image in given)  # which may be folders
    paths = given if only_paths else []
    memory = [] if only_paths else [_images.native(image, f"image {at}") for at, image in enumerate(given)]
    with _progress.Listener(False if is_one else progress) as listener:
        _, found, skipped = _native.check_images(memory, paths, _dir(index), threshold, listener)
    answers = [Checked(name, *(match or (None, None, None))) for name, match in found]
    if is_one and not answers and skipped:
        raise InvalidError(f"{skipped[0][0]}: {skipped[0][1]}")
    listener.warn_of_skipped()
    return answers[0] if is_one and len(answers) == 1 else answers


def similarities(first: Iterable[bytes | None], second: Iterable[bytes | None]) -> NDArray[np.float32]:
    """How similar images are, pair by pair, by their fingerprints (``Encoder.to_arrow(images, fingerprints=True)``): f32 [N],
    0 to 1, as ``similarity`` in plans. 1 is the same pixels; images that are nearly blank resemble no other. NaN where one of
    the two is no fingerprint of this version.
    """
    return _native.fingerprint_similarities(list(first), list(second))


def _verdicts(
    keep: PathLike | None, keep_all: bool, different: bool, forget: bool
) -> list[tuple[str, bool]]:
    return [("keep", keep is not None), ("keep_all", keep_all), ("different", different), ("forget", forget)]


def _without(folder: str, path: str | None) -> str | None:
    """``path`` as it is named from ``folder``, if it is in there."""
    if path is None or not Path(path).is_relative_to(folder):
        return path
    return os.path.relpath(path, folder)


def _dir(index: Index | PathLike | None) -> str:
    if isinstance(index, Index):
        return index.path
    return os.fspath(_native.default_index() if index is None else index)


def _row(group: Group, pictures: dict[str, bytes | None]) -> str:
    """The pictures of a group beside each other, the one that is kept first."""
    files = [("kept", group.keeper)]
    files += [("stays", one) for one in group.also_kept]
    exact = group.kind in ("bytes", "pixels")
    files += [("same" if exact else f"{one.similarity:.3f}", one) for one in group.duplicates]
    cells = []
    for said, one in files[:_PICTURES]:
        about = f"{one.path}, {one.width} x {one.height}, {one.size:,} bytes"
        about += f", {one.turned}" if one.turned else ""
        about += f", differs in {_percent(one.box)}" if one.box else ""
        shown = _display.cell(pictures.get(one.path), f"{said} {PurePath(one.path).name}", about)
        if said == "kept":
            shown = shown.replace("margin:0 8px 8px 0", "margin:0 8px 8px 0;border-top:3px solid #2a2", 1)
        cells.append(shown)
    why = f" (kept: {group.why})" if group.why else ""
    return _display.row(cells, f"{WORDS[group.kind]}{why}", len(group) - len(files[:_PICTURES]))


def _percent(box: tuple[float, float, float, float]) -> str:
    left, top, right, bottom = (round(100 * share) for share in box)
    return f"{left} to {right} % from the left, {top} to {bottom} % from the top"
