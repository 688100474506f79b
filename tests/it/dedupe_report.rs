//! The page of `dedupe scan --report`, from made-up plans: its content, whatever the files are called, and
//! its size.
//!
//! The pages are kept in `$CARGO_TARGET_TMPDIR` (`report.html`, `report-large.html`), where
//! `.ci/report_check.mjs` opens them in a browser.

use std::path::{Path, PathBuf};

use aesearch::dedupe::{
    CopyRecall, Duplicate, File, Group, GroupKind, InlierNull, NearMiss, PageOptions, Plan, Threshold,
    Unread, html_report,
};
use aesearch::images::Pixels;
use serde_json::Value;

/// Names that a page must show and not obey.
const HOSTILE: [&str; 8] = [
    "</script><script>document.title='taken'</script>.png",
    "<img src=x onerror=\"document.title='taken'\">.png",
    "it's \"quoted\" & <b>bold</b> {{script}} ${x}.png",
    "<!-- a comment --><script>.png",
    "\u{1f600} emoji \u{e9}\u{4e2d}\u{6587}.png",
    "turned \u{202e}gnp.exe",
    "a\nline\tand\u{0}more.png",
    "no longer UTF-8 \u{fffd}.png",
];

fn hash(seed: usize) -> String {
    (0..32u64)
        .map(|i| (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(i as u32 * 7) as u8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn file(path: &str, seed: usize) -> File {
    let scale = [(1600, 1200), (640, 480), (28, 28), (300, 900)][seed % 4];
    File {
        path: path.to_owned(),
        path_bytes: path.contains('\u{fffd}').then(|| path.replace('\u{fffd}', "\u{1}").into_bytes()),
        entry: path.contains('#'),
        reference: path.starts_with("reference/"),
        size: 2000 + (seed as u64 * 7919) % 4_000_000,
        mtime_ns: 1_700_000_000_000_000_000 + seed as i64 * 1_000_000_007,
        hash: hash(seed),
        width: scale.0,
        height: scale.1,
        format: ["jpeg", "png", "", "webp"][seed % 4].to_owned(),
        exif: seed.is_multiple_of(4),
        label: seed.is_multiple_of(3).then(|| (seed % 10).to_string()),
        ..File::default()
    }
}

fn duplicate(file: File, similarity: f32) -> Duplicate {
    Duplicate { file, distance: ((1.0 - similarity) * 300.0) as u32, similarity, turned: None, region: None }
}

/// The `i`-th group; hashes of its files follow from `seed`.
fn group(i: usize, kind: GroupKind, seed: usize) -> Group {
    let sizes = [2, 2, 3, 2, 4, 2, 3, 10, 2, 5];
    let folder = format!("photos/{}/{:02}", 2004 + i % 20, i % 12 + 1);
    let member = |j: usize| {
        let path = if i == 1 && j == 1 {
            format!("archive.tar#{folder}/{i}.jpg")
        } else {
            format!("{folder}/IMG_{:05}_{j}.jpg", i * 7 % 99_991)
        };
        let mut file = file(&path, seed + if kind == GroupKind::Bytes { 0 } else { j });
        (file.width, file.height) = [(1600, 1200), (28, 28), (640, 480), (300, 900)][i % 4];
        file.width -= if kind == GroupKind::Near && j > 0 { file.width / 10 * (j as u32 % 3) } else { 0 };
        file
    };
    let keeper = member(0);
    let similarity = |j: usize| if kind == GroupKind::Near { 0.999 - 0.004 * j as f32 } else { 1.0 };
    let mut duplicates: Vec<Duplicate> =
        (1..sizes[i % 10]).map(|j| duplicate(member(j), similarity(j))).collect();
    let also_kept = if i % 50 == 3 && duplicates.len() > 1 { vec![duplicates.remove(0)] } else { vec![] };
    if i % 17 == 16 {
        duplicates[0].turned = Some("mirrored".to_owned());
    }
    let mut labels: Vec<String> = std::iter::once(&keeper)
        .chain(duplicates.iter().map(|d| &d.file))
        .filter_map(|f| f.label.clone())
        .collect();
    labels.sort();
    labels.dedup();
    let conflicting_labels = if labels.len() > 1 && i % 9 == 8 { labels } else { vec![] };
    let diameter = if kind == GroupKind::Near { 0.004 * sizes[i % 10] as f32 } else { 0.0 };
    let (keep, medoid) = (keeper.path.clone(), duplicates[0].file.path.clone());
    let id = format!("g{i:06}");
    let reason = if i.is_multiple_of(3) {
        "original: camera EXIF, others re-encoded".to_owned()
    } else {
        "most pixels".to_owned()
    };
    Group { id, kind, keep, reason, keeper, also_kept, duplicates, diameter, medoid, conflicting_labels }
}

fn near_miss(i: usize, seed: usize) -> NearMiss {
    NearMiss {
        a: file(&format!("misses/{i}a.jpg"), seed + 2 * i),
        b: file(&format!("misses/{i}b.jpg"), seed + 2 * i + 1),
        distance: 9 + i as u32,
        similarity: 0.962 - i as f32 * 0.002,
    }
}

fn threshold() -> Threshold {
    let recall = [
        ("JPEG, quality 90", 1.0),
        ("JPEG, quality 50", 0.998),
        ("half the size", 1.0),
        ("quarter of the size", 0.971),
        ("cropped by 5%", 0.91),
        ("brighter", 0.988),
        ("greyscale", 0.999),
        ("a caption added", 0.642),
    ];
    let kind = |copy: &str| if copy.contains("caption") { GroupKind::Edited } else { GroupKind::Near };
    let recall = recall.map(|(copy, recall)| CopyRecall {
        copy: copy.to_owned(),
        kind: kind(copy),
        copies: 1000,
        recall,
    });
    Threshold {
        similarity: 0.9643,
        false_positive_rate: 1e-6,
        pairs_tested: 1_284_114,
        expected_false_pairs: Some(1.28),
        null_pairs: 200_000,
        null_largest: 0.9412,
        inliers: InlierNull { counts: 8, shipped: 8, own: Some(7), strangers: 12_000, largest: 5 },
        recall: recall.into(),
    }
}

/// So many groups, with 70 images for every 20 of them.
fn plan(n_groups: usize) -> Plan {
    let kind = |i: usize| GroupKind::ALL[(3 * i / n_groups.max(1)).min(2)];
    Plan {
        images: 4 * n_groups,
        base: PathBuf::from("/data/pictures"),
        threshold: threshold(),
        keep: ["resolution", "sidecar", "format", "quality", "bytes", "exif", "oldest", "shortest"]
            .map(str::to_owned)
            .to_vec(),
        groups: (0..n_groups).map(|i| group(i, kind(i), 10 * i)).collect(),
        near_misses: (0..n_groups.min(12)).map(|i| near_miss(i, 10 * n_groups)).collect(),
        damaged: Vec::new(),
        cameras_lost: 0,
        skipped: vec![Unread {
            path: "photos/broken <b>.jpg".into(),
            reason: "jpeg: the file ends too early (truncated)".into(),
        }],
    }
}

/// A landscape of its own for every hash: sky, sun, hills; noise as a camera has it.
fn landscape(file: &File) -> Option<Pixels> {
    let h: Vec<usize> = file.hash.as_bytes().iter().map(|&c| c as usize).collect();
    let longest = file.width.max(file.height).max(1);
    let [width, height] =
        [file.width, file.height].map(|side| (side * longest.min(160) / longest).max(1) as usize);
    let mut noise = h[3] * 7919 + h[5];
    let mut data = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let (fx, fy) = (x as f32 / width as f32, y as f32 / height as f32);
            let hill = |k: usize| {
                0.5 + 0.1 * k as f32 + 0.12 * (fx * (3.0 + h[k] as f32 / 20.0) + h[k + 1] as f32).sin()
            };
            let sun = (fx - h[7] as f32 / 128.0).hypot(fy - 0.25) < 0.09;
            let colour = match (fy > hill(2), fy > hill(0), sun) {
                (true, _, _) => [40 + h[8] % 40, 90 + h[9] % 60, 50],
                (_, true, _) => [90, 120 + h[10] % 50, 90 + h[11] % 60],
                (_, _, true) => [250, 225, 140],
                _ => [120 + h[12] + (fy * 60.0) as usize, 160 + h[13] % 50, 235],
            };
            noise = noise.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
            data.extend(colour.map(|c| (c + (noise >> 16) % 9).min(255) as u8));
        }
    }
    Some(Pixels { width, height, channels: 3, data })
}

fn write(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, page).expect("the page can be written");
}

/// The JSON of the page's block `id`.
fn block(page: &str, id: &str) -> Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let text = page
        .split(&start)
        .nth(1)
        .and_then(|rest| rest.split("</script>").next())
        .expect("the block is there");
    serde_json::from_str(text).expect("the block is JSON")
}

#[test]
fn whatever_files_are_called_the_page_holds_it_as_text() {
    let mut plan = plan(60);
    for (i, name) in HOSTILE.iter().enumerate() {
        let (keeper, near) =
            (file(&format!("hostile/{name}"), 5000 + 2 * i), file(&format!("copies/{name}"), 5001 + 2 * i));
        let (keep, id) = (keeper.path.clone(), format!("h{i}"));
        let duplicates = vec![duplicate(near, 0.991)];
        let conflicting_labels = vec!["<i>3</i>".to_owned(), "8".to_owned()];
        plan.groups.push(Group {
            id,
            kind: GroupKind::Near,
            medoid: keep.clone(),
            keep,
            reason: "<b>oldest</b>".to_owned(),
            keeper,
            also_kept: vec![],
            duplicates,
            diameter: 0.009,
            conflicting_labels,
        });
    }
    let page = html_report(&plan, &landscape, &PageOptions::default());
    write("report.html", &page);
    assert_eq!(page.matches("<script").count(), 3);
    assert_eq!(page.to_lowercase().matches("</script").count(), 3);
    for wrong in ["http://", "https://", "<img", "<b>bold"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
    let data = block(&page, "data");
    assert_eq!(data["groups"].as_array().map(Vec::len), Some(plan.groups.len()));
    let names: Vec<String> = data["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|row| {
            let folder = row[0].as_u64().expect("a number") as usize;
            format!("{}{}", data["folders"][folder].as_str().expect("text"), row[1].as_str().expect("text"))
        })
        .collect();
    for (group, row) in plan.groups.iter().zip(data["groups"].as_array().expect("groups")) {
        let others = group.also_kept.iter().chain(&group.duplicates).map(|d| &d.file.path);
        let expected: Vec<&String> = std::iter::once(&group.keep).chain(others).collect();
        let shown: Vec<&String> = row["files"]
            .as_array()
            .expect("files")
            .iter()
            .map(|n| &names[n.as_u64().expect("a number") as usize])
            .collect();
        assert_eq!(shown, expected);
    }
    let pictures = block(&page, "pictures");
    assert_eq!(pictures["side"], 256);
    let asked = |row: &Value| row[10].as_u64().map(|n| n as usize);
    let heads = pictures["heads"].as_array().expect("heads").len();
    for row in data["files"].as_array().expect("files") {
        let n = asked(row).expect("each file has a picture");
        assert!(pictures["tails"][n].is_string() && pictures["head_of"][n].as_u64() < Some(heads as u64));
    }
}

#[test]
fn the_same_plan_gives_the_same_page_and_without_pictures_one_too() {
    let plan = plan(30);
    let page = || html_report(&plan, &landscape, &PageOptions::default());
    assert_eq!(page(), page());
    let bare = html_report(&plan, &|_| None, &PageOptions::default());
    let data = block(&bare, "data");
    assert_eq!(data["pictureless"].as_u64(), data["files"].as_array().map(|files| files.len() as u64));
    let empty = html_report(
        &Plan { groups: vec![], near_misses: vec![], ..plan.clone() },
        &landscape,
        &PageOptions::default(),
    );
    assert_eq!(block(&empty, "data")["groups"].as_array().map(Vec::len), Some(0));
}

#[cfg(unix)]
#[test]
fn the_page_knows_where_the_files_are_and_what_differs() {
    let mut plan = plan(2);
    let region = Some([0.25, 0.5, 0.75, 1.0]);
    plan.groups[0].duplicates[0].region = region;
    let page = |folder: Option<&str>| {
        let options = PageOptions { folder: folder.map(PathBuf::from), ..PageOptions::default() };
        html_report(&plan, &landscape, &options)
    };
    let root = |folder| block(&page(folder), "data")["root"].clone();
    assert_eq!(root(Some("/data/pages")), "../pictures/");
    assert_eq!((root(Some("/data/pictures")), root(None)), ("".into(), Value::Null));
    let groups = block(&page(None), "data")["groups"].clone();
    assert_eq!(groups[0]["regions"][0], serde_json::json!([0.25, 0.5, 0.75, 1.0]));
    assert!(groups[1].get("regions").is_none());
    let policy = "default-src 'none'; img-src data: file: 'self'; style-src 'sha256-";
    assert!(page(None).contains(policy));
}

#[test]
fn pictures_get_smaller_and_fewer_before_the_page_gets_too_large() {
    let plan = plan(400);
    let of = |max_picture_bytes| {
        let options = PageOptions { max_picture_bytes, ..PageOptions::default() };
        let page = html_report(&plan, &landscape, &options);
        let (data, pictures) = (block(&page, "data"), block(&page, "pictures"));
        let tails = pictures["tails"].as_array().expect("tails");
        let bytes: usize = tails.iter().map(|tail| tail.as_str().map_or(0, str::len)).sum();
        assert!(bytes <= max_picture_bytes, "{bytes}");
        (pictures["side"].as_u64().unwrap_or(0), tails.len(), data["pictureless"].as_u64().unwrap_or(0))
    };
    let (side, all, pictureless) = of(15_000_000);
    assert_eq!((side, pictureless), (256, 0));
    assert!(matches!(of(450_000), (32 | 48 | 64, n, 0) if n == all), "{:?}", of(450_000));
    let (side, some, pictureless) = of(200_000);
    assert!(side == 32 && some < all && pictureless > 0, "{some} of {all}");
    assert_eq!(of(0).1, 0);

    let options = PageOptions { max_bytes: 200_000, ..PageOptions::default() };
    let page = html_report(&plan, &landscape, &options);
    let (data, n) = (block(&page, "data"), plan.groups.len() as u64);
    assert!(page.len() < 220_000, "{}", page.len());
    let shown = data["groups"].as_array().map_or(0, |groups| groups.len() as u64);
    assert!(shown > 0 && shown < n && data["more"]["groups"] == n - shown);
    let near = |kind: &Value| usize::from(kind == "near");
    let shown_near: usize =
        data["groups"].as_array().into_iter().flatten().map(|row| near(&row["kind"])).sum();
    assert_eq!(
        shown_near,
        plan.groups.iter().filter(|g| g.kind == GroupKind::Near).count(),
        "to be looked at"
    );
}

#[test]
fn seventy_thousand_images_make_a_page_below_twenty_megabytes() {
    let plan = plan(20_000);
    let members: usize = plan.groups.iter().map(|g| 1 + g.also_kept.len() + g.duplicates.len()).sum();
    assert_eq!(members, 70_000);
    // smaller pictures than the others': a test need not wait for more
    let small = |file: &File| {
        landscape(&File { width: file.width.min(48), height: file.height.min(48), ..file.clone() })
    };
    let page = html_report(&plan, &small, &PageOptions::default());
    write("report-large.html", &page);
    assert!(page.len() < 20_000_000, "{}", page.len());
    assert_eq!(block(&page, "data")["groups"].as_array().map(Vec::len), Some(20_000));
}
