//! The verbs about a collection as a whole.

use std::path::PathBuf;

use clap::Args;

use super::{Compute, Reading};
use crate::explore::copy_out::{CopyMode, CopyTarget};

/// Folders of images, to view with other programs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Folders {
    /// Copy the images into this new folder, each group into a subfolder; nothing is ever moved
    #[arg(long, value_name = "DIR", conflicts_with = "link_to")]
    copy_to: Option<PathBuf>,
    /// Make symbolic links in this new folder instead of copies
    #[arg(long, value_name = "DIR")]
    link_to: Option<PathBuf>,
}

impl Folders {
    /// The folder, and whether images are copied or linked.
    pub(in crate::cli) fn target(&self) -> Option<CopyTarget> {
        let target = |to: &PathBuf, mode| CopyTarget { to: to.clone(), mode };
        let copied = self.copy_to.as_ref().map(|to| target(to, CopyMode::Copy));
        copied.or(self.link_to.as_ref().map(|to| target(to, CopyMode::Link)))
    }
}

/// How to cluster.
#[derive(Debug, Args)]
pub(in crate::cli) struct Grouping {
    /// k-majority on codes [default], k-means or k-medoids on latents, or hdbscan, which finds the number of clusters itself
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) method: Option<String>,
    /// Number of clusters, or auto for the number with the largest mean silhouette [default: auto]
    #[arg(short, long, value_name = "N|auto")]
    pub(in crate::cli) k: Option<String>,
    /// Largest number of clusters that auto tries [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_k: Option<usize>,
    /// hdbscan: least number of images in a cluster [default: half the square root of all images, at least 5]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) min_size: Option<usize>,
    /// Seed of the starting points [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "For each cluster: its size, its medoid (the image with the least sum of distances to all others), its diameter (the \
                  largest distance between two images) and its mean silhouette (how much nearer images are to their own cluster \
                  than to the next nearest, -1 to 1). Distances are differing bits of codes for k-majority, 1 minus the cosine of \
                  latents for the other methods.\n\n\
                  --k auto clusters a sample of 10,000 images into 2, 3, .. clusters and uses the number with the largest mean \
                  silhouette.\n\n\
                  With labels: purity, NMI (normalized mutual information), ARI (adjusted Rand index), and the accuracy of the \
                  best matching of clusters and labels.\n\n\
                  JSON: method, unit, k, clusters [{id, size, medoid, diameter, silhouette, nearest, farthest, labels}], apart, \
                  silhouette, tried [{k, silhouette}], purity, nmi, ari, accuracy, seconds, assign_seconds (the part of it \
                  until each image had its cluster), files, skipped [{path, reason}]. With -o, a row for each image: path, label, cluster, \
                  distance (from the medoid), silhouette.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be copied, linked or drawn, 4 the index \
                  is damaged, 130 interrupted."
)]
pub(in crate::cli) struct Cluster {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) grouping: Grouping,
    /// Write a table with the cluster of each image: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Draw images of each cluster, from its medoid outward, into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) folders: Folders,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The outlier score of an image is the larger of two ranks, 0 to 1: the share of the images that the model reconstructs \
                  better, and the share with nearer neighbours.\n\n\
                  Flags: near-constant (almost blank), dark, bright, blurred, odd-aspect (unusual proportions): far outside of \
                  what is usual in this collection.\n\n\
                  With labels, also lists images whose 20 nearest neighbours mostly have another label: most of these labels are \
                  wrong, or the image is ambiguous.\n\n\
                  JSON: images, outliers [{path, label, score, reconstruction_rank, reconstruction_loss, neighbour_rank, \
                  neighbour_distance (1 minus the cosine of latents; bits if the index keeps only codes), flags}], flagged \
                  (the same for all with flags), label_errors [{path, label, suggested, \
                  share, own_share}], skipped [{path, reason}]. With -o, a row for each image.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Outliers {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// List at most N images, N doubtful labels, and N images with flags [default: 20]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) top: Option<usize>,
    /// Measure how isolated an image is by the distance to its N-th neighbour [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not read the images: only neighbours and labels, no reconstruction and no flags
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    /// Write a table with all results for each image: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}

#[derive(Debug, Args)]
#[command(
    after_help = "t-SNE places similar images near each other; the map is kept beside the index until images or options change. PCA is \
                  the plane along which the latents vary most, and takes no time.\n\n\
                  Pictures show a dot for each image, and a thumbnail at the medoid of each group. Tables have a row for each \
                  image: path, label, x, y, and with clusters, cluster. The same index and seed give the same bytes.\n\n\
                  JSON: method, seed, images, by, groups [{name, size, medoid}], outputs, stored, seconds, skipped [{path, \
                  reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some thumbnails could not be read, 4 the index is damaged, \
                  130 interrupted."
)]
pub(in crate::cli) struct Map {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// Picture (.png, .svg) or table (.csv, .json, .jsonl, .npy, .parquet) to write; may be given several times
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(in crate::cli) output: Vec<PathBuf>,
    /// tsne or pca [default: tsne]
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) method: Option<String>,
    /// Colour by label, cluster or none [default: label if there are labels, else cluster]
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) by: Option<String>,
    /// Number of clusters to colour, or auto [default: auto]
    #[arg(short, long, value_name = "N|auto")]
    pub(in crate::cli) k: Option<String>,
    /// t-SNE: effective number of neighbours, 1 to 200 [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) perplexity: Option<f32>,
    /// Seed of t-SNE, clusters, and the order of dots [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Images are compared by name and content: + added, - gone, * changed (same name, different content), > renamed (same \
                  content, new name), ~ near (added, but within the radius of an earlier image).\n\n\
                  JSON: before, after, same, added [path], gone [path], changed [path], renamed [{from, to}], near [{path, to, \
                  distance}] or null if the models differ, radius. With -o, a row for each: what, path, other.\n\n\
                  Exit codes: 0 done, 1 they differ and --exit-code was given, 2 wrong usage or no index, 4 an index is damaged, \
                  130 interrupted."
)]
pub(in crate::cli) struct Diff {
    /// Earlier index, or a folder that holds one as .aesearch
    pub(in crate::cli) before: PathBuf,
    /// Later index
    pub(in crate::cli) after: PathBuf,
    /// Call an added image near within this many bits of an earlier one [default: one bit in 32]
    #[arg(long, value_name = "BITS")]
    pub(in crate::cli) radius: Option<u32>,
    /// Write a table of the differences: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Exit with 1 if they differ
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    /// Read the indexes into memory instead of mapping their files
    #[arg(long)]
    pub(in crate::cli) no_mmap: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A row for each image, sorted by name; neighbours are row numbers, from 0. Columns, by the names that --with takes:\n\n  \
                  (always)    path, label\n  \
                  cluster     cluster, cluster_distance (from its medoid), silhouette, as in `aesearch cluster`\n  \
                  map         x, y\n  \
                  outliers    outlier_score, reconstruction_rank, reconstruction_loss, neighbour_rank, neighbour_distance, \
                  brightness, contrast, sharpness, flags, suggested_label, as in `aesearch outliers`\n  \
                  neighbours  neighbours, neighbour_distances: the nearest first; 1 minus the cosine of latents, or differing bits \
                  if the index keeps only codes\n  \
                  latents     latent: numbers, of length 1\n  \
                  codes       code: bytes in hexadecimal, bit i is bit i % 8 of byte i / 8\n\n\
                  --to table, the default, writes .csv, .json, .jsonl, .npy or .parquet, by the name of the file.\n\n\
                  --to embedding-atlas writes a .parquet file with small pictures: embedding-atlas FILE --x projection_x --y \
                  projection_y --neighbors neighbors --image image --pagerank silhouette.\n\n\
                  --to tensorboard writes a folder for the Embedding Projector, latents as vectors, pictures as a sprite: \
                  tensorboard --logdir DIR. Default columns: cluster, outliers.\n\n\
                  --to faiss writes a folder: codes.faiss (read_index_binary), latents.faiss (read_index), and images.csv with \
                  the path of each row. No other columns by default.\n\n\
                  JSON: to, path, images, columns, files [{name, bytes}], seconds, skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Export {
    /// File to write, or for tensorboard and faiss the new folder
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(in crate::cli) output: PathBuf,
    /// Target: table [default], embedding-atlas, tensorboard or faiss
    #[arg(long, value_name = "TARGET")]
    pub(in crate::cli) to: Option<String>,
    /// Columns besides path and label: some of cluster, map, outliers, neighbours, latents, codes; or all
    /// [default: cluster,map,outliers,neighbours]
    #[arg(long, value_name = "WHAT,..", value_delimiter = ',')]
    pub(in crate::cli) with: Option<Vec<String>>,
    /// How to compute x and y: tsne [default], which is kept beside the index, or pca, which takes no time
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) map: Option<String>,
    /// Number of neighbours of each image; the last one also measures how isolated it is [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not read the images: no reconstruction, no flags, no pictures
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    /// Longest side of pictures, in pixels; 0 for none [default: 64]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) picture: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten, next_help_heading = "Clusters")]
    pub(in crate::cli) grouping: Grouping,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The page is self-contained and makes no network requests. It shows what was indexed and by which model; the quality of \
                  the codes (by labels, if there are any, with 1,000 queries); clusters, outliers, faults and doubtful labels; \
                  duplicates; and a map of all images, where each shows its picture, its label and its nearest neighbours. The \
                  images are read once, for pictures, faults and reconstructions; the t-SNE map and the fingerprints for duplicates \
                  are kept beside the index for the next time.\n\n\
                  Up to some 200,000 images the page takes less than 25 MB: the more images, the smaller and then the fewer are the \
                  pictures of the map. Beyond that, it grows by some 90 bytes for each image, or less with --neighbours 5.\n\n\
                  JSON: output, bytes, images, clusters, map, flagged, label_errors, duplicates {groups, bytes, pixels, near, \
                  duplicates, threshold}, seconds, skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 5 another program searches for duplicates, 130 interrupted."
)]
pub(in crate::cli) struct Report {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// HTML file to write [default: report.html]
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) grouping: Grouping,
    /// How to make the map: tsne [default], which separates groups, or pca, which takes no time
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) map: Option<String>,
    /// Number of neighbours to show for each image [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not search for duplicates, which takes longest
    #[arg(long)]
    pub(in crate::cli) no_duplicates: bool,
    /// Do not read the images: no pictures, no reconstruction, no faults
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}
