//! Indexes a folder of digits, then searches for the images most similar to a 7, from several threads at
//! once.
//!
//! `cargo run --example index_and_query`

use std::path::PathBuf;

use aesearch::demo::collection::write_collection;
use aesearch::gallery::{Gallery, OpenOptions, QueryOptions, UpdateOptions, update};
use aesearch::images::Item;
use aesearch::runtime::RuntimeOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let files = write_collection(folder.path(), 1, 50)?;
    let (runtime, index) = (RuntimeOptions::from_env(), folder.path().join(".aesearch"));

    let options = UpdateOptions { threads: 2, ..UpdateOptions::new(runtime.clone()) };
    let report = update(&index, &[folder.path().join("digits")], &options, &())?;
    println!("{} images indexed with {}", report.images, report.model.name);

    let gallery = Gallery::open(&index, &OpenOptions::new(runtime), &())?;
    let seven = Item::from_path(folder.path().join("7.png"));
    for hit in gallery.query(&seven, &QueryOptions::default())?.hits {
        println!("{:2}. {:2} bits, cosine {:.3}: {}", hit.rank, hit.distance, hit.similarity, hit.path);
    }

    let query = &|file: &PathBuf| gallery.query(&Item::from_path(file), &QueryOptions::default());
    std::thread::scope(|scope| {
        let threads = files
            .chunks(100)
            .map(|files| scope.spawn(move || files.iter().filter(|file| query(file).is_ok()).count()));
        let threads: Vec<_> = threads.collect();
        let answered: usize = threads.into_iter().filter_map(|thread| thread.join().ok()).sum();
        println!("{answered} queries answered");
    });
    Ok(())
}
