//! All integration tests in one binary.

#[path = "../../index/tests/it/craft.rs"]
#[allow(dead_code)]
mod craft;
mod fixtures;
mod hostile_files;
#[path = "../../index/tests/it/mutator.rs"]
mod mutator;
mod onnx;
mod runs;
mod scenes;
mod sets;

#[cfg(feature = "avif")]
mod avif;
mod book;
#[cfg(not(feature = "cloud"))]
mod buckets;
mod cases;
mod cli;
mod codes;
mod containers;
mod corpus;
mod damage;
mod dedupe_across;
mod dedupe_apply;
mod dedupe_certain;
mod dedupe_check;
mod dedupe_decide;
mod dedupe_edited;
mod dedupe_formats;
mod dedupe_keeper;
mod dedupe_photos;
mod dedupe_pixels;
mod dedupe_regret;
mod dedupe_report;
mod dedupe_scan;
mod dedupe_threshold;
mod dedupe_units;
mod disk;
mod encode;
mod eval;
mod explore;
mod explore_report;
mod export;
#[cfg(all(unix, feature = "video"))]
mod films;
mod filters;
mod foreign;
mod foreign_faults;
mod formats;
mod frames;
mod health;
mod held;
mod hostile;
mod images;
mod incremental;
mod jpeg;
mod life;
mod messages;
mod mnist;
mod models;
mod mutants;
mod owner;
mod pictures;
#[cfg(feature = "psd")]
mod psd;
mod queries;
mod readme;
mod resume;
mod runtime;
mod schemas;
mod shrunk;
mod table;
mod teacher;
mod thumbnails;
mod tidy;
mod tiff;
mod train;
mod training;
#[cfg(unix)]
mod tutorial;
