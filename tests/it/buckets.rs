//! URLs of buckets, in a program that was built without the feature `cloud`. (`engines/objects/` tests one that has it.)

use aesearch::gallery::{UpdateOptions, remove, update};
use aesearch::images::{Item, Limits, load};

use crate::cli::Place;

#[test]
fn a_program_without_the_feature_says_so_and_loses_nothing() {
    let place = Place::empty();
    for verb in [&["index", "s3://bucket/photos"][..], &["info", "--index", "gs://bucket/index"]] {
        let told = place.run(verb).expect(2).says("an object store, which this program was built without");
        told.says("build it with the feature `cloud`");
    }
    let reason = load(&Item::from_path("https://host/a.png"), &Limits::default()).expect_err("no network");
    assert!(reason.starts_with("https://host/a.png: an object store"), "{reason}");
    let index = place.path().join("index");
    assert!(update(&index, &["az://c/p".into()], &UpdateOptions::default(), &()).is_err());
    assert!(!index.exists() && remove(&index, &["az://c/p".into()], None).is_err());
}
