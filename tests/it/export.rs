//! `aesearch export` on drawn digits: one table, and what Embedding Atlas, TensorBoard's projector and faiss
//! open. (That they do is checked by `.ci/export_check.py`.)

use std::collections::BTreeMap;
use std::fs;

use aesearch::images::{Limits, decode};
use serde_json::{Value, json};

use crate::cli::{Place, assert_keys};
use crate::explore::digits;
use crate::fixtures::webp_with_exif;
use crate::scenes::{jpeg, place_of, png, scene};

const COLUMNS: &str = "path,label,cluster,cluster_distance,silhouette,x,y,outlier_score,reconstruction_rank,\
                       reconstruction_loss,neighbour_rank,neighbour_distance,brightness,contrast,sharpness,flags,\
                       suggested_label,neighbours,neighbour_distances";

fn read(place: &Place, name: &str) -> Vec<u8> {
    fs::read(place.path().join(name)).expect("was written")
}

/// The rows of JSON lines.
fn rows(place: &Place, name: &str) -> Vec<Value> {
    let text = String::from_utf8(read(place, name)).expect("is text");
    text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
}

#[test]
fn a_row_for_each_image_holds_all_that_was_found() {
    let place = digits();
    let told = place.json(&["export", "-o", "all.csv"]);
    assert_keys(&told, &["to", "path", "images", "columns", "files", "seconds", "skipped"]);
    assert_eq!((&told["images"], &told["files"][0]["name"]), (&300.into(), &"all.csv".into()));
    let text = String::from_utf8(read(&place, "all.csv")).expect("is text");
    assert_eq!((text.lines().next(), text.lines().count()), (Some(COLUMNS), 301));
    assert_eq!(told["files"][0]["bytes"].as_u64(), Some(text.len() as u64));

    place.run(&["export", "-o", "all.jsonl"]).expect(0);
    let rows = rows(&place, "all.jsonl");
    let mut sizes = BTreeMap::new();
    for row in &rows {
        *sizes.entry(row["cluster"].as_u64().expect("a cluster")).or_insert(0u64) += 1;
        let near = row["neighbours"].as_array().expect("a list");
        assert_eq!((near.len(), row["neighbour_distances"].as_array().map(Vec::len)), (10, Some(10)));
        assert!(row["x"].is_number() && row["y"].is_number() && row["reconstruction_loss"].is_number());
    }
    let clusters = place.json(&["cluster"]);
    let clusters = clusters["clusters"].as_array().expect("a list").iter();
    let told: Vec<u64> = clusters.map(|cluster| cluster["size"].as_u64().expect("a size")).collect();
    assert_eq!(sizes.into_values().collect::<Vec<_>>(), told);
    let kin = |row: &&Value| {
        let nearest = row["neighbours"][0].as_u64().expect("a row");
        rows[nearest as usize]["label"] == row["label"]
    };
    assert!(rows.iter().filter(kin).count() > 270, "neighbours are numbered like the rows");
}

#[test]
fn the_same_index_gives_the_same_bytes() {
    let place = digits();
    for (to, name) in
        [("table", "a.parquet"), ("table", "a.npz"), ("embedding-atlas", "b.parquet"), ("tensorboard", "c")]
    {
        let mut written = Vec::new();
        for threads in ["1", "3"] {
            place.run(&["export", "--to", to, "-o", name, "--threads", threads]).expect(0);
            let file = if to == "tensorboard" { "c/sprite.png" } else { name };
            written.push(read(&place, file));
            let _ = fs::remove_dir_all(place.path().join("c"));
        }
        assert!(!written[0].is_empty() && written[0] == written[1], "{name}");
    }
}

#[test]
fn columns_are_chosen_and_images_need_not_be_there() {
    let place = digits();
    place
        .run(&["export", "-o", "some.jsonl", "--with", "codes,latents,neighbours", "--neighbours", "3"])
        .expect(0);
    let some = &rows(&place, "some.jsonl")[0];
    let names: Vec<&String> = some.as_object().expect("an object").keys().collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!(some["code"].as_str().map(str::len), Some(16));
    assert_eq!(some["latent"].as_array().map(Vec::len), Some(64));
    assert_eq!(some["neighbours"].as_array().map(Vec::len), Some(3));

    let all = place.json(&["export", "-o", "all.npz", "--with", "all", "--map", "pca", "--k", "10"]);
    assert_eq!(all["columns"].as_array().map(Vec::len), Some(37));

    fs::remove_dir_all(place.path().join("digits/3")).expect("goes");
    place.run(&["export", "-o", "all.csv"]).expect(3).says("no such file");
    place.run(&["export", "-o", "all.csv", "--unread"]).expect(0);
    let atlas = place.run(&["export", "--to", "embedding-atlas", "-o", "atlas.parquet"]).expect(3);
    assert_eq!(atlas.err.matches("digits/3/0000.png").count(), 1, "{}", atlas.err);
    let unread = place.json(&["export", "--to", "embedding-atlas", "-o", "atlas.parquet", "--unread"]);
    assert!(!unread["columns"].as_array().expect("a list").contains(&"image".into()));
}

/// The header of a file of numpy, and the bytes behind it.
fn npy(place: &Place, name: &str) -> (String, Vec<u8>) {
    let bytes = read(place, name);
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(start % 64, 0);
    (String::from_utf8_lossy(&bytes[10..start]).trim_end().to_owned(), bytes[start..].to_vec())
}

#[test]
fn latents_and_codes_alone_are_matrices() {
    let place = digits();
    let told = place.json(&["export", "-o", "l.npy", "--with", "latents"]);
    assert_eq!(
        (&told["columns"], &told["files"][0]["bytes"]),
        (&serde_json::json!(["latent"]), &76_928.into())
    );
    place.run(&["export", "-o", "c.npy", "--with", "codes"]).expect(0);
    place.run(&["export", "-o", "both.jsonl", "--with", "codes,latents"]).expect(0);
    let (latents, floats) = npy(&place, "l.npy");
    let (codes, bytes) = npy(&place, "c.npy");
    assert_eq!(latents, "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 64), }");
    assert_eq!(codes, "{'descr': '|u1', 'fortran_order': False, 'shape': (300, 8), }");
    for (i, row) in rows(&place, "both.jsonl").iter().enumerate() {
        let hex: String = bytes[8 * i..8 * (i + 1)].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(row["code"], hex.as_str());
        let last = floats[4 * (64 * i + 63)..][..4].try_into().expect("four");
        assert_eq!(row["latent"][63].as_f64().map(|value| value as f32), Some(f32::from_le_bytes(last)));
    }
}

#[test]
fn a_name_that_a_spreadsheet_would_run_is_made_safe_unless_that_is_switched_off() {
    let place = Place::with_digits();
    fs::rename(place.path().join("digits"), place.path().join("=1+1")).expect("an odd name");
    place.run(&["index", "=1+1", "--model", "digits-64"]).expect(0);
    for (args, starts) in [
        (&["export", "--with", "codes"][..], "'=1+1/0/0000.png,"),
        (&["export", "--with", "codes", "--safe-csv"], "'=1+1/0/0000.png,"),
        (&["export", "--with", "codes", "--safe-csv=false"], "=1+1/0/0000.png,"),
        (&["cluster", "-k", "3", "--safe-csv=false"], "=1+1/0/0000.png,"),
        (&["cluster", "-k", "3"], "'=1+1/0/0000.png,"),
        (&["map", "--method", "pca"], "'=1+1/0/0000.png,"),
        (&["outliers", "--unread"], "'=1+1/0/0000.png,"),
    ] {
        place.run(&[args, &["-o", "t.csv"]].concat()).expect(0);
        let text = String::from_utf8(read(&place, "t.csv")).expect("text");
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with(starts)), "{args:?}: {text}");
    }
    place.run(&["outliers", "--unread", "--labels", "t.csv"]).expect(0); // the table names images of the index
    place.run(&["query", "7.png", "-k", "1", "-o", "t.csv"]).expect(0);
    assert!(String::from_utf8(read(&place, "t.csv")).expect("text").contains("\n7.png,1,'=1+1/7/"));
    let help = place.run(&["help", "export"]).expect(0).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("[default: true]; --safe-csv=false leaves them as they are"), "{help}");
}

#[test]
fn pictures_for_embedding_atlas_can_be_indexed_again() {
    let place = digits();
    let told = place.json(&["export", "--to", "embedding-atlas", "-o", "atlas.parquet"]);
    for column in ["projection_x", "projection_y", "neighbors", "image"] {
        assert!(told["columns"].as_array().expect("a list").contains(&column.into()), "{column}: {told:#}");
    }
    let said = place.run(&["export", "--to", "embedding-atlas", "-o", "atlas.parquet"]).expect(0);
    said.says("embedding-atlas atlas.parquet --x projection_x --y projection_y --neighbors neighbors");
    let again = place.json(&["index", "atlas.parquet", "--index", "again"]);
    assert_eq!(again["images"], 300);
    let query = place.json(&["query", "digits/4/0007.png", "--index", "again", "--exact", "--rerank", "0"]);
    assert_eq!(query["queries"][0]["hits"][0]["distance"], 0);
}

#[test]
fn a_sprite_shows_every_image_in_its_place() {
    let place = digits();
    place
        .run(&["export", "--to", "tensorboard", "-o", "projector"])
        .expect(0)
        .says("tensorboard --logdir projector");
    let text = |name: &str| String::from_utf8(read(&place, name)).expect("is text");
    let vectors = text("projector/vectors.tsv");
    assert_eq!(vectors.lines().count(), 300);
    assert!(vectors.lines().all(|line| line.split('\t').count() == 64));
    let config = text("projector/projector_config.pbtxt");
    assert!(config.contains("tensor_shape: 300") && config.matches("single_image_dim: 28").count() == 2);

    let metadata = text("projector/metadata.tsv");
    assert!(metadata.starts_with("path\tlabel\tcluster\t"), "{metadata}");
    let sprite = decode(&read(&place, "projector/sprite.png"), &Limits::default()).expect("is a picture");
    assert_eq!((sprite.width, sprite.height), (18 * 28, 17 * 28));
    for (i, line) in metadata.lines().skip(1).enumerate() {
        let path = line.split('\t').next().expect("a path");
        let image = decode(&read(&place, path), &Limits::default()).expect("is a picture");
        for (y, expected) in image.data.chunks(28).enumerate() {
            let start = (i / 18 * 28 + y) * sprite.width + i % 18 * 28;
            assert_eq!(&sprite.data[start..][..28], expected, "{path}, line {y}");
        }
    }
    assert_eq!(metadata.lines().count(), 301);

    place.run(&["export", "--to", "tensorboard", "-o", "small", "--picture", "14"]).expect(0);
    assert!(text("small/projector_config.pbtxt").contains("single_image_dim: 14"));
    place.run(&["export", "--to", "tensorboard", "-o", "none", "--picture", "0"]).expect(0);
    assert!(!place.path().join("none/sprite.png").exists());
}

#[test]
fn an_index_of_faiss_has_the_distances_of_a_query() {
    let place = digits();
    let told = place.json(&["export", "--to", "faiss", "-o", "faiss"]);
    let names: Vec<&str> =
        told["files"].as_array().expect("a list").iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!(names, ["codes.faiss", "latents.faiss", "images.csv"]);
    let bytes = read(&place, "faiss/codes.faiss");
    assert_eq!((&bytes[..4], bytes.len()), (&b"IBxF"[..], 33 + 300 * 8));
    let codes: Vec<u64> =
        bytes[33..].as_chunks::<8>().0.iter().map(|code| u64::from_le_bytes(*code)).collect();
    assert_eq!(read(&place, "faiss/latents.faiss").len(), 45 + 300 * 64 * 4);

    let images = String::from_utf8(read(&place, "faiss/images.csv")).expect("is text");
    let paths: Vec<&str> = images.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert!(images.starts_with("row,path,label\n0,digits/0/0000.png,0\n"), "{images}");
    for row in [0, 77, 299] {
        let mut distances: Vec<u32> = codes.iter().map(|code| (code ^ codes[row]).count_ones()).collect();
        distances.sort_unstable();
        let found = place.json(&["query", paths[row], "--exact", "--rerank", "0"]);
        let hits = found["queries"][0]["hits"].as_array().expect("a list");
        let told: Vec<u64> = hits.iter().filter_map(|hit| hit["distance"].as_u64()).collect();
        assert_eq!(told, distances[..10].iter().map(|&d| u64::from(d)).collect::<Vec<_>>(), "{}", paths[row]);
    }
}

#[test]
fn an_index_without_latents_is_exported_by_its_codes() {
    let place = Place::with_digits();
    place.run(&["index", "digits", "--no-latents"]).expect(0);
    place.run(&["export", "--to", "faiss", "-o", "faiss"]).expect(0);
    assert!(!place.path().join("faiss/latents.faiss").exists());
    place.run(&["export", "--to", "tensorboard", "-o", "projector"]).expect(0);
    place.run(&["export", "-o", "all.parquet"]).expect(0);
    place
        .run(&["export", "-o", "all.csv", "--with", "all"])
        .expect(2)
        .says("expected latents")
        .says("hint: ");
}

/// EXIF data, little-endian: a model, and when the picture was taken.
fn exif() -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x02\0".to_vec();
    block.extend(b"\x10\x01\x02\0\x04\0\0\0One\0");
    block.extend(b"\x69\x87\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0");
    block.extend(b"\x01\0\x03\x90\x02\0\x14\0\0\0\x38\0\0\0\0\0\0\0");
    block.extend(b"2019:07:04 12:00:59\0");
    block
}

#[test]
fn what_files_say_about_themselves_becomes_columns() {
    let body = [b"Exif\0\0", &exif()[..]].concat();
    let photo = jpeg(&scene(1), 85);
    let segment = [b"\xff\xe1", &(body.len() as u16 + 2).to_be_bytes()[..], &body].concat();
    let xmp = b"<x exif:DateTimeOriginal='2020-01-02T03:04:05Z' tiff:Make='Cam' tiff:Model='Two'/>";
    let place = place_of(&[
        ("p/1.jpg", [&photo[..2], &segment, &photo[2..]].concat()),
        ("p/2.png", png(&scene(2))),
        ("p/2.png.xmp", xmp.to_vec()),
        ("p/2.json", b"{}".to_vec()),
        ("p/3.webp", webp_with_exif(&scene(3), &exif())),
        ("p/4.png", png(&scene(4))),
    ]);
    place.run(&["index", "p"]).expect(0);
    let told = place.json(&["export", "-o", "all.jsonl", "--with", "metadata"]);
    assert_eq!(told["columns"], json!(["path", "label", "taken", "camera", "jpeg_quality", "sidecars"]));
    let found = rows(&place, "all.jsonl");
    let columns = ["taken", "camera", "jpeg_quality", "sidecars"];
    let values = |row: usize| columns.map(|column| found[row][column].clone());
    assert_eq!(values(0), [json!("2019-07-04T12:00:59"), json!("One"), json!(85), Value::Null]);
    let of_xmp = [json!("2020-01-02T03:04:05"), json!("Cam Two"), Value::Null, json!("2.json; 2.png.xmp")];
    assert_eq!(values(1), of_xmp);
    assert_eq!(values(2), [json!("2019-07-04T12:00:59"), json!("One"), Value::Null, Value::Null]);
    assert_eq!(values(3), [Value::Null, Value::Null, Value::Null, Value::Null]);

    fs::remove_file(place.path().join("p/4.png")).expect("a file");
    let ran = place.run(&["export", "-o", "all.parquet", "--with", "metadata"]).expect(3);
    assert!(ran.err.contains("p/4.png"), "{}", ran.err);
    place
        .run(&["export", "-o", "all.csv", "--with", "metadata", "--unread"])
        .expect(2)
        .says("--unread: expected no metadata");
    place.run(&["export", "-o", "all.csv", "--with", "all", "--unread", "--map", "pca"]).expect(0);
}

#[test]
fn what_cannot_be_written_is_refused_before_the_work() {
    let place = digits();
    for (args, expected) in [
        (&["export", "-o", "all.xlsx"][..], "all.xlsx: expected a name that ends in .csv"),
        (&["export", "-o", "all.csv", "--to", "excel"], "--to: expected one of table, embedding-atlas"),
        (&["export", "-o", "all.csv", "--with", "pixels"], "--with: expected some of cluster, map"),
        (&["export", "-o", "all.csv", "--map", "umap"], "--map: expected tsne or pca"),
        (&["export", "-o", "all.csv", "--neighbours", "0"], "--neighbours: expected at least 1"),
        (
            &["export", "--to", "embedding-atlas", "-o", "a.csv"],
            "a.csv: expected a name that ends in .parquet",
        ),
        (
            &["export", "--to", "embedding-atlas", "-o", "a.parquet", "--with", "codes"],
            "--with: expected map",
        ),
        (&["export", "--to", "faiss", "-o", "digits"], "digits: expected a new or empty folder"),
        (&["export", "-o", "nowhere/all.csv"], "nowhere"),
    ] {
        let said = place.run(args).expect(2).err;
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert!(!place.path().join("a.csv").exists() && !place.path().join("all.csv").exists());
}
