"""openTSNE and scikit-learn for map.py, as their users would call them. One verb per process; facts as JSON on the last line.

    rivals_map.py place SIDE LATENTS THREADS SEED OUT    places, [N, 2]; their time without imports and reading; writes OUT
    rivals_map.py score LATENTS LABELS FOUND             how well a map, a table of ours or an array of theirs, keeps neighbours
    rivals_map.py versions                               what is installed
"""

import argparse
import json
import time

import numpy as np

SIDES = ("openTSNE", "sklearn PCA")
# Neighbours that a map should keep, and those that vote on a label; images that are asked for, against all.
KEPT = 15
VOTES = 10
ASKED = 2000
BATCH = 250
SEED = 5


def place(side, latents, threads, seed):
    if side == "openTSNE":
        from openTSNE import TSNE

        work = TSNE(n_jobs=threads, random_state=seed).fit
    else:
        from sklearn.decomposition import PCA

        work = PCA(2, random_state=seed).fit_transform
    wall, cpu = time.perf_counter(), time.process_time()
    points = np.asarray(work(latents), np.float32)
    return points, {"fit_wall": time.perf_counter() - wall, "fit_cpu": time.process_time() - cpu}


def score(latents, labels, points):
    """Of some images, drawn once, exactly and against all others.

    Trustworthiness (Venna and Kaski 2001) punishes neighbours in the map by their rank among the latents; `preserved` is the part of
    an image's neighbours that are its neighbours in the map; `label_accuracy` is that of a vote among these.
    """
    from sklearn.neighbors import NearestNeighbors

    count = len(latents)
    asked = np.sort(np.random.default_rng(SEED).permutation(count)[:ASKED])
    near = NearestNeighbors(n_neighbors=KEPT + 1).fit(points).kneighbors(points[asked], return_distance=False)
    near = np.array([row[row != own][:KEPT] for own, row in zip(asked, near)])
    penalty = kept = 0
    for at in range(0, ASKED, BATCH):
        own = asked[at : at + BATCH]
        cosines = latents[own] @ latents.T
        cosines[np.arange(len(own)), own] = 9  # itself first: rank 0
        ranks = np.empty(count, np.int64)
        for row, places in zip(cosines, near[at : at + BATCH]):
            ranks[np.argsort(-row, kind="stable")] = np.arange(count)
            penalty += np.maximum(ranks[places] - KEPT, 0).sum()
            kept += (ranks[places] <= KEPT).sum()
    votes = np.array([np.bincount(row, minlength=labels.max() + 1).argmax() for row in labels[near[:, :VOTES]]])
    return {
        "trustworthiness": 1 - 2 / (ASKED * KEPT * (2 * count - 3 * KEPT - 1)) * float(penalty),
        "preserved": float(kept) / (ASKED * KEPT),
        "label_accuracy": float((votes == labels[asked]).mean()),
    }


def read_points(path):
    if path.endswith(".npy"):
        return np.load(path)
    import digits

    return np.array(digits.rows(path, ["x", "y"]), np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("place")
    verb.add_argument("side", choices=SIDES)
    verb.add_argument("latents")
    verb.add_argument("threads", type=int)
    verb.add_argument("seed", type=int)
    verb.add_argument("out")
    verb = verbs.add_parser("score")
    for name in ("latents", "labels", "found"):
        verb.add_argument(name)
    verbs.add_parser("versions")
    args = parser.parse_args()
    if args.verb == "place":
        points, said = place(args.side, np.load(args.latents), args.threads, args.seed)
        np.save(args.out, points)
    elif args.verb == "score":
        said = score(np.load(args.latents), np.load(args.labels).astype(int), read_points(args.found))
    else:
        import openTSNE
        import sklearn

        said = {"openTSNE": openTSNE.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
