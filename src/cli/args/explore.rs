//! The verbs that look at a collection as a whole.

use std::path::PathBuf;

use clap::Args;

use super::{Compute, Reading};

/// How images fall into groups.
#[derive(Debug, Args)]
pub(in crate::cli) struct Grouping {
    /// k-majority on codes [default], k-means or k-medoids on latents, or hdbscan, which finds how many there are by itself
    #[arg(long, value_name = "METHOD", env = "AESEARCH_METHOD", hide_env_values = true)]
    pub(in crate::cli) method: Option<String>,
    /// Clusters, or auto: as many as give the largest mean silhouette [default: auto]
    #[arg(short, long, value_name = "N|auto")]
    pub(in crate::cli) k: Option<String>,
    /// The most clusters that auto tries [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_k: Option<usize>,
    /// hdbscan: images in a cluster, at least [default: half the square root of all, not below 5]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) min_size: Option<usize>,
    /// Seed of the starts [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Each cluster is told with its size, its medoid (the image whose distances to all others of the cluster have the \
                  least sum), its diameter (the largest distance of two of its images) and its mean silhouette (how much nearer \
                  its images are to their own cluster than to the next one, -1 to 1). Distances are differing bits of codes for \
                  k-majority, 1 less the cosine of latents for the other methods.\n\n\
                  --k auto clusters a sample of 10,000 images into 2, 3, .. clusters and takes the number with the largest mean \
                  silhouette.\n\n\
                  With labels: purity, NMI (normalized mutual information), ARI (adjusted Rand index), and the accuracy of the \
                  best matching of clusters and labels.\n\n\
                  JSON: method, unit, k, clusters [{id, size, medoid, diameter, silhouette, nearest, farthest, labels}], apart, \
                  silhouette, tried [{k, silhouette}], purity, nmi, ari, accuracy, seconds, files, skipped [{path, reason}]. With \
                  -o, a row for each image: path, label, cluster, distance (from the medoid), silhouette.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be copied, linked or drawn, 4 the index \
                  is damaged, 130 interrupted."
)]
pub(in crate::cli) struct Cluster {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) grouping: Grouping,
    /// Write the cluster of each image into this file: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Draw each cluster's images from its medoid outward into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    /// Copy the images into this new folder, each cluster into one of its own; nothing is ever moved
    #[arg(long, value_name = "DIR", conflicts_with = "link_to")]
    pub(in crate::cli) copy_to: Option<PathBuf>,
    /// Put symbolic links to them there instead
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) link_to: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The score of an image is the larger of two ranks: which part of the collection the model reconstructs better, and \
                  which part has nearer neighbours. 1 is the oddest.\n\n\
                  Flags: near-constant (next to nothing on it), dark, bright, blurred, odd-aspect: far outside of what is usual \
                  in this collection.\n\n\
                  With labels, images follow whose 20 nearest neighbours mostly bear another label: most of these are labelled \
                  wrongly, or could be either.\n\n\
                  JSON: images, outliers [{path, label, score, reconstruction_rank, reconstruction_loss, neighbour_rank, \
                  neighbour_distance, flags}], flagged (the same of all with flags), label_errors [{path, label, suggested, \
                  share, own_share}], skipped [{path, reason}]. With -o, a row for each image.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Outliers {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// List so many images, and as many doubtful labels [default: 20]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) top: Option<usize>,
    /// An image is as alone as its N-th neighbour is far [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not read the images again: neighbours and labels alone, no reconstruction and no flags
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    /// Write all that was found of each image into this file: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}
