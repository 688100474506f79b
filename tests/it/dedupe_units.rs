//! Files that go together or not at all: those of one shot, sidecars, and the notes of a network storage.

use serde_json::Value;

use crate::cli::Place;
use crate::fixtures::write;
use crate::scenes::{groups, jpeg, list, png, scan, scene, text};

/// Three photos with the same bytes, with films beside them: of the first two they are the same.
fn photos() -> Place {
    let place = Place::empty();
    let photo = jpeg(&scene(77), 90);
    for (folder, film) in [("a", "film"), ("b", "film"), ("c", "another film")] {
        write(&place.path().join(format!("p/{folder}/IMG_1.JPG")), &photo);
        write(&place.path().join(format!("p/{folder}/IMG_1.mov")), film.as_bytes());
    }
    for (name, content) in [
        ("p/b/IMG_1.xmp", "about".as_bytes()),
        ("p/b/IMG_1.JPG.supplemental-metadata.json", b"{}"),
        ("p/b/@eaDir/IMG_1.JPG/thumb.jpg", b"small"),
        ("p/b/@eaDir/IMG_1.JPG@SynoResource", b"notes"),
        ("p/b/@eaDir/picture.png", &png(&scene(3))),
    ] {
        write(&place.path().join(name), content);
    }
    place
}

fn paths(document: &Value) -> Vec<&str> {
    list(&document["done"]).iter().map(|step| text(&step["path"])).collect()
}

#[test]
fn a_photo_goes_with_its_film_its_sidecars_and_its_notes_or_not_at_all() {
    let place = photos();
    let here = |name: &str| place.path().join(name).is_file();
    let plan = scan(&place, &["p", "-o", "plan.json", "--keep", "shortest"]);
    assert_eq!(
        (groups(&plan), &plan["images"]),
        (vec!["bytes p/a/IMG_1.JPG = p/b/IMG_1.JPG".to_owned()], &3.into())
    );
    let group = &list(&plan["groups"])[0];
    assert_eq!(text(&list(&group["also_kept"])[0]["path"]), "p/c/IMG_1.JPG", "its film is another");
    assert_eq!(group["keeper"]["shot"], serde_json::json!(["IMG_1.mov"]));
    let with = [
        "p/b/IMG_1.JPG",
        "p/b/IMG_1.mov",
        "p/b/@eaDir/IMG_1.JPG/thumb.jpg",
        "p/b/@eaDir/IMG_1.JPG@SynoResource",
        "p/b/IMG_1.JPG.supplemental-metadata.json",
        "p/b/IMG_1.xmp",
    ];
    let apply = ["dedupe", "apply", "plan.json", "--action", "move"];
    assert_eq!(paths(&place.json(&apply)), with);
    let done = place.json(&[&apply[..], &["--yes"]].concat());
    assert_eq!((paths(&done), list(&done["refused"]).len()), (with.to_vec(), 0));
    for name in with {
        assert!(!here(name) && here(&format!("plan.json.duplicates/{name}")), "{name}");
    }
    assert!(here("p/b/@eaDir/picture.png") && !place.path().join("p/b/@eaDir/IMG_1.JPG").exists());
    assert!(groups(&scan(&place, &["p"])).is_empty(), "nothing is left to do");
    place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
    assert!(with.iter().all(|name| here(name)));

    // the film was changed since, so the photo stays, and the other way round
    write(&place.path().join("p/b/IMG_1.mov"), b"cut");
    let refused = place.json(&apply);
    let reason = text(&list(&refused["refused"])[0]["reason"]);
    assert!(paths(&refused).is_empty() && reason.contains("which stays"), "{refused:#}");
}

#[test]
fn a_raw_file_and_its_jpeg_are_no_duplicates_of_each_other() {
    let place = Place::empty();
    let photo = jpeg(&scene(78), 90);
    // what a camera's raw file holds beside its samples is not read here; its name tells
    for name in ["p/a/IMG_2.JPG", "p/b/IMG_2.JPG"] {
        write(&place.path().join(name), &photo);
    }
    write(&place.path().join("p/b/IMG_2.CR2"), b"raw");
    // it can only stay with its raw file, so the other one goes
    assert_eq!(groups(&scan(&place, &["p"])), ["bytes p/b/IMG_2.JPG = p/a/IMG_2.JPG"]);
}
