//! `aesearch dedupe PHOTOS`, the short way: plan and page beside each other, the next commands, and nobody
//! else's file overwritten.

use std::fs;

use serde_json::Value;

use crate::cli::Place;
use crate::scenes::{list, place_of, png, scene, text};

fn photos() -> Place {
    place_of(&[
        ("photos/a.png", png(&scene(1))),
        ("photos/b.png", png(&scene(1))),
        ("photos/c.png", png(&scene(2))),
    ])
}

fn read(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path().join(name)).expect(name)
}

#[test]
fn one_command_writes_plan_and_page_and_says_the_next_two() {
    let place = photos();
    let ran = place.run(&["dedupe", "photos"]).expect(0);
    assert!(ran.out.contains("= photos/b.png") && !ran.out.contains("next:"), "{}", ran.out);
    let ran = ran.says("duplicates.html").says("next: aesearch dedupe apply duplicates.json --action move");
    let commands: Vec<&str> = ran.err.lines().filter_map(|line| line.split("aesearch ").nth(1)).collect();
    assert_eq!(commands.len(), 2, "{}", ran.err);
    assert!(read(&place, "duplicates.html").contains("Duplicates · aesearch"));
    let plan: Value = serde_json::from_str(&read(&place, "duplicates.json")).expect("a plan");
    assert_eq!(text(&list(&plan["groups"])[0]["keep"]), "photos/a.png");

    // the commands are what they say
    let [show, act] = [commands[0], commands[1]].map(|line| {
        let end = line.find("   ").unwrap_or(line.len());
        line[..end].split(' ').collect::<Vec<_>>()
    });
    place.run(&show).expect(0);
    assert!(place.path().join("photos/b.png").exists());
    place.run(&act).expect(0);
    assert!(!place.path().join("photos/b.png").exists());

    // that plan can still be taken back, so the next one has another name
    let ran = place.run(&["dedupe", "photos"]).expect(0).says("duplicates-2.json");
    assert!(ran.err.contains("nothing is proposed"), "{}", ran.err);
    place.run(&["dedupe", "undo", "duplicates.json", "--yes"]).expect(0);
    assert!(place.path().join("photos/b.png").exists());
    place.run(&["dedupe", "photos"]).expect(0).says("duplicates.json");
}

#[test]
fn files_of_others_are_left_alone_and_old_plans_replaced() {
    let place = photos();
    fs::write(place.path().join("duplicates.html"), "a page of mine").expect("a file");
    fs::write(place.path().join("duplicates-2.json"), r#"{"command": "dedupe decide"}"#).expect("a file");
    for _ in 0..2 {
        place.run(&["dedupe", "photos"]).expect(0).says("duplicates-3.html");
    }
    assert_eq!(read(&place, "duplicates.html"), "a page of mine");
    assert_eq!(read(&place, "duplicates-2.json"), r#"{"command": "dedupe decide"}"#);
    assert!(!place.path().join("duplicates.json").exists());
    assert!(!place.path().join("duplicates-4.json").exists());
}

#[test]
fn verbs_and_paths_are_told_apart() {
    let place = photos();
    fs::rename(place.path().join("photos"), place.path().join("scan")).expect("renames");
    place.run(&["dedupe", "scan", "scan"]).expect(0);
    assert!(!place.path().join("duplicates.json").exists());
    place.run(&["dedupe", "./scan"]).expect(0);
    assert!(place.path().join("duplicates.json").exists());
    place.run(&["dedupe", "--json", "scan", "scan"]).expect(0);
    let document = place.json(&["dedupe", "./scan"]);
    assert_eq!(document["command"], "dedupe scan");
    place.run(&["dedupe", "scann", "scan"]).expect(2).says("scann: no such file").says("a verb: scan, apply");
    place.run(&["dedupe", "--hidden", "scan", "scan"]).expect(2).says("options after the verb");
    place.run(&["dedupe"]).expect(2).says("Usage");
}

#[test]
fn only_selected_paths_are_proposed() {
    let place = place_of(&[
        ("p/a.png", png(&scene(1))),
        ("p/down/a.png", png(&scene(1))),
        ("p/other/a.png", png(&scene(1))),
        ("p/b.png", png(&scene(2))),
        ("p/other/b.png", png(&scene(2))),
    ]);
    let goes = |document: &Value, list_of: &str, step: &str| -> Vec<String> {
        let of =
            |group: &Value| list(&group[step]).iter().map(|file| text(&file["path"]).to_owned()).collect();
        list(&document[list_of]).iter().flat_map(|group| -> Vec<String> { of(group) }).collect()
    };
    let plan = place.json(&["dedupe", "scan", "p", "--select", "/down/", "-o", "plan.json"]);
    assert_eq!(goes(&plan, "groups", "duplicates"), ["p/down/a.png"], "{plan:#}");
    assert_eq!(goes(&plan, "groups", "also_kept"), ["p/other/a.png"]);
    place.run(&["dedupe", "scan", "p", "-o", "plan.json"]).expect(0);
    let apply = ["dedupe", "apply", "plan.json", "--action", "move", "--select", "^p/other/b"];
    let document = place.json(&apply);
    let moved: Vec<&str> = list(&document["done"]).iter().map(|step| text(&step["path"])).collect();
    assert_eq!((moved, &document["left_out"]), (vec!["p/other/b.png"], &2.into()));
    place.run(&apply).expect(0).says("2 duplicates left out: of other kinds, or not selected");
    place
        .run(&["dedupe", "scan", "p", "--select", "("])
        .expect(2)
        .says("--select: expected a regular expression, got \"(\"");
}

#[test]
fn dates_are_no_labels_and_classes_are() {
    let files = [("2019-05", 1), ("2020", 1), ("cat", 2), ("dog", 2)];
    let place = |of: &[usize]| {
        let in_folder = |&i: &usize| {
            let (folder, seed) = files[i];
            let another = (format!("p/{folder}/more.png"), png(&scene(10 + i as u64)));
            [(format!("p/{folder}/{i}.png"), png(&scene(seed))), another]
        };
        let named: Vec<(String, Vec<u8>)> = of.iter().flat_map(in_folder).collect();
        let named: Vec<(&str, Vec<u8>)> =
            named.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        place_of(&named)
    };
    let conflicts = |place: &Place, more: &[&str]| {
        let plan = place.json(&[&["dedupe", "scan", "p"], more].concat());
        list(&plan["groups"]).iter().filter(|group| group.get("conflicting_labels").is_some()).count()
    };
    let (dates, classes) = (place(&[0, 1]), place(&[2, 3]));
    assert_eq!(conflicts(&dates, &[]), 0);
    assert_eq!(conflicts(&dates, &["--labels", "folder"]), 1);
    assert_eq!(conflicts(&classes, &[]), 1);
    assert_eq!(conflicts(&classes, &["--labels", "none"]), 0);
    fs::write(dates.path().join("labels.csv"), "path,label\np/2019-05/0.png,x\np/2020/1.png,y\n")
        .expect("a file");
    assert_eq!(conflicts(&dates, &["--labels", "labels.csv"]), 1);
    let outliers = ["outliers", "--unread", "-o", "rows.csv"];
    for (more, expected) in [(&[][..], false), (&["--labels", "labels.csv"], true)] {
        dates.run(&[&outliers[..], more].concat()).expect(0);
        assert_eq!(read(&dates, "rows.csv").lines().any(|line| line.contains(",x,")), expected);
    }
    dates
        .run(&["dedupe", "scan", "p", "--labels", "years"])
        .expect(2)
        .says("--labels: expected auto, folder, none");
}
