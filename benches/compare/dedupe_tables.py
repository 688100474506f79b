"""What dedupe.py found, as tables: recall and false pairs, both at equal false pairs, times beside each other."""

import statistics

import measure
from index_tables import CNN, OURS


def tell(found, reference):
    """Prints all that is known of one set; returns it as tables. `reference` is the side that times are ratios to."""
    tables = [tell_scores(found)] if found["scores"] else []
    if found["curves"]:
        tables += [tell_curves(found), tell_equal(found)]
    return tables + tell_times(found, reference)


def tell_scores(found):
    title = f"{found['what']}: recall of planted copies, false pairs"
    print(f"\n{title}")
    heads(next(iter(found["scores"].values())))
    for side, score in found["scores"].items():
        row(side, score)
    print("  originals: false pairs without a copy, which may be real; lost: originals of which removal leaves no file")
    return {"title": title, "scores": found["scores"]}


def tell_curves(found):
    title = f"{found['what']}: every threshold"
    print(f"\n{title}")
    for side, points in found["curves"].items():
        heads(points[0])
        for point, before in zip(points[:17], [{}, *points]):
            if {**before, "threshold": point["threshold"]} == point:
                continue  # a pHash has as many ones as zeros: distances are even
            row(f"{side} {point['threshold']}", point)
    return {"title": title, "curves": found["curves"]}


def tell_equal(found):
    """What the curves' sides find when they may have as many false pairs as each of the others has."""
    title = f"{found['what']}: at as many false pairs, or fewer"
    table = {}
    print(f"\n{title}")
    heads(next(iter(found["scores"].values())))
    for side, score in found["scores"].items():
        if side in found["curves"]:
            continue
        row(side, score)
        table[side] = {}
        for rival, points in found["curves"].items():
            within = [point for point in points if point["false_pairs"] <= score["false_pairs"]]
            if within:
                table[side][rival] = within[-1]
                row(f"  {rival} {within[-1]['threshold']}", within[-1])
            else:
                print(f"    {rival}: more false pairs at threshold 0")
    return {"title": title, "equal": table}


def heads(score):
    kinds = "".join(f"{kind:>15}" for kind in score["recall"])
    print(f"  {'':28}{'false pairs':>14}{'originals':>12}{'in groups':>11}{'lost':>8}{kinds}")


def row(name, score):
    kinds = "".join(f"{recall:15.3f}" for recall in score["recall"].values())
    lost = score.get("lost", "")
    print(f"  {name:28}{score['false_pairs']:14,}{score['among_originals']:12,}{score['in_groups']:11.3f}{lost:>8}{kinds}")


def tell_times(found, reference):
    """Whole processes, from files to groups."""
    tables = []
    took = {f"{side}, scaled" if side == CNN else side: rounds for side, rounds in found["took"].items()}
    title = f"{found['what']}, {found['threads']} threads, files to groups"
    if reference != OURS:
        title += f" (for lack of {OURS} beside {reference})"
    for clock in ("wall", "cpu"):
        values = {side: [one[clock] for one in rounds] for side, rounds in took.items()}
        tables.append(measure.report(f"{title}, {clock} time", values, reference, "s"))
    print(f"\n{title}\n  {'':28}{'images/s':>12}{'peak MB':>12}")
    rates = {}
    for side, rounds in took.items():
        wall, peak = (statistics.median(one[key] for one in rounds) for key in ("wall", "rss_mb"))
        rates[side] = {"images_s": found["images"] / wall, "peak_mb": peak}
        print(f"  {side:28}{rates[side]['images_s']:12,.0f}{peak:12,.0f}")
    if f"{CNN}, scaled" in took:
        print("  scaled: some images encoded (by random weights, which take as long), none compared, the start counted once")
    return [*tables, {"title": title, "rates": rates}]
