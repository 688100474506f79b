//! The settings of an index: the width of its codes, its latents, its buckets, and the caller's own
//! attributes.

/// What kind of items an index holds, and how they are arranged.
///
/// ```
/// use aesearch_index::Settings;
///
/// let codes_alone = Settings { bits: 128, ..Settings::default() };
/// let with_latents = Settings { latent_size: 64, ..codes_alone };
/// # assert_eq!((with_latents.bits, with_latents.latent_size, with_latents.bucket_size), (128, 64, None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Width of the codes, 32 to 256.
    pub bits: usize,
    /// Values per latent; 0 keeps none.
    pub latent_size: usize,
    /// Distinct codes per bucket; 1 is textbook HNSW over all of them, slower to build and to search. `None`
    /// means 128, and more beyond 400,000 codes.
    pub bucket_size: Option<usize>,
    /// The caller's own facts about the index, such as the identity of a model; opaque to the index.
    pub attributes: Vec<(String, Vec<u8>)>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { bits: 64, latent_size: 0, bucket_size: None, attributes: Vec::new() }
    }
}
