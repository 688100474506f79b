//! What there is to see: groups and oddities of a collection, a query beside its neighbours, what an autoencoder makes of images.
//!
//! | file | what it shows |
//! |---|---|
//! | `items`, `neighbours` | the images of an index as rows, and who is near to whom |
//! | `cluster/` | which images belong together |
//! | `map/` | where all lie on a plane |
//! | `outliers/` | which do not fit, and which labels are doubtful |
//! | `subset` | a few images that stand for all |
//! | `diff` | what became of a collection since |
//! | `table/`, `gather` | what was found, for other programs: rows, and folders of images |
//! | `export/` | all of it at once: one table, or what a certain program opens |
//! | `report/` | all of it as one page |
//! | `sheet` | queries and their neighbours |
//! | `groups` | images that belong together |
//! | `views` | what a training sees of images |
//! | `reconstruction` | original, latent, reconstruction |
//! | `denoise` | images before and after cleaning |
//! | `latent` | where latents lie, and what the decoder draws between them |
//! | `sampling` | new images, from drawn latents |
//! | `studio` | a model and the images it is shown, for what follows |
//! | `chart` | curves over epochs |
//! | `columns` | the layout of sheets with a column for each image |
//! | `colormap` | numbers and labels as colours |
//! | `canvas`, `style` | rectangles, images and text; paper, inks and margins |
//!
//! Pictures are made here and written elsewhere. Layouts know pixels and text only, no index and no model.

pub mod items;
pub mod neighbours;
mod reading;

pub mod cluster;
pub mod diff;
pub mod export;
pub mod gather;
pub mod map;
pub mod outliers;
pub mod report;
pub mod subset;
pub mod table;

pub mod groups;
pub mod sheet;
pub mod views;

pub mod denoise;
pub mod latent;
pub mod reconstruction;
pub mod sampling;
mod studio;

pub mod chart;
pub mod columns;

pub mod canvas;
pub mod colormap;
mod style;

pub use studio::{Studio, spread};

/// `12,345`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
