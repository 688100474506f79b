//! The verbs that look at a collection as a whole.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Compute, Reading};
use crate::explore::copy_out::How;

/// Where images go that are to be looked at with other programs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Folders {
    /// Copy the images into this new folder, each group into one of its own; nothing is ever moved
    #[arg(long, value_name = "DIR", conflicts_with = "link_to")]
    copy_to: Option<PathBuf>,
    /// Put symbolic links to them there instead
    #[arg(long, value_name = "DIR")]
    link_to: Option<PathBuf>,
}

impl Folders {
    /// The folder, and how images come there.
    pub(in crate::cli) fn target(&self) -> Option<(&Path, How)> {
        let copied = self.copy_to.as_deref().map(|to| (to, How::Copy));
        copied.or(self.link_to.as_deref().map(|to| (to, How::Link)))
    }
}

/// How images fall into groups.
#[derive(Debug, Args)]
pub(in crate::cli) struct Grouping {
    /// k-majority on codes [default], k-means or k-medoids on latents, or hdbscan, which finds how many there are by itself
    #[arg(long, value_name = "METHOD")]
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
    pub(in crate::cli) grouping: Grouping,
    /// Write the cluster of each image into this file: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Draw each cluster's images from its medoid outward into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) folders: Folders,
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
                  neighbour_distance (1 less the cosine of latents; bits, where the index keeps codes alone), flags}], flagged \
                  (the same of all with flags), label_errors [{path, label, suggested, \
                  share, own_share}], skipped [{path, reason}]. With -o, a row for each image.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Outliers {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// List so many images, as many doubtful labels, and as many images with flags [default: 20]
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

#[derive(Debug, Args)]
#[command(
    after_help = "t-SNE places images by their neighbours, so that what looks alike lies near; it is kept beside the index and made \
                  again when images or options change. PCA is the plane along which the latents vary most, and takes no time.\n\n\
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
    /// What to write: .png, .svg, or a table as .csv, .json, .jsonl, .npy or .parquet; may be given several times
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(in crate::cli) output: Vec<PathBuf>,
    /// tsne or pca [default: tsne]
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) method: Option<String>,
    /// What colours stand for: label, cluster or none [default: label where there are labels, else cluster]
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) by: Option<String>,
    /// Colour so many clusters, or auto: as many as fit best [default: auto]
    #[arg(short, long, value_name = "N|auto")]
    pub(in crate::cli) k: Option<String>,
    /// t-SNE: how many neighbours count, softly, at most 200 [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) perplexity: Option<f32>,
    /// Seed of t-SNE, of clusters, and of the order of dots [default: 0]
    #[arg(long, value_name = "SEED")]
    pub(in crate::cli) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Images go by their names and contents: + added, - gone, * changed (the same name, another content), > renamed (the same \
                  content, another name), ~ near: added, but within the radius of an image that was there.\n\n\
                  JSON: before, after, same, added [path], gone [path], changed [path], renamed [{from, to}], near [{path, to, \
                  distance}] or null where the models differ, radius. With -o, a row for each: what, path, other.\n\n\
                  Exit codes: 0 done, 1 they differ and --exit-code was given, 2 wrong usage or no index, 4 an index is damaged, \
                  130 interrupted."
)]
pub(in crate::cli) struct Diff {
    /// The earlier index, or a folder that holds one as .aesearch
    pub(in crate::cli) before: PathBuf,
    /// The later one
    pub(in crate::cli) after: PathBuf,
    /// An added image is near where its code is within so many bits of one that was there [default: one in 32]
    #[arg(long, value_name = "BITS")]
    pub(in crate::cli) radius: Option<u32>,
    /// Write the differences as a table: .csv, .json, .jsonl, .npy or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Exit with 1 where they differ
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    /// Read the indexes into memory instead of mapping their files
    #[arg(long)]
    pub(in crate::cli) no_mmap: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A row for each image, in the order of their names; neighbours are told by the numbers of rows, from 0. The columns, by \
                  the word that --with takes:\n\n  \
                  (always)    path, label\n  \
                  cluster     cluster, cluster_distance (from its medoid), silhouette: as `aesearch cluster` finds them\n  \
                  map         x, y\n  \
                  outliers    outlier_score, reconstruction_rank, reconstruction_loss, neighbour_rank, neighbour_distance, \
                  brightness, contrast, sharpness, flags, suggested_label: as `aesearch outliers` finds them\n  \
                  neighbours  neighbours, neighbour_distances: the nearest first; 1 less the cosine of latents, or differing bits \
                  where the index keeps codes alone\n  \
                  latents     latent: numbers, of length 1\n  \
                  codes       code: bytes in hexadecimal, bit i at place i % 8 of byte i / 8\n\n\
                  --to table, the default, writes .csv, .json, .jsonl, .npy or .parquet, as -o ends.\n\n\
                  --to embedding-atlas writes a .parquet file with small pictures: embedding-atlas FILE --x projection_x --y \
                  projection_y --neighbors neighbors --image image --pagerank silhouette.\n\n\
                  --to tensorboard writes a folder for the Embedding Projector, latents as vectors, pictures as a sprite: \
                  tensorboard --logdir DIR. Columns: cluster, outliers, where --with does not say.\n\n\
                  --to faiss writes a folder: codes.faiss (read_index_binary), latents.faiss (read_index), and images.csv, which \
                  tells the path of each row. No other columns, where --with does not say.\n\n\
                  JSON: to, path, images, columns, files [{name, bytes}], seconds, skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 130 interrupted."
)]
pub(in crate::cli) struct Export {
    /// The file, or for tensorboard and faiss the new folder, to write
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(in crate::cli) output: PathBuf,
    /// For whom: table [default], embedding-atlas, tensorboard or faiss
    #[arg(long, value_name = "WHOM")]
    pub(in crate::cli) to: Option<String>,
    /// Only these columns beside path and label: some of cluster, map, outliers, neighbours, latents, codes; or all
    /// [default: cluster,map,outliers,neighbours]
    #[arg(long, value_name = "WHAT,..", value_delimiter = ',')]
    pub(in crate::cli) with: Option<Vec<String>>,
    /// How x and y are found: tsne [default], which is kept beside the index, or pca, which takes no time
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) map: Option<String>,
    /// So many neighbours of each image; outliers are as alone as the last of them is far [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Read no images: no reconstruction, no flags, no pictures
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    /// Longest side of pictures, in pixels; 0: none [default: 64]
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
    after_help = "The page needs no other file and asks nobody for anything. In it: what was indexed, by which model, and how good the \
                  codes are (by labels where there are some, with 1,000 images asking); groups, outliers, faults and doubtful \
                  labels; what is there twice; and a map of all images, on which each shows its picture, its label and its \
                  nearest neighbours. The images are read once, for their pictures, faults and reconstructions; a t-SNE map and \
                  what duplicates are compared by are kept beside the index for the next time.\n\n\
                  It takes less than 25 MB up to some 200,000 images: the more there are, the smaller are the pictures of the \
                  map, and then the fewer. Beyond, it grows by some 90 bytes for each image; --neighbours 5 takes less.\n\n\
                  JSON: output, bytes, images, clusters, map, flagged, label_errors, duplicates {groups, bytes, pixels, near, \
                  duplicates, threshold}, seconds, skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 2 wrong usage or no index, 3 some images could not be read, 4 the index or the model is \
                  damaged, 5 another program looks for duplicates, 130 interrupted."
)]
pub(in crate::cli) struct Report {
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
    /// The HTML file to write [default: report.html]
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) grouping: Grouping,
    /// How the map places images: tsne [default], where groups come apart, or pca, at once
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) map: Option<String>,
    /// Tell so many neighbours of each image [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) neighbours: Option<usize>,
    /// Do not look for duplicates, which takes longest
    #[arg(long)]
    pub(in crate::cli) no_duplicates: bool,
    /// Do not read the images: no pictures, no reconstruction and no faults
    #[arg(long)]
    pub(in crate::cli) unread: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
}
