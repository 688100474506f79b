"""scikit-learn for cluster.py, as its users would call it. One verb per process; facts as JSON on the last line.

    rivals_cluster.py fit SIDE LATENTS SEED OUT      labels and centres; their time without imports and reading; writes OUT
    rivals_cluster.py score LABELS FOUND             agreement with labels, of a table of ours or an array of theirs
    rivals_cluster.py versions                       what is installed

Latents are those that the index keeps (there as 8-bit integers), of length 1, so that the Euclidean distance and the cosine agree.
"""

import argparse
import json
import time

import numpy as np

# Defaults, but for the number of clusters; n_init "auto" is one k-means++ start.
K_MEANS = {
    "sklearn KMeans": ("KMeans", {}),
    "sklearn KMeans n_init=10": ("KMeans", {"n_init": 10}),
    "sklearn MiniBatchKMeans": ("MiniBatchKMeans", {}),
}
HDBSCAN = "sklearn HDBSCAN"
# As aesearch does where it is not told otherwise: images in a cluster, and those that density is measured within.
MIN_SAMPLES = 5


def min_size(count):
    return max(int(count**0.5) // 2, 5)


def fit(side, latents, seed, out):
    import sklearn.cluster

    if side == HDBSCAN:
        size = min_size(len(latents))
        model = sklearn.cluster.HDBSCAN(min_cluster_size=size, min_samples=MIN_SAMPLES, n_jobs=-1, copy=False)
    else:
        name, options = K_MEANS[side]
        model = getattr(sklearn.cluster, name)(10, random_state=seed, **options)
    wall, cpu = time.perf_counter(), time.process_time()
    labels = model.fit(latents).labels_
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    np.save(out, labels)
    return {"fit_wall": wall, "fit_cpu": cpu}


def score(labels, clusters):
    """`clusters` has -1 for what is in none: they count as one more cluster, and in a second figure not at all."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    within = clusters >= 0
    table = np.zeros((clusters.max() + 2, labels.max() + 1))
    np.add.at(table, (clusters, labels), 1)
    matched = table[linear_sum_assignment(-table)].sum()
    return {
        "nmi": normalized_mutual_info_score(labels, clusters),
        "ari": adjusted_rand_score(labels, clusters),
        "accuracy": matched / len(labels),
        "nmi_clustered": normalized_mutual_info_score(labels[within], clusters[within]),
        "clusters": int(clusters.max()) + 1,
        "in_none": float(1 - within.mean()),
    }


def read_clusters(path):
    if path.endswith(".npy"):
        return np.load(path)
    import digits

    return np.array([int(cluster or -1) for (cluster,) in digits.rows(path, ["cluster"])])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("fit")
    verb.add_argument("side", choices=[*K_MEANS, HDBSCAN])
    verb.add_argument("latents")
    verb.add_argument("seed", type=int)
    verb.add_argument("out")
    verb = verbs.add_parser("score")
    verb.add_argument("labels")
    verb.add_argument("found")
    verbs.add_parser("versions")
    args = parser.parse_args()
    if args.verb == "fit":
        said = fit(args.side, np.load(args.latents), args.seed, args.out)
    elif args.verb == "score":
        said = score(np.load(args.labels).astype(int), read_clusters(args.found))
    else:
        import sklearn

        said = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
