"""The picture of search.py's figures: CPU time per query against recall, one panel for each set of codes.

    .venv/bin/python benches/compare/pareto.py benches/runs/search.json --picture docs/pictures/search.png

A line joins the points of a family of indexes that none of its other points beats in both recall and time.
Whole scans are crosses: no line leads there.
"""

import math
import statistics

import matplotlib
import pareto

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend comes first)
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: E402

FAMILIES = {  # name in the picture: prefix of the sides, colour, dashes, marker
    "aesearch": ("aesearch", "#d9381e", "-", "o"),
    "faiss IVF": ("faiss ivf", "#2e86c1", "-", "s"),
    "faiss HNSW": ("faiss hnsw", "#7d4fb8", "--", "^"),
    "usearch": ("usearch", "#23895f", ":", "D"),
    "hnswlib": ("hnswlib", "#b07d00", "-.", "v"),
    "hnsw_rs": ("hnsw_rs", "#6b7780", (0, (4, 2)), "P"),
}
SCANS = {"aesearch, whole scan": "#d9381e", "faiss, whole scan": "#2e86c1"}
LEAST_RECALL = 0.8
ALL_FOUND = 0.00003  # the share missed at which a recall of 1 is drawn
TICKS = {0.1: "0.9", 0.01: "0.99", 0.001: "0.999", 0.0001: "0.9999", ALL_FOUND: "1"}
INCHES, DOTS = (9.2, 4.1), 200  # shown at half its size, a point of text is 1.4 pixels


def frontier(found, prefix):
    """(recall, us) of the points that no other point of these sides beats, by rising recall; medians over the rounds."""
    gathered = {}
    for points in found["rounds"]:
        for side, all_ in points.items():
            if side.startswith(prefix):
                for point in (point for point in all_ if point["at"] != pareto.WHOLE):
                    gathered.setdefault((side, point["at"], point.get("way")), []).append(point)
    medians = [(one[0]["recall"], statistics.median(point["us_best"] for point in one)) for one in gathered.values()]
    line, fastest = [], math.inf
    for recall, us in sorted(medians, key=lambda point: (-point[0], point[1])):
        if us < fastest:
            line.append((recall, us))
            fastest = us
    return [point for point in reversed(line) if point[0] >= LEAST_RECALL]


def missed(recall):
    return max(1 - recall, ALL_FOUND)


def scan_us(rounds):
    """Microseconds per query of the whole scans, ours and faiss's, in the order of SCANS."""
    ours = statistics.median(one[pareto.OURS]["us_many"] or one[pareto.OURS]["us_single"] for one in rounds)
    flat = statistics.median(min(one[pareto.FLAT]["us"].values()) for one in rounds)
    return ours, flat


def panel(axes, name, found):
    for family in reversed(FAMILIES):  # ours last, on top
        prefix, colour, dashes, marker = FAMILIES[family]
        ours = family == pareto.OURS
        line = frontier(found, prefix)
        axes.plot(
            [missed(recall) for recall, _ in line],
            [us for _, us in line],
            color=colour, linestyle=dashes, marker=marker, label=family,
            linewidth=2.8 if ours else 1.3, markersize=5.5 if ours else 3.6, zorder=4 if ours else 3,
        )  # fmt: skip
    if found["exact"]:
        for (label, colour), us in zip(SCANS.items(), scan_us(found["exact"])):
            axes.plot(ALL_FOUND, us, "+", color=colour, markersize=10, markeredgewidth=2.2, label=label, clip_on=False, zorder=5)
    items = f"{found['items']:,}".replace(",000,000", "M")
    axes.set_title(f"{name}: {items} x {found['bits']} bits", fontsize=9.5, fontweight="bold", loc="left")
    axes.set(xscale="log", yscale="log", xlim=(0.25, ALL_FOUND * 0.8), xlabel="recall@10")
    axes.xaxis.set_major_locator(matplotlib.ticker.FixedLocator(list(TICKS)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: TICKS[min(TICKS, key=lambda tick: abs(tick - value))]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color="#dddddd", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5, color="#999999")


def draw(document, path):
    """Writes the picture; the ending of `path` says in which format."""
    sets = document["sets"]
    figure, panels = pyplot.subplots(1, len(sets), figsize=INCHES, squeeze=False, layout="constrained")
    for axes, (name, found) in zip(panels[0], sets.items()):
        panel(axes, name, found)
    panels[0][0].set_ylabel("CPU time per query, µs (lower is faster)", fontsize=9)
    handles, labels = panels[0][0].get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: [*FAMILIES, *SCANS].index(labels[i]))
    figure.legend(
        [handles[i] for i in order], [labels[i] for i in order],
        loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8.5, columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip
    title = "The 10 nearest binary codes: time against recall, one thread"
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    figure.savefig(path, dpi=DOTS)
