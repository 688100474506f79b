"""Every link of the built book leads to a file and a place in it: book_check.py BOOK."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Links and names of places."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.ids.add(value)


book = Path(sys.argv[1]).resolve()
# print.html is all chapters in one, and 404.html is for servers
pages = {path: Page(path) for path in book.rglob("*.html") if path.name not in ("print.html", "404.html", "toc.html")}
broken, n_links = [], 0
for path, page in pages.items():
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        n_links += 1
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file() or (parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids):
            broken.append(f"{path.relative_to(book)}: {link}")
print(f"{len(pages)} pages, {n_links} links, {len(broken)} broken")
sys.exit("\n".join(broken) or 0)
