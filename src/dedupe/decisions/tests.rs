//! Decisions: what separates, what is kept, which of two counts, and what is written and read back.

use super::*;

fn hash(value: u8) -> Hash {
    [value; 32]
}

fn images(values: &[u8]) -> Vec<(Hash, String)> {
    values.iter().zip(0..).map(|(&value, i): (_, usize)| (hash(value), format!("{i}-{value}.png"))).collect()
}

#[test]
fn pairs_within_a_decision_are_separated_and_no_others() {
    let mut decisions = Decisions::default();
    decisions.add(Verdict::Different, &images(&[1, 2, 3])).unwrap();
    decisions.add(Verdict::KeepAll, &images(&[3, 4])).unwrap();
    for (a, b, expected) in
        [(1, 2, true), (3, 1, true), (3, 4, true), (1, 4, false), (2, 9, false), (1, 1, false)]
    {
        assert_eq!(decisions.separates(&hash(a), &hash(b)), expected, "{a} {b}");
        assert_eq!(decisions.separates(&hash(b), &hash(a)), expected, "{b} {a}");
    }
}

#[test]
fn files_of_the_same_bytes_stay_when_all_of_them_are_kept() {
    let mut decisions = Decisions::default();
    assert_eq!(decisions.add(Verdict::KeepAll, &images(&[5, 5])).unwrap().added, 1);
    assert!(decisions.separates(&hash(5), &hash(5)));
    assert_eq!(decisions.add(Verdict::KeepAll, &images(&[6, 6, 7])).unwrap().added, 2);
    assert!(decisions.separates(&hash(6), &hash(6)) && decisions.separates(&hash(6), &hash(7)));
    assert!(!decisions.separates(&hash(7), &hash(7)));
    let error = decisions.add(Verdict::Different, &images(&[5, 5])).unwrap_err().to_string();
    assert!(error.contains("0-5.png and 1-5.png") && error.contains("same bytes"), "{error}");
    assert!(decisions.add(Verdict::Different, &images(&[5])).is_err());
    assert!(decisions.add(Verdict::KeepAll, &[]).is_err());
}

#[test]
fn the_later_decision_about_the_same_images_holds() {
    let mut decisions = Decisions::default();
    decisions.add(Verdict::Different, &images(&[1, 2])).unwrap();
    assert_eq!(decisions.add(Verdict::Different, &images(&[1, 2])).unwrap().unchanged, 1);
    let mut other = Decisions::default();
    other.add(Verdict::KeepAll, &images(&[2, 1])).unwrap();
    other.add(Verdict::KeepAll, &images(&[1, 3])).unwrap();
    assert_eq!(decisions.merge(other), ChangeCounts { added: 1, replaced: 1, unchanged: 0 });
    assert_eq!(decisions.iter().map(|d| d.verdict).collect::<Vec<_>>(), [Verdict::KeepAll; 2]);
}

fn kept(decisions: &Decisions) -> Vec<(u8, String)> {
    let mut kept: Vec<(u8, String)> =
        decisions.keepers().into_iter().map(|(hash, path)| (hash[0], path.to_owned())).collect();
    kept.sort();
    kept
}

#[test]
fn one_is_kept_rather_than_others_and_separates_none() {
    let mut decisions = Decisions::default();
    decisions.add(Verdict::Keep, &images(&[3, 1, 2])).unwrap();
    assert_eq!(kept(&decisions), [(3, "0-3.png".to_owned())]);
    assert!(!decisions.separates(&hash(3), &hash(1)) && !decisions.separates(&hash(3), &hash(3)));
    assert!(decisions.kept().is_empty());
    let text = decisions.to_json();
    assert!(text.contains("\"schema_version\": 2"), "{text}");
    assert_eq!(Decisions::from_json(&text, Path::new("x")).unwrap(), decisions);
    assert_eq!(decisions.forget(&[hash(1)]), 1);
    decisions.add(Verdict::KeepAll, &images(&[1])).unwrap();
    assert!(decisions.to_json().contains("\"schema_version\": 1"), "earlier programs read it");
    assert!(kept(&decisions).is_empty() && decisions.add(Verdict::Keep, &[]).is_err());
}

#[test]
fn of_two_decisions_to_keep_the_later_counts() {
    let mut decisions = Decisions::default();
    decisions.add(Verdict::Keep, &images(&[1])).unwrap();
    decisions.add(Verdict::Keep, &images(&[5])).unwrap();
    decisions.add(Verdict::KeepAll, &images(&[1, 3, 4])).unwrap();
    decisions.add(Verdict::KeepAll, &images(&[2, 3])).unwrap();
    // 2 rather than 1 and 3
    assert_eq!(decisions.add(Verdict::Keep, &images(&[2, 1, 3])).unwrap().added, 1);
    assert_eq!(kept(&decisions).iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), [2, 5]);
    assert!(decisions.kept().is_empty(), "of 1, 3, 4 and of 2, 3 one is left, which is not all");
    assert!(!decisions.separates(&hash(1), &hash(3)) && !decisions.separates(&hash(2), &hash(3)));
    // and back: the same images, then with others
    assert_eq!(decisions.add(Verdict::Keep, &images(&[1, 2, 3])).unwrap().replaced, 1);
    assert_eq!(kept(&decisions).iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), [1, 5]);
    decisions.add(Verdict::KeepAll, &images(&[1, 2, 3])).unwrap();
    assert_eq!(kept(&decisions).len(), 1);
    assert!(decisions.separates(&hash(1), &hash(2)));
    decisions.add(Verdict::KeepAll, &images(&[1, 6, 7])).unwrap();
    decisions.add(Verdict::Keep, &images(&[1, 6])).unwrap();
    assert!(decisions.separates(&hash(1), &hash(7)) && !decisions.separates(&hash(1), &hash(6)));
    let again = Decisions::from_json(&decisions.to_json(), Path::new("x")).unwrap();
    assert_eq!(again, decisions);
}

#[test]
fn what_is_forgotten_is_proposed_again() {
    let all = || {
        let mut decisions = Decisions::default();
        for set in [&[1, 2, 3][..], &[3, 4], &[5]] {
            let verdict = if set.len() > 1 { Verdict::Different } else { Verdict::KeepAll };
            decisions.add(verdict, &images(set)).unwrap();
        }
        decisions
    };
    for (set, gone) in
        [(&[1][..], 1), (&[3], 2), (&[1, 2], 1), (&[2, 4], 0), (&[5], 1), (&[5, 9], 1), (&[9], 0)]
    {
        let mut decisions = all();
        let hashes: Vec<Hash> = set.iter().map(|&value| hash(value)).collect();
        assert_eq!(decisions.forget(&hashes), gone, "{set:?}");
        assert_eq!(decisions.len(), 3 - gone);
    }
    let mut decisions = all();
    decisions.forget(&[hash(1)]);
    assert!(!decisions.separates(&hash(1), &hash(2)) && decisions.separates(&hash(3), &hash(4)));
    decisions.add(Verdict::KeepAll, &images(&[1, 4])).unwrap();
    assert!(decisions.separates(&hash(1), &hash(4)) && !decisions.separates(&hash(1), &hash(3)));
}

#[test]
fn the_same_decisions_are_the_same_bytes_and_are_read_back() {
    let sets: [&[u8]; 4] = [&[1, 2, 3], &[9, 8], &[7], &[2, 3]];
    let of = |order: [usize; 4]| {
        let mut decisions = Decisions::default();
        for i in order {
            let mut images: Vec<_> = sets[i].iter().map(|&v| (hash(v), format!("{v}.png"))).collect();
            let by = i % images.len();
            images.rotate_left(by);
            decisions.add(Verdict::KeepAll, &images).unwrap();
        }
        decisions
    };
    let text = of([0, 1, 2, 3]).to_json();
    assert_eq!(text, of([3, 1, 0, 2]).to_json());
    assert_eq!(Decisions::from_json(&text, Path::new("x")).unwrap(), of([0, 1, 2, 3]));
    let dir = tempfile::tempdir().unwrap();
    assert!(Decisions::read(dir.path()).unwrap().is_empty());
    of([0, 1, 2, 3]).write(dir.path()).unwrap();
    assert_eq!(Decisions::read(dir.path()).unwrap().to_json(), text);
}

#[test]
fn what_is_malformed_is_named() {
    let good = hex(&hash(1));
    let document = |verdict: &str, hashes: &[&str]| {
        let decision = serde_json::json!({"verdict": verdict, "hashes": hashes});
        serde_json::json!({"schema_version": 1, "command": "dedupe decide", "decisions": [decision]})
            .to_string()
    };
    let cases = [
        ("{".to_owned(), "expected decisions, got"),
        ("[]".to_owned(), "expected decisions, got"),
        (r#"{"schema_version": 1, "command": "dedupe scan"}"#.to_owned(), "got \"dedupe scan\""),
        (r#"{"command": "dedupe decide"}"#.to_owned(), "expected schema version 1 to 2, got none"),
        (
            r#"{"schema_version": 3, "command": "dedupe decide"}"#.to_owned(),
            "expected schema version 1 to 2, got 3",
        ),
        (r#"{"schema_version": 1, "command": "dedupe decide"}"#.to_owned(), "decisions"),
        (
            document("same", &[&good, &good]),
            "decision 1: verdict: expected different, keep-all or keep, got \"same\"",
        ),
        (
            document("different", &[&good, "12"]),
            "decision 1: hash: expected 64 hexadecimal digits, got \"12\"",
        ),
        (document("different", &[&good, &"\u{e9}".repeat(64)]), "hash: expected 64"),
        (document("different", &[&good, &good]), "decision 1: hashes: expected at least 2, got 1"),
        (document("keep-all", &[]), "hashes: expected at least 1, got 0"),
        (document("keep", &[&good]), "decision 1: keep: expected one of the hashes"),
    ];
    for (text, expected) in cases {
        let error = Decisions::from_json(&text, Path::new("mine.json")).unwrap_err().to_string();
        assert!(error.contains(expected) && error.starts_with("mine.json: "), "{text}\n{error}");
    }
    let upper = document("keep-all", &[&good.to_uppercase()]);
    assert!(Decisions::from_json(&upper, Path::new("x")).unwrap().separates(&hash(1), &hash(1)));
}

#[test]
fn many_images_in_one_decision_cost_no_pairs() {
    let image = |i: u32| {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&i.to_le_bytes());
        (hash, String::new())
    };
    let many: Vec<_> = (0..50_000).map(image).collect();
    let mut decisions = Decisions::default();
    decisions.add(Verdict::KeepAll, &many).unwrap();
    assert!((1..50_000).all(|i| decisions.separates(&image(0).0, &image(i).0)));
    assert!(!decisions.separates(&image(0).0, &image(50_000).0));
}
