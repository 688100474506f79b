"""For mdBook: pages that include a file from outside of docs/ show it, and links out of the book lead there or are left out.

A page shows a file by a line such as {{#include ../../index/FORMAT.md}}. Links to that file lead to the page; links to
other files outside of docs/ become plain text, because a book has no place for them.
"""

import json
import posixpath
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r"^\{\{#include (\.\.[^}]*)\}\}$", re.M)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def pages(items):
    """All chapters, the inner ones too."""
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from pages(item["Chapter"]["sub_items"])


def resolved(folder, link):
    """A link of a file in a folder, from the root of the repository."""
    return posixpath.normpath(posixpath.join(folder, link))


def rewritten(text, folder, page, shown):
    """The text of a file in `folder`, as a part of the page at `page`, both from the root."""

    def link(match):
        mark, words, target = match.groups()
        file, hash_, heading = target.partition("#")
        if "://" in target or not file:
            return match.group(0)
        file = resolved(folder, file)
        file = shown.get(file, file)
        if not file.startswith("docs/"):
            return words
        return f"{mark}[{words}]({posixpath.relpath(file, posixpath.dirname(page))}{hash_}{heading})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    chapters = [chapter for chapter in pages(book["items"]) if chapter["path"]]
    shown = {}
    for chapter in chapters:
        for include in INCLUDE.findall(chapter["content"]):
            page = "docs/" + chapter["path"]
            shown[resolved(posixpath.dirname(page), include)] = page
    for chapter in chapters:
        page = "docs/" + chapter["path"]
        folder = posixpath.dirname(page)

        def included(match):
            file = resolved(folder, match.group(1))
            return rewritten((ROOT / file).read_text("utf-8"), posixpath.dirname(file), page, shown)

        # the head of such a page is for those who read it outside of the book
        content = chapter["content"]
        found = INCLUDE.search(content)
        chapter["content"] = included(found) if found else rewritten(content, folder, page, shown)
    json.dump(book, sys.stdout)


main()
