"""How results show themselves in a notebook: rows of small pictures, in HTML that makes no network requests."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

#: Pictures are shown at this size, in pixels of the page, and have so many of their own: a page holds many of them.
SIDE = 96
PIXELS = 128


def cell(picture: bytes | None, caption: str, title: str = "") -> str:
    """A picture (PNG or JPEG) with a line below it; ``title`` appears under the pointer."""
    box = f"width:{SIDE}px;height:{SIDE}px"
    if picture is None:
        shown = (
            f'<div style="{box};display:flex;align-items:center;justify-content:center;'
            f'background:#8882;color:#888;font-size:11px">no picture</div>'
        )
    else:
        kind = "jpeg" if picture.startswith(b"\xff\xd8") else "png"
        data = base64.b64encode(picture).decode()
        shown = (
            f'<img src="data:image/{kind};base64,{data}" alt="{escape(title)}" '
            f'style="{box};object-fit:contain;background:#8882;image-rendering:auto;margin:0">'
        )
    line = (
        f'<div style="width:{SIDE}px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;'
        f'font-size:11px;line-height:1.4">{escape(caption)}</div>'
    )
    return f'<div title="{escape(title)}" style="display:inline-block;margin:0 8px 8px 0">{shown}{line}</div>'


def row(cells: Iterable[str], title: str = "", more: int = 0) -> str:
    """Cells beside each other below a title; ``more`` is how many are not shown."""
    head = f'<div style="font-weight:600;margin:4px 0">{escape(title)}</div>' if title else ""
    return f'<div style="font-family:sans-serif">{head}<div>{"".join(cells)}</div>{and_more(more)}</div>'


def and_more(n: int, what: str = "") -> str:
    """How many are not shown, below the others; nothing if all are."""
    return "".join(f'<div style="color:#888;font-size:11px">{said}</div>' for said in more_lines(n, what))


def more_lines(n: int, what: str = "", indent: int = 0) -> list[str]:
    """The same as a line of text, or none."""
    noun = f" {what}{'' if n == 1 else 's'}" if what else ""
    return [f"{' ' * indent}and {n:,} more{noun}"] if n > 0 else []


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A small table of names and values."""
    lines = (
        f'<tr><td style="text-align:left;color:#888;padding:1px 12px 1px 0">{escape(name)}</td>'
        f'<td style="text-align:left;padding:1px 0">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table style="border:0;margin:0">{"".join(lines)}</table>'


def picture(png: bytes, about: str, width: int) -> str:
    """One large picture, ``width`` pixels wide where there is room."""
    data = base64.b64encode(png).decode()
    source = f"data:image/png;base64,{data}"
    return f'<img src="{source}" alt="{escape(about)}" style="max-width:100%;width:{width}px">'
