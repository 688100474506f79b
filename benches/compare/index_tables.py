"""What index.py found, as tables: times beside each other, rates, what two threads give, where our CPU time goes."""

import statistics

import measure

OURS = "aesearch"
CNN = "imagededup cnn"
NUMBERS = {1: "one thread", 2: "two threads"}
STAGES = ("walk", "check", "read", "decode", "resize", "encode", "hash", "fit", "write", "other")
# What anyone who makes codes of image files has to do.
INEVITABLE = ("read", "decode", "resize", "encode")
MUST, ALL, PROCESS = " + ".join(INEVITABLE), "all stages", "CPU time of the process"


def tell(found):
    """Prints all that is known of one collection; returns it as tables."""
    tables = [table for threads in found["rounds"][0] for table in tell_times(found, threads)]
    if set(NUMBERS) <= set(found["rounds"][0]):
        tables.append(tell_speed_up(found))
    return tables + tell_stages(found)


def for_all(took, count):
    """Seconds for `count` images; where fewer were encoded, the time for that is scaled, and that of the start is not."""
    said = took["said"] or {"images": count}
    more = count / said["images"] - 1
    return {clock: took[clock] + (more * said["encoding"][clock] if more else 0) for clock in ("wall", "cpu")}


def tell_times(found, threads):
    """The tables of times of one collection, and the rates that follow from them."""
    rounds = [one[threads] for one in found["rounds"]]
    names = {side: f"{side}, scaled" if side == CNN else side for side in rounds[0]}
    costs = {names[side]: [for_all(one[side], found["images"]) for one in rounds] for side in rounds[0]}
    title = f"index {found['what']}, {NUMBERS[threads]}"
    tables = []
    for clock in ("wall", "cpu"):
        values = {name: [cost[clock] for cost in all_] for name, all_ in costs.items()}
        tables.append(measure.report(f"{title}, {clock} time", values, OURS, "s"))
    print(f"\n{title}\n  {'':28}{'images/s':>12}{'MB/s':>12}{'peak MB':>12}")
    rates = {}
    for side, name in names.items():
        wall = tables[0]["contestants"][name]["median"]
        peak = statistics.median(one[side]["rss_mb"] for one in rounds)
        rates[name] = {"images_s": found["images"] / wall, "mb_s": found["bytes"] / wall / 1e6, "peak_mb": peak}
        print(f"  {name:28}{rates[name]['images_s']:12,.0f}{rates[name]['mb_s']:12.3g}{peak:12,.0f}")
    if CNN in names:
        few = rounds[0][CNN]["said"]["images"]
        print(f"  scaled: {few:,} images encoded (by random weights, which take as long), the start counted once")
    return [*tables, {"title": title, "rates": rates}]


def tell_speed_up(found):
    """How much sooner two threads are done than one."""
    title = f"two threads over one, wall time, {found['what']}"
    print(f"\n{title}")
    speed_up = {}
    for side in found["rounds"][0][1]:
        if side not in found["rounds"][0][2]:
            continue
        walls = {n: [for_all(one[n][side], found["images"])["wall"] for one in found["rounds"]] for n in (1, 2)}
        speed_up[side] = statistics.median(one / two for one, two in zip(walls[1], walls[2]))
        print(f"  {side:28}{speed_up[side]:12.2f}")
    return {"title": title, "speed_up": speed_up}


def tell_stages(found):
    """Where our CPU time goes; nothing where aesearch does not tell."""
    title = f"stages of {OURS}, {found['what']}"
    stages = {}
    for threads in found["rounds"][0]:
        rounds = [one[threads][OURS] for one in found["rounds"]]
        if not all(one["said"].get("stages") for one in rounds):
            return []
        medians = {name: statistics.median(seconds_of(name, one) for one in rounds) for name in STAGES}
        medians[MUST] = sum(medians[name] for name in INEVITABLE)
        medians[ALL] = sum(medians[name] for name in STAGES)
        medians[PROCESS] = statistics.median(one["cpu"] for one in rounds)
        stages[threads] = medians
    print(f"\n{title}\n  {'':32}" + "".join(f"{f'{NUMBERS[n]}, CPU s':>24}{'share':>8}" for n in stages))
    for name in next(iter(stages.values())):
        columns = [(one[name], one[name] / one[ALL]) for one in stages.values()]
        print(f"  {name:32}" + "".join(f"{seconds:24.3f}{share:8.1%}" for seconds, share in columns))
    if any(one[ALL] > 1.03 * one[PROCESS] for one in stages.values()):
        print("  more than the process took: the stages hold time in which a thread waited, for its turn or for others")
    return [{"title": title, "stages": stages}]


def seconds_of(stage, took):
    """As aesearch tells; what it leaves out is what is left of the process's CPU time."""
    told = took["said"]["stages"]
    if stage == "other" and stage not in told:
        return max(0, took["cpu"] - sum(told.values()))
    return told.get(stage, 0)


def tell_queries(rounds):
    tables = []
    for clock in ("wall", "cpu"):
        values = {side: [one[side][clock] for one in rounds] for side in rounds[0]}
        tables.append(measure.report(f"one query, whole process, {clock} time", values, OURS, "ms", 1000))
    return tables


def tell_million(found):
    what = f"{found['images']:,} PNG files in one archive of {found['bytes'] / 1e6:,.0f} MB"
    title = f"index {what}, {NUMBERS[found['threads']]}"
    print(f"\n{title}\n  {'':28}{'wall s':>12}{'CPU s':>12}{'images/s':>12}{'peak MB':>12}")
    table = {}
    for name in found["rounds"][0]:
        median = {key: statistics.median(one[name][key] for one in found["rounds"]) for key in ("wall", "cpu", "rss_mb")}
        rate = found["images"] / median["wall"]
        print(f"  {name:28}{median['wall']:12.2f}{median['cpu']:12.2f}{rate:12,.0f}{median['rss_mb']:12,.0f}")
        table[name] = {**median, "values": [{**one[name], "said": None} for one in found["rounds"]]}
    return {"title": title, "million": table}
