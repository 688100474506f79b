//! JPEG files: small pictures of large ones, and nothing wrong that goes unnoticed.
//!
//! ```text
//! bytes --header--> tables, frame --scan--> coefficients --idct--> planes --picture--> pixels
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `file` | a JPEG file before it is decoded: its size, the memory it needs; then its pixels |
//! | `part` | how much is decoded, and why there is nothing |
//! | `whole` | its pixels by the crate `zune-jpeg`, where all of them are wanted and nothing is wrong |
//! | `markers` | is the marker there that ends the image, and where |
//! | `inks` | the inks of CMYK, for a profile |
//! | `header` | what do the segments before a scan say |
//! | `huffman` | from bits to symbols |
//! | `scan` | from symbols to blocks, sequential or progressive |
//! | `idct` | from a block of 64 coefficients to 8x8, 4x4 or 2x2 pixels |
//! | `plane` | the pixels of a component |
//! | `picture` | from planes to grey or RGB |
//!
//! `zune-jpeg` has loops for vector units, but decodes every pixel, and guesses where something is wrong. The
//! decoder here takes over where 1/2, 1/4 or 1/8 of the size is enough, of which it computes no more than
//! that: a photo of 12 megapixels and 3.4 MB takes 13 ms at 1/8, and libjpeg-turbo 25; 27 and 28 at 1/4, 43 and
//! 32 at 1/2. The crate `jpeg-decoder` took 43 at 1/8, and three threads. It also takes over where components
//! lie in scans of their own, which the other does not read, and where the other has a complaint, to read what
//! is sound and to say what is not, and where.
//!
//! Sequential and progressive files of 8 bits and 1, 3 or 4 components are read. A pixel of a smaller picture
//! is the mean of the pixels it stands for (but for rounding and the smoothing of colour), as in libjpeg's
//! `jidctred.c`. Pixels of whole pictures differ from libjpeg's by 4 levels at most.

mod file;
mod header;
mod huffman;
mod idct;
mod inks;
mod markers;
mod part;
mod picture;
mod plane;
mod scan;
mod whole;

pub(super) use file::File;
pub(super) use inks::inks;
pub(super) use markers::end;
pub(super) use part::Part;
