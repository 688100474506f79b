//! The verbs that look at a collection as a whole.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Compute, CsvArg, LabelsArg, Reading, WhereArg};
use crate::explore::copy_out::{CopyMode, CopyTarget};

/// Where to put images for other programs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Folders {
    /// Copy the images into this new folder, each group into its own subfolder; nothing is ever moved
    #[arg(long, value_name = "DIR", conflicts_with = "link_to")]
    copy_to: Option<PathBuf>,
    /// Like --copy-to, with symbolic links instead of copies
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
    /// k-majority on codes, k-means or k-medoids on latents, or hdbscan, which finds the number of clusters
    /// itself [default: auto, which is k-means for latents of more than 64 numbers, else k-majority]
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) method: Option<String>,
    /// Number of clusters, or auto: the number with the largest mean silhouette [default: auto]
    #[arg(short, long, value_name = "N|auto")]
    pub(in crate::cli) k: Option<String>,
    /// Most clusters that auto tries [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_k: Option<usize>,
    /// Smallest cluster for hdbscan [default: half the square root of the number of images, at least 5]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) min_size: Option<usize>,
    /// Random seed [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Each cluster is listed with its size, its medoid (the image with the least sum of distances to all others of the \
                  cluster), its diameter (the largest distance between two of its images) and its mean silhouette (how much \
                  nearer its images are to their own cluster than to the next one, -1 to 1). Distances are differing bits of codes for \
                  k-majority, 1 minus the cosine of latents for the other methods, which project latents of more than 64 numbers \
                  to the directions in which they vary most.\n\n\
                  --k auto clusters a sample of 10,000 images into 2, 3, .. clusters and takes the number with the largest mean \
                  silhouette.\n\n\
                  With labels: purity, NMI (normalized mutual information), ARI (adjusted Rand index), and the accuracy of the \
                  best matching of clusters and labels.\n\n\
                  JSON: method, unit, k, clusters [{id, name (the file name of the medoid), size, medoid, diameter, \
                  silhouette, nearest, farthest, label (the most frequent), purity (its share), labels}], apart, \
                  silhouette, tried [{k, silhouette}], purity, nmi, ari, accuracy, seconds, assign_seconds (of these, until \
                  each image had its cluster), files, skipped [{path, reason}]. With -o, a row for each image: path, label, cluster, \
                  distance (from the medoid), silhouette.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be copied, linked or drawn, 4 the index \
                  is damaged, 130 interrupted."
)]
pub(in crate::cli) struct Cluster {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    #[command(flatten)]
    pub(in crate::cli) grouping: Grouping,
    /// Write the cluster of each image to this file: .csv, .json, .jsonl, .npz or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// Draw each cluster's images from its medoid outward into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) folders: Folders,
}

#[derive(Debug, Args)]
#[command(
    after_help = "An image's outlier score is the larger of two ranks: the share of the collection that the model reconstructs \
                  better, and the share with nearer neighbours. 1 is the most unusual.\n\n\
                  Flags: near-constant (almost nothing on it), dark, bright, blurred, odd-aspect: far from what is usual in this \
                  collection. Proportions that one image in a hundred has are not odd. A model of another program has no \
                  decoder: neighbours alone count.\n\n\
                  With labels, images whose 20 nearest neighbours mostly have another label, and less than half as many of their \
                  own as is usual for it, are listed as well: most of these are labelled wrongly, or are ambiguous.\n\n\
                  JSON: images, outliers [{path, label, score, reconstruction_rank, reconstruction_loss, neighbour_rank, \
                  neighbour_distance (1 minus the cosine of latents; bits, where the index stores no latents), flags}], flagged \
                  (the same for all images with flags), label_errors [{path, label, suggested, \
                  share, own_share}], skipped [{path, reason}]. With -o, a row for each image.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Outliers {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    /// List this many outliers, doubtful labels and images with flags [default: 20]
    #[arg(short = 'n', long, value_name = "N", alias = "top")]
    pub(in crate::cli) count: Option<usize>,
    /// Neighbours per image; isolation is the distance to the last of them [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not read the images: neighbours and labels only, no reconstruction and no flags
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    /// Write the result for each image to this file: .csv, .json, .jsonl, .npz or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// Draw outliers, images with flags and doubtful labels into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}

#[derive(Debug, Args)]
#[command(
    after_help = "t-SNE places images by their neighbours, so that similar ones lie near each other; the map is kept beside the \
                  index and made again when images or options change. PCA is the plane in which the latents vary most, and takes \
                  almost no time.\n\n\
                  Pictures show a dot for each image and the medoid of each group as a thumbnail where it lies. Tables have a row \
                  for each image: path, label, x, y, and with clusters, cluster. The same index and seed give the same bytes.\n\n\
                  JSON: method, seed, images, by, groups [{name, size, medoid}], outputs, stored, seconds, skipped [{path, \
                  reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some thumbnails could not be read, 4 the index is damaged, \
                  130 interrupted."
)]
pub(in crate::cli) struct Map {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    /// What to write: .png, .svg, or a table as .csv, .json, .jsonl, .npz or .parquet; may be repeated
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(in crate::cli) output: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// tsne or pca [default: tsne]
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) method: Option<String>,
    /// What to colour by: label, cluster or none [default: label where there are labels, else cluster]
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) by: Option<String>,
    /// Number of clusters to colour, or auto [default: auto]
    #[arg(short, long, value_name = "N|auto")]
    pub(in crate::cli) k: Option<String>,
    /// t-SNE perplexity: roughly how many neighbours count, at most 200 [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) perplexity: Option<f32>,
    /// Random seed [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Images are compared by name and content: + added, - gone, * changed (the same name, another content), > renamed (the same \
                  content, another name), ~ near: added, but within the radius of an image that was there before.\n\n\
                  JSON: before, after, same, added [path], gone [path], changed [path], renamed [{from, to}], near [{path, to, \
                  distance}] or null where the models differ, radius. With -o, a row for each: what, path, other.\n\n\
                  Exit codes: 0 done, 1 they differ and --exit-code was given, 2 wrong usage or no index, 4 an index is damaged, \
                  130 interrupted."
)]
pub(in crate::cli) struct Diff {
    /// The earlier index, or a folder with .aesearch in it
    pub(in crate::cli) before: PathBuf,
    /// The later index
    pub(in crate::cli) after: PathBuf,
    /// An added image is near if its code is within this many bits of one that was there before [default: one
    /// in 32]
    #[arg(long, value_name = "BITS")]
    pub(in crate::cli) radius: Option<u32>,
    /// Write the differences as a table: .csv, .json, .jsonl, .npz or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// Exit with 1 if they differ
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    /// Read the indexes into memory instead of mapping their files
    #[arg(long)]
    pub(in crate::cli) no_mmap: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A row for each image, in the order of their names; neighbours are given as row numbers, from 0. The columns, by \
                  the word that --with takes:\n\n  \
                  (always)    path, label\n  \
                  cluster     cluster, cluster_distance (from its medoid), silhouette: as `aesearch cluster` finds them\n  \
                  map         x, y\n  \
                  outliers    outlier_score, reconstruction_rank, reconstruction_loss, neighbour_rank, neighbour_distance, \
                  brightness, contrast, sharpness, flags, suggested_label: as `aesearch outliers` finds them\n  \
                  neighbours  neighbours, neighbour_distances: the nearest first; 1 minus the cosine of latents, or differing bits \
                  where the index stores no latents\n  \
                  metadata    taken (2019-07-04T12:00:00, by the clock of the camera), camera, jpeg_quality (1 to 100, by the \
                  quantization tables), sidecars (files of its name beside it, .xmp, .json or .aae; an .xmp file also fills in \
                  what the image itself does not say)\n  \
                  exif        date, camera, lens, width, height, format, bytes, latitude, longitude, rating, orientation, software: \
                  as the index keeps them, without reading a file\n  \
                  latents     latent: numbers, of length 1\n  \
                  codes       code: bytes in hexadecimal, bit i at position i % 8 of byte i / 8\n\n\
                  --to table, the default, writes .csv, .json, .jsonl, .npz (an array for each column) or .parquet, as -o ends; \
                  and with --with latents or --with codes alone, .npy: one matrix, [images, numbers] of float32 or [images, bytes] of \
                  uint8, in the order of names.\n\n\
                  --to embedding-atlas writes a .parquet file with small pictures: embedding-atlas FILE --x projection_x --y \
                  projection_y --neighbors neighbors --image image --pagerank silhouette.\n\n\
                  --to tensorboard writes a folder for the Embedding Projector, latents as vectors, pictures as a sprite: \
                  tensorboard --logdir DIR. Columns: cluster and outliers, unless --with names others.\n\n\
                  --to faiss writes a folder: codes.faiss (read_index_binary), latents.faiss (read_index), and images.csv, which \
                  gives the path of each row. No other columns unless --with names them.\n\n\
                  JSON: to, path, images, columns, files [{name, bytes}], seconds, skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Export {
    /// The file, or for tensorboard and faiss the new folder, to write
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(in crate::cli) output: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) csv: CsvArg,
    /// Format: table [default], embedding-atlas, tensorboard or faiss
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) to: Option<String>,
    /// Columns beside path and label: some of cluster, map, outliers, neighbours, metadata, exif, latents, codes;
    /// or all [default: cluster,map,outliers,neighbours]
    #[arg(long, value_name = "WHAT,..", value_delimiter = ',')]
    pub(in crate::cli) with: Option<Vec<String>>,
    /// Map for x and y: tsne [default], which is kept beside the index, or pca, which takes almost no time
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) map: Option<String>,
    /// Neighbours per image; isolation is the distance to the last of them [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not read the images: no reconstruction, no flags, no metadata, no pictures
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    /// Longest side of pictures in pixels; 0 leaves them out [default: 64]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) picture: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten, next_help_heading = "Clusters")]
    pub(in crate::cli) grouping: Grouping,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The page is self-contained and makes no network requests. It shows what was indexed, by which model, and how good \
                  the codes are (with labels, by 1,000 queries); clusters, outliers, faults and doubtful labels; duplicates; and \
                  a map of all images, on which each shows its picture, its label and its nearest neighbours. The images are \
                  read once, for their pictures, faults and reconstructions; a t-SNE map and the fingerprints of duplicates are \
                  kept beside the index for the next time.\n\n\
                  It stays below 25 MB up to some 200,000 images: with more images the pictures on the map become smaller, then \
                  fewer. Beyond that it grows by some 90 bytes per image; --neighbours 5 takes less.\n\n\
                  JSON: output, bytes, images, clusters, map, flagged, label_errors, duplicates {groups, bytes, pixels, near, edited, \
                  duplicates, threshold}, seconds, skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 5 another process looks for duplicates, 130 interrupted."
)]
pub(in crate::cli) struct Report {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    /// The HTML file to write [default: report.html]
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) grouping: Grouping,
    /// Map: tsne [default], which separates groups, or pca, which is instant
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) map: Option<String>,
    /// Neighbours per image; isolation is the distance to the last of them [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not look for duplicates, which takes the longest
    #[arg(long)]
    pub(in crate::cli) no_duplicates: bool,
    /// Do not read the images: no pictures, no reconstruction and no faults
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}
