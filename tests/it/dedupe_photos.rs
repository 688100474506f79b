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
