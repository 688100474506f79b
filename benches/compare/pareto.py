"""What search.py found, as a table and as a picture: `pareto.py benches/runs/search.json` writes both beside the file.

A figure is the median over the rounds of a side's best time, a ratio the median over the rounds of theirs / ours. Only
measured points count: the fastest one of at least the recall asked for, nothing between points.
"""

import json
import math
import statistics
import sys
from pathlib import Path

OURS = "aesearch"
FLAT = "faiss flat"
WHOLE = "whole scan"
RECALLS = (0.99, 0.999)
# At both recalls: times as many queries/s as ... (the whole field, and some of it by name)
WANTED = {"best rival": 2, "faiss hnsw": 4, "usearch": 4, "hnsw_rs": 10}
WANTED_BUILD = {"faiss hnsw": 5, "usearch": 5}


def best(points, recall):
    """The fastest point of at least this recall; none where nothing was as good."""
    enough = [point for point in points if point["recall"] >= recall]
    return min(enough, key=lambda point: point["us_best"], default=None)


def figure(rounds, side, recall):
    """(us per query, times ours, where): medians over the rounds in which both were measured; None without a point."""
    pairs = [(best(points.get(side, []), recall), best(points.get(OURS, []), recall)) for points in rounds]
    theirs = [point for point, _ in pairs if point]
    if not theirs:
        return None
    ratios = [point["us_best"] / own["us_best"] for point, own in pairs if point and own]
    ratio = statistics.median(ratios) if ratios else None
    way = theirs[0].get("way", "single")
    return statistics.median(point["us_best"] for point in theirs), ratio, f"{theirs[0]['at']}, {way}"


def cell(value, digits=3):
    """A number with so many digits, and not one more: 1,234 or 0.0123."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10**digits else f"{value:.{digits}g}"


def times(value):
    if value is None:
        return "-"
    return f"{value:.2f}x" if value < 1 else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


def rows_of(found):
    """Per side: what the table says of it."""
    rounds, builds = found["rounds"], found["builds"]
    own = builds.get(OURS, {})
    for side in sorted(rounds[0], key=lambda side: side != OURS):
        facts = builds.get(side, {})
        both = facts.get("build_s") and own.get("build_s")
        row = {"side": side, "build_s": facts.get("build_s"), "build": facts["build_s"] / own["build_s"] if both else None}
        row |= {"bytes": facts.get("bytes_per_item"), "open_ms": facts.get("open_ms")}
        yield row | {recall: figure(rounds, side, recall) for recall in RECALLS}


def table(document):
    out = []
    for name, found in document["sets"].items():
        out += [f"### {name}: {found['items']:,} codes of {found['bits']} bits, {found['queries']:,} queries", ""]
        head = ["", "build, s", "x ours", "bytes/item", "open, ms"]
        for recall in RECALLS:
            head += [f"us at >= {recall}", "x ours", "with"]
        out += ["| " + " | ".join(head) + " |", "|---" + "|--:" * 4 + "|--:|--:|---" * len(RECALLS) + "|"]
        rows = list(rows_of(found))
        for row in rows:
            cells = [row["side"], cell(row["build_s"]), times(row["build"]), cell(row["bytes"]), cell(row["open_ms"])]
            for recall in RECALLS:
                us, ratio, where = row[recall] or (None, None, "not reached")
                cells += [cell(us), times(ratio), where]
            out.append("| " + " | ".join(cells) + " |")
        out += ["", *verdicts(rows), ""]
        if found["exact"]:
            out += [*whole_scans(found["exact"]), ""]
        if "threads" in found:
            one, two = found["threads"]["queries_per_s"]
            ratio = found["threads"]["times"]
            out += [f"Two threads answer {two:,} queries/s, one {one:,}: {ratio:.2f} times (wanted: 1.8).", ""]
    if "scan" in document:
        scan = document["scan"]
        out += [f"### Whole scans of {scan['items']:,} codes of {scan['bits']} bits", "", *whole_scans(scan["exact"]), ""]
    if "pairs" in document:
        pairs = document["pairs"]
        same = {True: "the same set as", False: "ANOTHER SET than", None: "not compared with"}[pairs["same"]]
        out.append(
            f"All {pairs['pairs']:,} pairs within {pairs['radius']} bits of digits-64: {cell(pairs['cpu_s'])} s of CPU (wanted: "
            f"0.5), {same} the naive loop's, which takes {cell(pairs['naive_cpu_s'])} s."
        )
    return "\n".join(out)


def verdicts(rows):
    """One line per promise that this set of codes does not keep."""
    said = []
    rivals = [row for row in rows if row["side"] != OURS]
    for recall in RECALLS:
        for name, least in WANTED.items():
            those = [row for row in rivals if name == "best rival" or row["side"].startswith(name)]
            ratios = [(row[recall][1], row["side"]) for row in those if row[recall] and row[recall][1]]
            if ratios and min(ratios)[0] < least:
                ratio, side = min(ratios)
                who = side if side.startswith(name) else f"{name} ({side})"
                said.append(f"- at {recall} only {times(ratio)} {who}, wanted {least}x")
        own = next((row for row in rows if row["side"] == OURS), None)
        if own and not own[recall]:
            said.append(f"- aesearch does not reach {recall}")
    for name, least in WANTED_BUILD.items():
        for row in rivals:
            if row["side"].startswith(name) and row["build"] and row["build"] < least:
                said.append(f"- built only {times(row['build'])} as fast as {row['side']}, wanted {least}x")
    return said or ["Every ratio that was wanted, of those measured here, is reached."]


def whole_scans(rounds):
    """The whole scan: ours (with each instruction set) beside the better of faiss's two, for each way of asking."""
    out = []
    for side in (side for side in rounds[0] if side != FLAT):
        one = [found[side] for found in rounds]
        said = []
        for way, key in (("one by one", "single"), ("all in one call", "many")):
            ours = [found[f"us_{key}"] for found in one]
            flat = [min(us for name, us in found[FLAT]["us"].items() if name.startswith(key)) for found in rounds]
            ratio = statistics.median(theirs / mine for theirs, mine in zip(flat, ours))
            said.append(f"{way} {cell(statistics.median(ours))} us, faiss flat {cell(statistics.median(flat))}: {times(ratio)}")
        share = statistics.median(found["scan_gb_s"] / found["read_gb_s"] for found in one)
        out.append(
            f"Whole scan, {side}: {'; '.join(said)}. One by one that is {one[0]['scan_gb_s']:.1f} GB/s, {share:.0%} "
            f"of a plain read of as many bytes ({one[0]['read_gb_s']:.1f} GB/s)."
        )
    return out


# The picture.

FAMILIES = {  # name in the picture: sides, colour, dashes, marker
    "aesearch": ("aesearch", "#e4572e", "", "circle"),
    "faiss IVF": ("faiss ivf", "#2e86c1", "", "square"),
    "faiss HNSW": ("faiss hnsw", "#8e5fc7", "7 3", "triangle"),
    "usearch": ("usearch", "#2a9d6f", "2 3", "diamond"),
    "hnswlib": ("hnswlib", "#b8860b", "9 3 2 3", "square"),
    "hnsw_rs": ("hnsw_rs", "#7f8c8d", "4 2", "triangle"),
}
PANEL, HEIGHT, LEFT, TOP, GAP, BOTTOM = 330, 330, 62, 64, 58, 92
MISSES = (0.2, 0.1, 0.01, 0.001, 0.0001)  # 1 - recall: of the left edge, then of the ticks
ALL_FOUND = 0.00003  # where a recall of 1 is drawn
LEAST_RECALL = 0.8
LEAST_WIDTH = 880  # of title and legend
STYLE = """
  text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #333 }
  .title { font-size: 13px; font-weight: 600 }
  .head { font-size: 16px; font-weight: 600 }
  .small { font-size: 11px; fill: #666 }
  .paper { fill: #fff }
  .frame { fill: none; stroke: #999 }
  .grid { stroke: #999; stroke-opacity: .28 }
  .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
  .ours { stroke-width: 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .small { fill: #aaa } .paper { fill: #15181c } .frame { stroke: #777 }
  }"""


def frontier(found, prefix):
    """(recall, us) of the points that no other point of these sides beats, by rising recall; medians over the rounds.

    Whole scans are not among them: no line leads there.
    """
    gathered = {}
    for points in found["rounds"]:
        for side, all_ in points.items():
            if side.startswith(prefix):
                for point in (point for point in all_ if point["at"] != WHOLE):
                    gathered.setdefault((side, point["at"], point.get("way")), []).append(point)
    medians = [(one[0]["recall"], statistics.median(point["us_best"] for point in one)) for one in gathered.values()]
    line, fastest = [], math.inf
    for recall, us in sorted(medians, key=lambda point: (-point[0], point[1])):
        if us < fastest:
            line.append((recall, us))
            fastest = us
    return [point for point in reversed(line) if point[0] >= LEAST_RECALL]


def look(family):
    """The attributes of a family's line."""
    _, colour, dashes, _ = FAMILIES[family]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'class="line{" ours" if family == OURS else ""}" stroke="{colour}"{dashed}'


def marker(kind, x, y, size, colour):
    s, d = size, 1.4 * size
    shapes = {
        "square": f"M{x - s:.1f} {y - s:.1f}h{2 * s}v{2 * s}h{-2 * s}z",
        "triangle": f"M{x:.1f} {y - 1.2 * s:.1f}l{1.2 * s:.1f} {2.1 * s:.1f}h{-2.4 * s:.1f}z",
        "diamond": f"M{x:.1f} {y - d:.1f}l{d:.1f} {d:.1f}l{-d:.1f} {d:.1f}l{-d:.1f} {-d:.1f}z",
    }
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{s}" fill="{colour}"/>'
    return f'<path d="{shapes[kind]}" fill="{colour}"/>'


def across(recall):
    """0 to 1 over a panel's width: equal steps for each digit of the misses."""
    miss = max(1 - recall, ALL_FOUND)
    first, last = math.log10(MISSES[0]), math.log10(ALL_FOUND)
    return (math.log10(miss) - first) / (last - first)


def number(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def panel(found, name, left):
    """One set of codes."""
    lines = {family: frontier(found, spec[0]) for family, spec in FAMILIES.items()}
    scans = scan_times(found)
    values = [us for line in lines.values() for _, us in line] + [us for us, _ in scans]
    low, high = math.log10(min(values)) - 0.12, math.log10(max(values)) + 0.12

    def at(recall, us):
        up = (math.log10(us) - low) / (high - low)
        return left + 8 + across(recall) * (PANEL - 22), TOP + HEIGHT * (1 - up)

    title = f"{name}: {found['items']:,} codes of {found['bits']} bits"
    out = [f'<text class="title" x="{left}" y="{TOP - 10}">{title}</text>']
    for power in range(math.floor(low), math.ceil(high) + 1):
        for step in (1, 2, 5):
            value = step * 10.0**power
            if low <= math.log10(value) <= high:
                y = at(1, value)[1]
                out.append(f'<path class="grid" d="M{left} {y:.1f}h{PANEL}"/>')
                out.append(f'<text class="small" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
    for miss, label in [*((miss, f"{1 - miss:g}") for miss in MISSES[1:]), (ALL_FOUND, "1")]:
        x = at(1 - miss, 1)[0]
        out.append(f'<path class="grid" d="M{x:.1f} {TOP}v{HEIGHT}"/>')
        out.append(f'<text class="small" x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{label}</text>')
    out.append(f'<rect class="frame" x="{left}" y="{TOP}" width="{PANEL}" height="{HEIGHT}"/>')
    axis = "recall@10 (logarithm of what is missed)"
    out.append(f'<text x="{left + PANEL / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">{axis}</text>')
    for family in reversed(FAMILIES):  # ours last, on top
        _, colour, _, kind = FAMILIES[family]
        ours = family == OURS
        places = [at(*point) for point in lines[family]]
        if places:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
            out.append(f'<path {look(family)} d="M{path}"/>')
            out += [marker(kind, x, y, 4 if ours else 3, colour) for x, y in places]
    for us, colour in scans:
        x, y = at(1, us)
        out.append(f'<path d="M{x - 6:.1f} {y:.1f}h12M{x:.1f} {y - 6:.1f}v12" stroke="{colour}" stroke-width="2.5"/>')
    return out


def scan_times(found):
    """(us, colour) of the whole scans: ours, faiss's."""
    if not found["exact"]:
        return []
    ours = statistics.median(one[OURS]["us_many"] or one[OURS]["us_single"] for one in found["exact"])
    flat = statistics.median(min(one[FLAT]["us"].values()) for one in found["exact"])
    return [(ours, FAMILIES["aesearch"][1]), (flat, FAMILIES["faiss IVF"][1])]


def picture(document):
    sets = document["sets"]
    width = max(LEAST_WIDTH, LEFT + len(sets) * PANEL + (len(sets) - 1) * GAP + 20)
    height = TOP + HEIGHT + BOTTOM
    side_title = "CPU time per query, us (lower is faster)"
    cpu = document.get("machine", {}).get("cpu", "")
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>CPU time per query against recall, by library</title><style>{STYLE}\n</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="head" x="{LEFT}" y="26">10 nearest binary codes: time against recall, one thread ({cpu})</text>',
        f'<text transform="translate(18 {TOP + HEIGHT / 2}) rotate(-90)" text-anchor="middle">{side_title}</text>',
    ]
    for number_, (name, found) in enumerate(sets.items()):
        out += panel(found, name, LEFT + number_ * (PANEL + GAP))
    x, y = LEFT, height - 20
    present = [family for family, spec in FAMILIES.items() if any(frontier(found, spec[0]) for found in sets.values())]
    for family in present:
        _, colour, _, kind = FAMILIES[family]
        out.append(f'<path {look(family)} d="M{x} {y - 4}h34"/>')
        out.append(marker(kind, x + 17, y - 4, 4 if family == OURS else 3, colour))
        out.append(f'<text x="{x + 41}" y="{y}">{family}</text>')
        x += 62 + 7 * len(family)
    for text, family in (("aesearch, whole scan", "aesearch"), ("faiss flat, whole scan", "faiss IVF")):
        colour = FAMILIES[family][1]
        out.append(f'<path d="M{x} {y - 4}h12m-6 -6v12" stroke="{colour}" stroke-width="2.5"/>')
        out.append(f'<text x="{x + 19}" y="{y}">{text}</text>')
        x += 44 + 7 * len(text)
    return "\n".join([*out, "</svg>\n"])


def draw(path):
    """Writes FILE.md and FILE.svg beside FILE.json."""
    document = json.loads(path.read_text())
    versions = ", ".join(f"{name} {version}" for name, version in document.get("versions", {}).items())
    head = [
        "Searching binary codes, one thread, CPU time; made by benches/compare/search.py; the raw figures are in the JSON beside this.",
        "",
        f"{document['machine']['cpu']}, {document['machine']['cores']} cores; {document['rounds']} rounds; {versions}.",
        f"\n![time against recall]({path.with_suffix('.svg').name})\n",
    ]
    path.with_suffix(".md").write_text("\n".join(head) + "\n" + table(document) + "\n")
    path.with_suffix(".svg").write_text(picture(document))


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
