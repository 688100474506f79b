//! Codes like those of an index, made without it: in other programs, on other machines.
//!
//! Facts are all that a code depends on beside the image: model, polarity, binarizer. They travel as bytes
//! ([`Facts::to_bytes`]); the model is opened again from where they say it is.

use std::path::Path;

use aesearch_index::Snapshot;

use super::binarizers::load;
use super::folder::{index_at, load_indexed_model};
use super::record::{Facts, Fitted, Polarity};
use super::update::identity;
use crate::encode::Binarizer;
use crate::error::Result;
use crate::model::{LoadOptions, Model};

/// The model and the facts of codes like those of the index at or in the folder `from`. Of a file of
/// [`save_binarizer`](super::save_binarizer), the binarizer is taken, and images are not inverted. `model` is where the
/// model is; `auto`: where it was when the index was made.
///
/// # Errors
/// `NotFound` when there is no such index, file or model, `Damaged` or `Version` when it cannot be read, `Mismatch` when it
/// was made with another model.
pub fn coded_like(from: &Path, model: &str, options: &LoadOptions) -> Result<(Model, Facts)> {
    if from.is_dir() {
        let dir = index_at(from);
        let facts = Facts::of(&Snapshot::open(&dir)?, &dir)?;
        return opened(&dir, facts, model, options);
    }
    let named = model;
    let model = Model::load_any(named, options)?;
    let binarizer = load(from, &model)?;
    let facts = plain(&model, named, binarizer);
    Ok((model, facts))
}

/// The same of facts as bytes; none: those of the model alone, and no facts if its codes depend on a collection.
///
/// # Errors
/// As [`coded_like`].
pub fn coded_by(facts: Option<&[u8]>, model: &str, options: &LoadOptions) -> Result<(Model, Option<Facts>)> {
    let Some(facts) = facts else {
        let named = model;
        let model = Model::load_any(named, options)?;
        let binarizer = Binarizer::sign(model.metadata.latent_size, model.metadata.bits).ok();
        let facts = binarizer.map(|binarizer| plain(&model, named, binarizer));
        return Ok((model, facts));
    };
    let place = "facts";
    let (model, facts) = opened(Path::new(place), Facts::from_bytes(facts, place)?, model, options)?;
    Ok((model, Some(facts)))
}

fn opened(place: &Path, mut facts: Facts, named: &str, options: &LoadOptions) -> Result<(Model, Facts)> {
    let model = load_indexed_model(place, &facts, named, options)?;
    facts.model = identity(&model, named, Some(&facts));
    Ok((model, facts))
}

fn plain(model: &Model, named: &str, binarizer: Binarizer) -> Facts {
    let (fitted, offered, survival, provisional, by_name) = (0, 0, None, false, false);
    Facts {
        model: identity(model, named, None),
        codes: Fitted { binarizer, fitted, offered, survival, provisional, by_name },
        polarity: Polarity::fixed(false),
        strangers: None,
        taken: super::Taken::default(),
        classes: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fixture;
    use super::super::{FOLDER, save_binarizer};
    use super::*;
    use crate::model::Family;

    #[test]
    fn an_index_its_facts_and_its_binarizer_give_the_same_codes() {
        let fixture = Fixture::new(Family::Conv); // its binarizer is fitted
        fixture.draw(0..90);
        fixture.update();
        let (dir, file) = (fixture.path(FOLDER), fixture.path("binarizer"));
        let options = LoadOptions::default();
        let (model, facts) = coded_like(&dir, "auto", &options).unwrap();
        assert_eq!(&facts, fixture.open().facts());
        save_binarizer(&dir, &file).unwrap();
        let (_, of_file) = coded_like(&file, &facts.model.source, &options).unwrap();
        assert_eq!((&of_file.codes.binarizer, &of_file.model), (&facts.codes.binarizer, &facts.model));
        let (same, of_bytes) = coded_by(Some(&facts.to_bytes()), "auto", &options).unwrap();
        assert_eq!((same.sha256, of_bytes.as_ref()), (model.sha256, Some(&facts)));
        let of_another = coded_by(Some(&facts.to_bytes()), "digits-64", &options).unwrap_err();
        assert!(of_another.to_string().starts_with("facts: model: expected "), "{of_another}");
        assert!(coded_by(Some(b"none"), "digits-64", &options).is_err());
    }

    #[test]
    fn a_model_by_itself_has_codes_if_it_was_trained_for_them() {
        let codes = |name: &str| coded_by(None, name, &LoadOptions::default()).unwrap().1;
        assert_eq!(codes("digits-64").unwrap().codes.binarizer, Binarizer::sign(64, 64).unwrap());
        assert_eq!(codes("photos"), None);
    }
}
