//! Tables as data set hubs write them, in every way of packing; rows in any order from several threads;
//! damage.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::tests::written;
use super::*;

const SCHEMA: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (UTF8); }
    optional int64 label;
}";

/// 3 row groups of 10 rows; row 7 of each has neither an image nor a label.
fn table(compression: Compression, version: WriterVersion) -> Vec<u8> {
    let names = r#"{"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}"#;
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_writer_version(version)
        .set_data_page_row_count_limit(4)
        .set_write_batch_size(2)
        .set_key_value_metadata(Some(vec![KeyValue::new("huggingface".to_owned(), names.to_owned())]));
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
    for group in 0..3 {
        let mut rows = writer.next_row_group().unwrap();
        let there: Vec<i16> = (0..10).map(|row| if row == 7 { 0 } else { 2 }).collect();
        let labels_there: Vec<i16> = there.iter().map(|level| level / 2).collect();
        let images: Vec<ByteArray> =
            (0..10).filter(|row| *row != 7).map(|row| image(group * 10 + row).into()).collect();
        let labels: Vec<i64> = (0..10).filter(|row| *row != 7).map(|row| row % 3).collect();
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&images, Some(&there), None).unwrap();
        column.close().unwrap();
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[], Some(&[0; 10]), None).unwrap();
        column.close().unwrap();
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&labels, Some(&labels_there), None).unwrap();
        column.close().unwrap();
        rows.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// What stands for the image file in a row.
fn image(row: usize) -> Vec<u8> {
    (0..40).map(|i| (row * 7 + i * row) as u8).collect()
}

fn open(path: &Path) -> Result<Option<Table>, String> {
    let mut skips = Skips::new(path);
    let table = Table::open(&FileAt::new(path)?, &mut skips)?;
    assert!(skips.list.is_empty() || table.is_some());
    Ok(table)
}

fn check(table: &Table, row: usize) {
    match table.read(row, &Limits::default()) {
        Ok(Raw::File(bytes)) => assert_eq!(bytes, image(row), "{row}"),
        Ok(_) => panic!("a file"),
        Err(reason) => assert_eq!((row % 10, &*reason), (7, "no image in this row")),
    }
}

#[test]
fn every_way_of_packing_is_read_in_any_order() {
    let gzip = Compression::GZIP(GzipLevel::default());
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip, zstd, Compression::LZ4_RAW] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let (_dir, path) = written("a.parquet", &table(compression, version));
            let table = open(&path).unwrap().unwrap();
            assert_eq!(table.len(), 30);
            let labels: Vec<_> = (0..10).map(|row| table.label(10 + row).unwrap_or("-")).collect();
            assert_eq!(labels, ["cat", "dog", "2", "cat", "dog", "2", "cat", "-", "2", "cat"]);
            std::thread::scope(|scope| {
                for step in [1, 29, 7, 11] {
                    let table = &table;
                    scope.spawn(move || (0..30).for_each(|i| check(table, i * step % 30)));
                }
            });
            assert!(table.read(30, &Limits::default()).is_err());
        }
    }
}

#[test]
fn damage_never_panics() {
    let file = table(Compression::SNAPPY, WriterVersion::PARQUET_1_0);
    let (_dir, path) = written("a.parquet", &file);
    let read_all = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        if let Ok(Some(table)) = open(&path) {
            (0..table.len().min(40)).for_each(|row| drop(table.read(row, &Limits::default())));
        }
    };
    for cut in (0..file.len()).step_by(5) {
        std::fs::write(&path, &file[..cut]).unwrap();
        assert!(open(&path).is_err(), "{cut}");
    }
    for at in (0..file.len()).step_by(3) {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 8);
        read_all(&damaged);
    }
    let mut huge = file.clone();
    let at = huge.len() - 8;
    huge[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    std::fs::write(&path, &huge).unwrap();
    assert!(open(&path).map(drop).unwrap_err().contains("a footer of 4294967295 bytes"));
}

#[test]
fn what_lies_behind_damage_is_not_tried_again() {
    let file = table(Compression::UNCOMPRESSED, WriterVersion::PARQUET_1_0);
    let (_dir, path) = written("a.parquet", &file);
    let table = open(&path).unwrap().unwrap();
    let chunk = table.metadata.row_group(1).column(0);
    let (at, len) = chunk.byte_range();
    let mut damaged = file.clone();
    damaged[at as usize..][..len as usize].fill(0xff);
    std::fs::write(&path, &damaged).unwrap();
    let table = open(&path).unwrap().unwrap();
    (0..30).filter(|row| row / 10 != 1).for_each(|row| check(&table, row));
    let read = |row| table.read(row, &Limits::default()).unwrap_err();
    let first = read(13);
    assert_eq!(table.damage().get(&(0, 1)).map(|(from, _)| *from), Some(13));
    assert_eq!([read(14), read(19)], [first.clone(), first]);
    assert!(read(10).contains("damaged"));
    assert_eq!(table.damage().get(&(0, 1)).map(|(from, _)| *from), Some(10));
}

#[test]
fn small_files_do_not_claim_many_rows() {
    let file_of = |rows: usize| {
        let schema = Arc::new(parse_message_type("message m { optional binary image; }").unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[], Some(&vec![0; rows]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap()
    };
    let (_dir, path) = written("a.parquet", &file_of(60_000));
    assert_eq!(open(&path).unwrap().unwrap().len(), 60_000);
    std::fs::write(&path, file_of(1_000_000)).unwrap();
    assert!(open(&path).map(drop).unwrap_err().ends_with("bytes: refused as a bomb"));
}

#[test]
fn columns_of_images_are_told_by_their_content_and_each_has_names_of_its_own() {
    let table = |contents: [&[u8]; 3]| {
        let schema = "message m { required binary image; required binary mask; required binary hash; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for content in contents {
            let rows = [content.to_vec().into(), [content, b"2"].concat().into()];
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&rows, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        let (_dir, path) = written("a.parquet", &writer.into_inner().unwrap());
        let table = open(&path).unwrap().unwrap();
        let read = |row| match table.read(row, &Limits::default()) {
            Ok(Raw::File(bytes)) => bytes,
            _ => panic!("a file"),
        };
        let names: Vec<String> = (0..table.len()).map(|i| table.entry_name(i)).collect();
        assert!((0..table.len()).all(|i| table.find(names[i].as_bytes()) == Some(i)));
        assert!(
            ["mask/2", "mask/01", "hash/0", "2", ""].iter().all(|no| table.find(no.as_bytes()).is_none())
        );
        (names, (0..table.len()).map(read).collect::<Vec<_>>(), table.column(b"mask"))
    };
    let (png, other): (&[u8], &[u8]) = (b"\x89PNG\r\n\x1a\n____IHDR", b"1234");
    let (names, read, mask) = table([png, png, other]);
    assert_eq!(names, ["image/0", "image/1", "mask/0", "mask/1"]);
    assert_eq!((read[0].as_slice(), read[3].len(), mask), (png, png.len() + 1, Some(2..4)));
    let (names, read, mask) = table([other, png, other]);
    assert_eq!((names, read[0].as_slice(), mask), (vec!["0".to_owned(), "1".to_owned()], png, Some(0..2)));
    let (names, read, _) = table([other; 3]);
    assert_eq!((names.len(), read[0].as_slice()), (2, other), "by its name");
}

#[test]
fn the_column_is_found_or_asked_for() {
    let column = |schema: &str| {
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap().into_inner().unwrap();
        let (_dir, path) = written("a.parquet", &file);
        open(&path).map(|table| table.map(|table| table.columns[0].1))
    };
    assert_eq!(column("message m { required binary a (UTF8); required binary b; }"), Ok(Some(1)));
    assert_eq!(column("message m { required binary a; required binary img; }"), Ok(Some(1)));
    assert_eq!(column("message m { required int32 a; required binary text (UTF8); }"), Ok(None));
    let reason = column("message m { required binary a; required binary b; }").unwrap_err();
    assert_eq!(reason, "parquet: which column holds the images: a, b? name it `image`");
}
