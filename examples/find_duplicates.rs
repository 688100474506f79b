//! Finds duplicates in a folder, and says which file of each group it would keep. Nothing is removed.
//!
//! `cargo run --example find_duplicates`

use aesearch::dedupe::{FindOptions, find_duplicates};
use aesearch::demo::collection::write_collection;
use aesearch::gallery::UpdateOptions;
use aesearch::runtime::RuntimeOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let files = write_collection(folder.path(), 1, 20)?;
    for (number, file) in files.iter().step_by(40).enumerate() {
        std::fs::copy(file, folder.path().join(format!("copy {number}.png")))?;
    }

    let update = UpdateOptions { threads: 2, ..UpdateOptions::new(RuntimeOptions::from_env()) };
    let options = FindOptions { data: vec![folder.path().into()], ..FindOptions::new(update) };
    let found = find_duplicates(&folder.path().join(".aesearch"), &options, &())?;
    println!("{} groups of duplicates", found.scan.plan.groups.len());
    for group in &found.scan.plan.groups {
        println!("keep {}", group.keep);
        for duplicate in &group.duplicates {
            println!("     {} is a duplicate", duplicate.file.path);
        }
    }
    Ok(())
}
