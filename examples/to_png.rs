//! Decodes images as an index sees them, and writes each as PNG. benches/formats.py compares these with what
//! Pillow reads.
//!
//! `cargo run --example to_png -- FOLDER < LIST`: line n of the list is a file; it becomes `FOLDER/n.png`, and
//! a line of output says `ok` or why it cannot be read.

use std::io::BufRead as _;
use std::path::PathBuf;

use aesearch::images::{Item, Limits, load, write_png};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    for (number, file) in std::io::stdin().lock().lines().enumerate() {
        match load(&Item::from_path(file?), &Limits::default()) {
            Ok(loaded) => {
                write_png(&folder.join(format!("{number}.png")), &loaded.pixels)?;
                println!("ok");
            }
            Err(reason) => println!("{reason}"),
        }
    }
    Ok(())
}
