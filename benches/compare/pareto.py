"""What search.py found, as a table and as a picture: `pareto.py benches/runs/search.json [--picture FILE.png]`.

A figure is the median over the rounds of a side's best time, a ratio the median over the rounds of theirs / ours. Only
measured points count: the fastest one of at least the recall asked for, nothing between points.
"""

import argparse
import json
import statistics
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
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 20 else f"{value:,.0f}"


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


def as_table(head, rows):
    """Lines of a Markdown table; a first column and those called Setting are text, the others numbers."""
    marks = ["---" if i == 0 or name == "Setting" else "--:" for i, name in enumerate(head)]
    return ["| " + " | ".join(line) + " |" for line in (head, marks, *rows)]


def table(document):
    out = []
    for name, found in document["sets"].items():
        out += [f"### {name}: {found['items']:,} codes of {found['bits']} bits, {found['queries']:,} queries", ""]
        rows = list(rows_of(found))
        out += [*indexes(rows), "", *verdicts(rows), ""]
    out += [*whole_scans(document), "", *two_threads(document["sets"])]
    if "pairs" in document:
        pairs = document["pairs"]
        same = {True: "the same set as", False: "ANOTHER SET than", None: "not compared with"}[pairs["same"]]
        out += [
            "",
            f"All {pairs['pairs']:,} pairs within {pairs['radius']} bits of digits-64: {cell(pairs['cpu_s'])} s of CPU (wanted: "
            f"0.5), {same} the naive loop's, which takes {cell(pairs['naive_cpu_s'])} s.",
        ]
    return "\n".join(out)


def indexes(rows):
    head = ["Index", "Build, CPU s", "Ratio", "Bytes per code", "Open, ms"]
    for recall in RECALLS:
        head += [f"µs at recall {recall}", "Ratio", "Setting"]
    lines = []
    for row in rows:
        cells = [row["side"], cell(row["build_s"]), times(row["build"]), cell(row["bytes"]), cell(row["open_ms"])]
        for recall in RECALLS:
            us, ratio, where = row[recall] or (None, None, "not reached")
            cells += [cell(us), times(ratio), where]
        lines.append(cells)
    return as_table(head, lines)


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
                said.append(f"- at {recall}, {who}: {times(ratio)}, wanted {least}")
        own = next((row for row in rows if row["side"] == OURS), None)
        if own and not own[recall]:
            said.append(f"- aesearch does not reach {recall}")
    for name, least in WANTED_BUILD.items():
        for row in rivals:
            if row["side"].startswith(name) and row["build"] and row["build"] < least:
                said.append(f"- build, {row['side']}: {times(row['build'])}, wanted {least}")
    return said or ["Every ratio that was wanted, of those measured here, is reached."]


def whole_scans(document):
    """The whole scan: ours, with each instruction set, beside the better of faiss's two, for each way of asking."""
    head = ["Whole scan", "One by one, µs", "faiss flat, µs", "Ratio", "In one call, µs", "faiss flat, µs", "Ratio"]
    head += ["GB/s", "Of a plain read"]
    rows = []
    scanned = {**document["sets"], "scan": document.get("scan", {})}
    for found in (found for found in scanned.values() if found.get("exact")):
        rounds = found["exact"]
        for side in (side for side in rounds[0] if side != FLAT):
            cells = [f"{found['items']:,} x {found['bits']} bits, {side}"]
            for key in ("single", "many"):
                ours = [one[side][f"us_{key}"] for one in rounds]
                flat = [min(us for name, us in one[FLAT]["us"].items() if name.startswith(key)) for one in rounds]
                ratio = statistics.median(theirs / mine for theirs, mine in zip(flat, ours))
                cells += [cell(statistics.median(ours)), cell(statistics.median(flat)), times(ratio)]
            rate = statistics.median(one[side]["scan_gb_s"] for one in rounds)
            share = statistics.median(one[side]["scan_gb_s"] / one[side]["read_gb_s"] for one in rounds)
            rows.append([*cells, f"{rate:.1f}", f"{share:.0%}"])
    return as_table(head, rows) if rows else []


def two_threads(sets):
    head = ["Queries per second", "One thread", "Two threads", "Ratio (wanted: 1.8)"]
    rows = []
    for name, found in sets.items():
        if "threads" in found:
            one, two = found["threads"]["queries_per_s"]
            rows.append([name, f"{one:,}", f"{two:,}", times(found["threads"]["times"])])
    return as_table(head, rows) if rows else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, metavar="FILE.json")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw it as well; needs matplotlib")
    args = parser.parse_args()
    document = json.loads(args.figures.read_text())
    print(table(document))
    if args.picture:
        import picture

        picture.draw(document, args.picture)


if __name__ == "__main__":
    main()
