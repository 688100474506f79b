//! `aesearch dedupe scan` between collections: `--reference` and `--across`.

use std::collections::BTreeSet;

use image::imageops::{self, FilterType};
use serde_json::{Value, json};

use crate::cli::Place;
use crate::fixtures::write;
use crate::scenes::{brighter, groups, jpeg, list, members, place_of, png, scan, scene, text};

#[test]
fn a_reference_stays_and_is_not_searched_for_copies_of_itself() {
    let half = imageops::resize(&scene(2), 80, 60, FilterType::Triangle);
    let place = place_of(&[
        ("ref/1.png", png(&scene(1))),
        ("ref/2-half.jpg", jpeg(&half, 80)),
        ("ref/3.png", png(&scene(3))),
        ("ref/3-again.png", png(&scene(3))),
        ("ref/3.jpg", jpeg(&scene(3), 70)),
        ("ref/4.png", png(&scene(4))),
        ("ref/4-again.png", png(&scene(4))),
        ("mine/1.png", png(&scene(1))),
        ("mine/2.png", png(&scene(2))),
        ("mine/4.png", png(&scene(4))),
        ("mine/5.png", png(&scene(5))),
        ("mine/5-again.png", png(&scene(5))),
    ]);
    let plan = scan(&place, &["mine", "--reference", "ref"]);
    let expected = [
        "bytes mine/5-again.png = mine/5.png",
        "bytes ref/1.png = mine/1.png",
        "bytes ref/4.png = mine/4.png",
        "near ref/2-half.jpg = mine/2.png",
    ];
    let mut found = groups(&plan);
    found.sort_unstable();
    // which of two of the same bytes stays is a matter of their times
    let found: Vec<String> = found.iter().map(|group| group.replace("4-again", "4")).collect();
    assert_eq!(found[1..], expected[1..]);
    assert_eq!(list(&plan["groups"]).iter().filter(|group| group["keeper"]["reference"] == true).count(), 3);
    let with_two = |group: &&Value| members(group).contains(&"mine/4.png");
    let group = list(&plan["groups"]).iter().find(with_two).expect("a group");
    assert_eq!(list(&group["also_kept"]).len(), 1);
    let duplicates = list(&plan["groups"]).iter().flat_map(|group| list(&group["duplicates"]));
    assert!(duplicates.into_iter().all(|file| text(&file["path"]).starts_with("mine/")));

    // all of the index, with the reference inside of it
    assert_eq!(scan(&place, &["--reference", "ref"])["groups"], plan["groups"]);
}

#[test]
fn across_paths_only_pairs_between_them_count() {
    let place = place_of(&[
        ("train/1.png", png(&scene(1))),
        ("train/2.jpg", jpeg(&scene(2), 80)),
        ("train/3.png", png(&scene(3))),
        ("train/3-again.png", png(&scene(3))),
        ("test/1.png", png(&scene(1))),
        ("test/2.png", png(&scene(2))),
        ("test/4.png", png(&scene(4))),
        ("test/4.jpg", jpeg(&scene(4), 80)),
    ]);
    let across = |args: &[&str]| groups(&scan(&place, &[args, &["--across"]].concat()));
    assert_eq!(
        across(&["train", "test"]),
        ["bytes train/1.png = test/1.png", "near train/2.jpg = test/2.png"]
    );
    assert_eq!(
        across(&["test", "train"]),
        ["bytes test/1.png = train/1.png", "near test/2.png = train/2.jpg"]
    );
    assert_eq!(groups(&scan(&place, &["train", "test"])).len(), 4);
    for args in [&["dedupe", "scan", "train", "--across"][..], &["dedupe", "scan", "--across"]] {
        place.run(args).expect(2).says("--across: expected at least two paths");
    }
}

#[test]
fn a_reference_that_holds_nothing_is_no_protection_and_is_refused() {
    let place = place_of(&[
        ("mine/1.png", png(&scene(1))),
        ("ref/1.png", png(&scene(1))),
        ("other/1.txt", b"no image".to_vec()),
    ]);
    place.run(&["index", "mine"]).expect(0);
    for reference in ["nosuch", "ref", "other"] {
        let ran = place.run(&["dedupe", "scan", "--reference", reference]).expect(2);
        ran.says("expected images of the index, got none");
    }
    let across = scan(&place, &["mine", "ref", "--across", "--reference", "ref"]);
    assert_eq!(groups(&across), ["bytes ref/1.png = mine/1.png"]);
}

#[test]
fn every_file_that_leaks_is_named() {
    let place = place_of(&[
        ("train/2.png", png(&scene(2))),
        ("test/2.jpg", jpeg(&scene(2), 80)),
        ("test/2-again.jpg", jpeg(&scene(2), 80)),
        ("test/2-dark.png", png(&brighter(&scene(2), 70))),
        ("test/other.png", png(&scene(3))),
    ]);
    let plan = scan(&place, &["train", "test", "--across"]);
    assert_eq!(groups(&plan), ["near train/2.png = test/2-again.jpg test/2-dark.png test/2.jpg"]);
    // what is a duplicate in one group is none in another
    let place = place_of(&[
        ("a/1.png", png(&scene(1))),
        ("b/1.jpg", jpeg(&scene(1), 80)),
        ("c/1.jpg", jpeg(&scene(1), 80)),
    ]);
    assert_eq!(
        groups(&scan(&place, &["a", "b", "c", "--across"])),
        ["bytes b/1.jpg = c/1.jpg", "near a/1.png = b/1.jpg"]
    );
}

/// A place with three qualities of one scene, of which the first and the last were decided to be different.
fn in_a_row(names: [&str; 3]) -> Place {
    let files = [png(&scene(1)), jpeg(&scene(1), 80), jpeg(&scene(1), 60)];
    let place = place_of(&names.into_iter().zip(files).collect::<Vec<_>>());
    let folders: BTreeSet<&str> = names.iter().filter_map(|name| name.split('/').next()).collect();
    place.run(&["index"].into_iter().chain(folders).collect::<Vec<_>>()).expect(0);
    place.run(&["dedupe", "decide", names[0], names[2], "--different"]).expect(0);
    place
}

#[test]
fn a_reference_within_one_of_the_paths_hides_no_leak() {
    let place = in_a_row(["train/ref/x.png", "train/y.jpg", "test/z.jpg"]);
    let plan = scan(&place, &["train", "test", "--across", "--reference", "train/ref"]);
    assert_eq!(groups(&plan), ["near train/y.jpg = test/z.jpg"]);
    assert_eq!(plan["near_misses"], json!([]), "what is of one path or stays is no miss");

    let place = in_a_row(["test/ref/x.png", "test/z.jpg", "train/y.jpg"]);
    let plan = scan(&place, &["train", "test", "--across", "--reference", "test/ref"]);
    assert_eq!(groups(&plan), ["near train/y.jpg = test/z.jpg"]);
    assert_eq!(plan["near_misses"], json!([]));
}

#[test]
fn what_is_near_only_an_image_that_goes_stays() {
    let place = in_a_row(["a/1.png", "b/1.jpg", "c/1.jpg"]);
    let paths = ["a", "b", "c", "--across"];
    let plan = scan(&place, &paths);
    assert_eq!(groups(&plan), ["near a/1.png = b/1.jpg"]);
    assert_eq!(plan["near_misses"], json!([]));

    // one that stays has leaked from there
    place.run(&["dedupe", "decide", "b/1.jpg", "--keep-all"]).expect(0);
    let plan = scan(&place, &paths);
    assert_eq!(groups(&plan), ["near b/1.jpg = c/1.jpg"]);
    assert_eq!(plan["near_misses"], json!([]));
}

#[test]
fn what_stays_in_one_group_and_goes_in_another_goes() {
    let place = place_of(&[
        ("a/1.png", png(&scene(1))),
        ("b/1.jpg", jpeg(&scene(1), 80)),
        ("b/again.jpg", jpeg(&scene(1), 80)),
        ("c/1.jpg", jpeg(&scene(1), 80)),
    ]);
    let plan = scan(&place, &["a", "b", "c", "--across", "-o", "plan.json"]);
    assert_eq!(list(&plan["groups"]).len(), 2, "{:?}", groups(&plan));
    let listed = place.run(&["dedupe", "apply", "plan.json"]).expect(0);
    assert_eq!(listed.out.lines().count(), 3, "{}", listed.out);
}

#[test]
fn paths_within_each_other_are_not_across() {
    let place = place_of(&[("d/1.png", png(&scene(1))), ("d/a/1.png", png(&scene(1)))]);
    for paths in [["d", "d/a"], ["d/a", "d"], ["d", "d"]] {
        let ran = place.run(&["dedupe", "scan", paths[0], paths[1], "--across"]).expect(2);
        ran.says("expected separate paths");
        write(&place.path().join("list"), paths[1].as_bytes());
        let ran = place.run(&["dedupe", "scan", paths[0], "--files-from", "list", "--across"]).expect(2);
        ran.says("expected separate paths");
    }
    write(&place.path().join("list"), b"d/1.png\nd/a\n");
    let plan = scan(&place, &["--files-from", "list", "--across"]);
    assert_eq!(groups(&plan), ["bytes d/1.png = d/a/1.png"]);
    write(&place.path().join("list"), b"d\n");
    let ran = place.run(&["dedupe", "scan", "--files-from", "list", "--across"]).expect(2);
    ran.says("--across: expected at least two paths");
}

#[test]
fn a_long_list_of_files_is_the_folder_it_lists() {
    let files: Vec<(String, Vec<u8>)> =
        (0..40).map(|i| (format!("p/{i}.png"), png(&scene(i % 30)))).collect();
    let place = Place::empty();
    files.iter().for_each(|(name, bytes)| write(&place.path().join(name), bytes));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    write(&place.path().join("list.txt"), names.join("\n").as_bytes());
    let of_folder = scan(&place, &["p"]);
    assert_eq!(list(&of_folder["groups"]).len(), 10);
    let of_list: Value = scan(&place, &["--files-from", "list.txt"]);
    assert_eq!(of_list["groups"], of_folder["groups"]);
}
