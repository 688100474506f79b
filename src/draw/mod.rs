//! Pictures from images and text: sheets, charts, colour maps. Knows no index and no model.
//!
//! | file | what it draws |
//! |---|---|
//! | `query_sheet` | queries and their neighbours |
//! | `group_sheet` | images that belong together |
//! | `view_sheet` | the random views that training sees of an image |
//! | `square_sheet` | many images in a square |
//! | `plane_sheet` | images as dots in a plane, and a grid of images |
//! | `band_sheet` | a column for each image, a band for each thing to show of it |
//! | `chart` | curves over epochs |
//! | `colormap` | numbers and labels as colours |
//! | `latent_tile` | the numbers of a latent as pixels |
//! | `canvas`, `text` | rectangles, images and text; the font |
//! | `style` | colours, margins, headings |
//!
//! Layouts return pixels; callers write the files.

pub mod band_sheet;
pub mod group_sheet;
pub mod plane_sheet;
pub mod query_sheet;
pub mod square_sheet;
pub mod view_sheet;

pub mod chart;

pub mod canvas;
pub mod colormap;
pub mod latent_tile;
pub mod style;
pub mod text;
