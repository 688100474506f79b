//! Encoders that other programs made: every layout that is taken, what the index remembers of them, and every
//! file that is refused before ONNX Runtime sees it.
//!
//! The files are put together byte by byte, see `onnx`.

use std::fs;
use std::path::{Path, PathBuf};

use aesearch::encode::{EncodeOptions, Encoder};
use aesearch::images::write_png;
use aesearch::model::{Description, Layout, LoadOptions, Model, Size};
use aesearch::runtime::{Runtime, RuntimeOptions, ensure};

use crate::cli::{Place, assert_keys};
use crate::fixtures::{picture, write};
use crate::onnx::{FLOAT, Graph, Message, external, int, ints, message, node, port, tensor};

/// Latents of the encoder below.
pub(crate) const D: u64 = 48;

/// [D, 3, 3, 3]
fn kernel() -> Vec<u8> {
    let weight = |i: u64| (((i * 2_654_435_761) >> 7) % 2001) as f32 / 1000.0 - 1.0;
    (0..D * 27).flat_map(|i| weight(i).to_le_bytes()).collect()
}

/// A convolution, pooled to one vector per image: of any height and width; `dims` are those of its input.
pub(crate) fn convolution(dims: &[u64; 4], layout: Layout) -> Graph {
    let nhwc = layout == Layout::Nhwc;
    let turned = node("Transpose", &["pixels"], "planes", &[ints("perm", &[0, 3, 1, 2])]);
    let nodes = [
        node("Conv", &[if nhwc { "planes" } else { "pixels" }, "kernel"], "maps", &[]),
        node("Relu", &["maps"], "positive", &[]),
        node("GlobalAveragePool", &["positive"], "pooled", &[]),
        node("Flatten", &["pooled"], "vector", &[int("axis", 1)]),
    ];
    Graph {
        nodes: nhwc.then_some(turned).into_iter().chain(nodes).collect(),
        weights: vec![tensor("kernel", &[D, 3, 3, 3]).bytes(9, kernel())],
        inputs: vec![port("pixels", FLOAT, dims)],
        outputs: vec![port("vector", FLOAT, &[dims[0], D])],
        functions: vec![],
    }
}

pub(crate) fn colour() -> Graph {
    convolution(&[0, 3, 16, 16], Layout::Nchw)
}

/// Every value of the input is one of the latent: what was fed is seen.
fn flatten(dims: &[u64; 4], layout: Layout) -> Graph {
    let mut graph = convolution(dims, layout);
    graph.nodes = vec![node("Flatten", &["pixels"], "vector", &[int("axis", 1)])];
    graph.outputs = vec![port("vector", FLOAT, &[0, dims[1..].iter().product()])];
    graph
}

pub(crate) fn runtime() -> Runtime {
    ensure(&RuntimeOptions::from_env(), &()).expect("onnx runtime")
}

pub(crate) fn write_model(place: &Place, graph: &Graph) -> PathBuf {
    let path = place.path().join("model.onnx");
    write(&path, &graph.file());
    path
}

pub(crate) fn load(path: &Path, description: Description) -> aesearch::Result<Model> {
    let options = LoadOptions { description, ..LoadOptions::default() };
    Model::load_any(path.to_str().expect("UTF-8"), &options)
}

pub(crate) fn latents(model: &Model, images: &[f32]) -> Vec<f32> {
    let mut encoder = Encoder::new(&runtime(), model, &EncodeOptions::default()).expect("opens");
    encoder.encode(images).expect("encodes")
}

/// What loading the graph fails with, and its hint.
pub(crate) fn refusal(graph: &Graph, description: Description) -> String {
    let place = Place::empty();
    let error = load(&write_model(&place, graph), description).expect_err("is refused");
    format!("{error} / {}", error.hint().unwrap_or_default())
}

pub(crate) fn images(n: usize, values: usize) -> Vec<f32> {
    (0..n * values).map(|i| (i * 37 % 101) as f32 / 100.0).collect()
}

/// Pictures that differ, of some size that no model has.
pub(crate) fn draw(place: &Place, n: usize) {
    fs::create_dir_all(place.path().join("data")).expect("makes the folder");
    for i in 0..n {
        let mut pixels = picture(20, 20, 3);
        for (at, value) in pixels.data.iter_mut().enumerate() {
            *value = value.wrapping_add(((at * (i + 3)) % (29 + 5 * i)) as u8);
        }
        write_png(&place.path().join(format!("data/{i:02}.png")), &pixels).expect("writes");
    }
}

#[test]
fn values_go_in_by_range_mean_and_std_in_the_models_layout() {
    let place = Place::empty();
    let description = Description {
        mean: Some(vec![10.0, 20.0, 30.0]),
        std: Some(vec![2.0, 4.0, 0.5]),
        range: Some(255),
        ..Description::default()
    };
    let image = images(2, 3 * 4 * 6);
    let by_hand = |i: usize, c: usize, at: usize| {
        (image[(i * 3 + c) * 24 + at] * 255.0 - [10.0, 20.0, 30.0][c]) / [2.0, 4.0, 0.5][c]
    };
    for (layout, dims) in [(Layout::Nchw, [0, 3, 4, 6]), (Layout::Nhwc, [0, 4, 6, 3])] {
        let model = load(&write_model(&place, &flatten(&dims, layout)), description.clone()).expect("loads");
        let format = &model.foreign.as_ref().expect("another program's").format;
        assert_eq!((format.layout, format.size), (layout, Size { height: 4, width: 6 }));
        let seen = latents(&model, &image);
        for (i, seen) in seen.chunks_exact(72).enumerate() {
            for (k, seen) in seen.iter().enumerate() {
                let (c, at) = if layout == Layout::Nchw { (k / 24, k % 24) } else { (k % 3, k / 3) };
                assert!((seen - by_hand(i, c, at)).abs() < 1e-3, "{layout}, image {i}, value {k}: {seen}");
            }
        }
    }
}

#[test]
fn layouts_batches_and_shapes_of_the_output_make_no_difference() {
    let place = Place::empty();
    let image = images(5, 3 * 16 * 16);
    let expected =
        latents(&load(&write_model(&place, &colour()), Description::default()).expect("loads"), &image);
    assert_eq!(expected.len(), 5 * D as usize);
    let mut pooled = colour();
    pooled.nodes.pop();
    pooled.outputs = vec![port("pooled", FLOAT, &[0, D, 1, 1])];
    let mut several = colour();
    several.outputs.insert(0, port("maps", FLOAT, &[0, D, 14, 14]));
    several.nodes.push(node("Shape", &["maps"], "sizes", &[]));
    several.outputs.push(port("sizes", 7, &[4]));
    let mut listed = colour(); // as files before IR version 4 have it
    listed.inputs.push(port("kernel", FLOAT, &[D, 3, 3, 3]));
    for (what, graph) in [
        ("nhwc", convolution(&[0, 16, 16, 3], Layout::Nhwc)),
        ("one at a time", convolution(&[1, 3, 16, 16], Layout::Nchw)),
        ("two at a time", convolution(&[2, 3, 16, 16], Layout::Nchw)),
        ("[N, D, 1, 1]", pooled),
        ("several outputs", several),
        ("weights among the inputs", listed),
    ] {
        let model = load(&write_model(&place, &graph), Description::default()).expect(what);
        let found = latents(&model, &image);
        assert_eq!(found.len(), expected.len(), "{what}");
        let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-4, "{what}: {far}");
    }
}

#[test]
fn what_the_file_leaves_open_must_be_said_and_may_not_be_contradicted() {
    let open = convolution(&[0, 3, 0, 0], Layout::Nchw);
    let none = Description::default;
    let size = Some(Size { height: 16, width: 24 });
    let text = refusal(&open, none());
    assert!(
        text.contains("size: expected a number, got none") && text.contains("set `description.size`"),
        "{text}"
    );
    let place = Place::empty();
    let model = load(&write_model(&place, &open), Description { size, ..none() }).expect("loads");
    assert_eq!((model.metadata.input.height, model.metadata.input.width), (16, 24));
    assert_eq!((model.metadata.bits, model.metadata.latent_size), (48, 48));
    assert_eq!(latents(&model, &images(1, 3 * 16 * 24)).len(), 48);

    let everything_open = convolution(&[0, 0, 0, 0], Layout::Nchw);
    assert!(refusal(&everything_open, none()).contains("set `description.layout`"));
    let layout = Some(Layout::Nchw);
    assert!(
        refusal(&everything_open, Description { layout, size, ..none() })
            .contains("set `description.channels`")
    );
    let mut unknown = open.clone();
    unknown.outputs = vec![port("vector", FLOAT, &[0, 0])];
    assert!(refusal(&unknown, Description { size, ..none() }).contains("set `description.latent`"));

    for (description, expected) in [
        (
            Description { size, ..none() },
            "size: expected 16, as the graph has it, got 24 in `description.size`",
        ),
        (Description { channels: Some(1), ..none() }, "channels: expected 3, as the graph has it, got 1"),
        (
            Description { layout: Some(Layout::Nhwc), ..none() },
            "channels: expected 1 (grey) or 3 (colour), got 16",
        ),
        (
            Description { input: Some("x".into()), ..none() },
            "input: expected pixels, as the graph has it, got x",
        ),
        (Description { output: Some("x".into()), ..none() }, "output: expected one of vector, got x"),
        (Description { latent: Some(7), ..none() }, "latent: expected 48, as the graph has it, got 7"),
        (Description { bits: Some(49), ..none() }, "bits: expected 32 to 48, got 49"),
        (Description { range: Some(2), ..none() }, "range: expected 1 or 255, got 2"),
        (
            Description { mean: Some(vec![1.0; 2]), ..none() },
            "mean: expected 1 or 3 finite numbers, got [1.0, 1.0]",
        ),
        (Description { mean: Some(vec![f32::NAN]), ..none() }, "mean: expected 1 or 3 finite"),
        (Description { std: Some(vec![0.0]), ..none() }, "std: expected numbers above 0, got 0"),
    ] {
        let text = refusal(&colour(), description);
        assert!(text.contains(expected), "expected `{expected}`, got `{text}`");
    }
}

#[test]
fn graphs_that_are_no_encoders_of_images_are_refused() {
    let with = |change: &dyn Fn(&mut Graph)| {
        let mut graph = colour();
        change(&mut graph);
        refusal(&graph, Description::default())
    };
    let numbers = with(&|graph| graph.inputs = vec![port("pixels", 7, &[0, 3, 16, 16])]);
    assert!(
        numbers.contains("pixels: expected float32, float16, float64, uint8, got int64")
            && numbers.contains("export the model"),
        "{numbers}"
    );
    let bytes = with(&|graph| graph.outputs = vec![port("vector", 2, &[0, D])]);
    assert!(bytes.contains("vector: expected float32, float16, float64, got uint8"), "{bytes}");
    let two = with(&|graph| graph.inputs.push(port("tokens", 7, &[0, 77])));
    assert!(two.contains("inputs: expected one, the image, got 2 (pixels, tokens)"), "{two}");
    let flat = with(&|graph| graph.inputs = vec![port("pixels", FLOAT, &[0, 768])]);
    assert!(flat.contains("input pixels: expected 4 dimensions"), "{flat}");
    let deep = with(&|graph| graph.outputs = vec![port("maps", FLOAT, &[0, D, 14, 14, 2])]);
    assert!(deep.contains("output maps: expected one vector per image, [N, D], or"), "{deep}");
    assert!(deep.contains("got [?, 48, 14, 14, 2]"), "{deep}");
    let vague = with(&|graph| graph.outputs.push(port("pooled", FLOAT, &[0, D])));
    assert!(vague.contains("got 2 (vector, pooled)") && vague.contains("`description.output`"), "{vague}");
    let few = with(&|graph| graph.outputs = vec![port("vector", FLOAT, &[0, 10])]);
    assert!(few.contains("latent: expected 32 to 16384 numbers per image, got 10"), "{few}");
}

#[test]
fn custom_operators_are_refused_wherever_they_hide() {
    let custom = || node("Evil", &["pooled"], "vector", &[]).bytes(7, "mine");
    let graph = |inner: Message| message().bytes(1, inner).bytes(2, "inner");
    let holding = |inner: Message| {
        node("Identity", &["pooled"], "vector", &[message().bytes(1, "body").bytes(6, inner)])
    };
    let function = |body: Message| message().bytes(1, "Evil").bytes(10, "mine").bytes(7, body);
    let call = |name: &str| node(name, &["a"], "b", &[]).bytes(7, "mine");
    let with = |last: Message, functions: Vec<Message>| {
        let mut graph = colour();
        graph.nodes.pop();
        graph.nodes.push(last);
        Graph { functions, ..graph }
    };
    for (what, graph) in [
        ("plainly", with(custom(), vec![])),
        ("in a subgraph", with(holding(graph(custom())), vec![])),
        ("two deep", with(holding(graph(holding(graph(custom())))), vec![])),
        ("in a function", with(custom(), vec![function(call("Other"))])),
        (
            "in a function nobody calls",
            with(node("Flatten", &["pooled"], "vector", &[]), vec![function(call("Other"))]),
        ),
        (
            "another file",
            with(node("EPContext", &["pooled"], "vector", &[]).bytes(7, "com.microsoft"), vec![]),
        ),
    ] {
        let text = refusal(&graph, Description::default());
        assert!(
            text.contains("expected those that ONNX Runtime has built in, got a custom one"),
            "{what}: {text}"
        );
    }
    let deep = (0..40).fold(node("Relu", &["a"], "b", &[]), |inner, _| holding(graph(inner)));
    let text = refusal(&with(deep, vec![]), Description::default());
    assert!(text.contains("at most 8 graphs or 32 functions within each other"), "{text}");
    let endless = refusal(&with(custom(), vec![function(call("Evil"))]), Description::default());
    assert!(endless.contains("32 functions within each other"), "{endless}");

    // Ten functions that each call the next one ten times: little to read, too much to write out.
    let named = |i: usize| format!("F{i}");
    let calling =
        |i: usize| message().bytes(1, named(i)).bytes(10, "mine").all(7, vec![call(&named(i + 1)); 10]);
    let leaf = message().bytes(1, named(10)).bytes(10, "mine").bytes(7, node("Relu", &["a"], "b", &[]));
    let large = with(call("F0"), (0..10).map(calling).chain([leaf]).collect());
    let text = refusal(&large, Description::default());
    assert!(text.contains("expected at most"), "{text}");

    // A function that the file itself defines is no custom operator.
    let body = node("Flatten", &["a"], "b", &[int("axis", 1)]);
    let defined = message().bytes(1, "Evil").bytes(10, "mine").bytes(4, "a").bytes(5, "b").bytes(7, body);
    let defined = defined.bytes(9, message().bytes(1, "").number(2, 17));
    let place = Place::empty();
    let model =
        load(&write_model(&place, &with(custom(), vec![defined])), Description::default()).expect("loads");
    assert_eq!(latents(&model, &images(1, 768)).len(), D as usize);
}

#[test]
fn weights_may_lie_beside_the_file_but_nowhere_else() {
    let place = Place::empty();
    let image = images(3, 768);
    let whole = load(&write_model(&place, &colour()), Description::default()).expect("loads");
    let expected = latents(&whole, &image);
    let kernel = kernel();
    let at = |location: &str| Graph {
        weights: vec![external("kernel", &[D, 3, 3, 3], location, [64, kernel.len()])],
        ..colour()
    };
    let folder = place.path().join("models");
    let path = folder.join("clip.onnx");
    let shifted = [&[0; 64][..], &kernel].concat();
    write(&folder.join("clip.onnx.data"), &shifted);
    write(&folder.join("deep/er.bin"), &shifted);
    write(&place.path().join("outside.bin"), &shifted);
    let mut identities = vec![whole.sha256];
    for location in ["clip.onnx.data", "deep/er.bin"] {
        write(&path, &at(location).file());
        let model = load(&path, Description::default()).expect(location);
        assert_eq!(latents(&model, &image), expected, "{location}");
        assert!(!identities.contains(&model.sha256), "{location}: another file, the same identity");
        identities.push(model.sha256);
    }
    let mut other = shifted.clone();
    other[100] ^= 1;
    write(&folder.join("clip.onnx.data"), &other);
    write(&path, &at("clip.onnx.data").file());
    let changed = load(&path, Description::default()).expect("loads");
    assert!(!identities.contains(&changed.sha256), "weights are part of the identity");

    let absolute = place.path().join("outside.bin").to_str().expect("UTF-8").to_owned();
    let refused = |location: &str| {
        write(&path, &at(location).file());
        load(&path, Description::default()).expect_err(location).to_string()
    };
    for location in ["../outside.bin", "deep/../../outside.bin", &absolute, "", "./clip.onnx.data"] {
        let text = refused(location);
        assert!(text.contains("got one that leads elsewhere, or around"), "{location}: {text}");
    }
    for location in ["none.bin", "deep"] {
        let text = refused(location);
        assert!(text.contains("expected a file"), "{location}: {text}");
    }
    assert!(refused("*/_ORT_MEM_ADDR_/*").contains("got an address in memory"));
    write(&folder.join("short.bin"), &shifted[..100]);
    assert!(refused("short.bin").contains(&format!("expected at least {} bytes, got 100", shifted.len())));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../outside.bin", folder.join("link.bin")).expect("links");
        assert!(refused("link.bin").contains("a link that leads out of it"));
        std::os::unix::fs::symlink("..", folder.join("up")).expect("links");
        assert!(refused("up/outside.bin").contains("a link that leads out of it"));
    }
    let mut hidden = colour();
    let constant =
        message().bytes(1, "value").bytes(5, external("k", &[1], "../outside.bin", [0, 4])).number(20, 4);
    hidden.nodes.push(node("Constant", &[], "unused", &[constant]));
    let text = refusal(&hidden, Description::default());
    assert!(text.contains("expected it for weights of the main graph only"), "{text}");
}

#[test]
fn files_that_are_too_large_are_refused_by_their_size() {
    let place = Place::empty();
    let kernel = kernel();
    let graph =
        Graph { weights: vec![external("kernel", &[D, 3, 3, 3], "w.bin", [0, kernel.len()])], ..colour() };
    write(&place.path().join("w.bin"), &kernel);
    let path = write_model(&place, &graph);
    let own = fs::metadata(&path).expect("is there").len();
    let total = own + kernel.len() as u64;
    let load = |max_bytes| {
        let options = LoadOptions { max_bytes, ..LoadOptions::default() };
        Model::load_any(path.to_str().expect("UTF-8"), &options).map_err(|error| error.to_string())
    };
    assert_eq!(load(total).expect("fits").foreign.expect("another program's").bytes, total);
    for max in [total - 1, own] {
        let text = load(max).expect_err("too large");
        assert!(text.contains("w.bin: size: expected at most"), "{text}");
    }
    assert!(load(own - 1).expect_err("too large").contains("model.onnx: size: expected at most"));
    place.run(&["model", "show", "model.onnx", "--max-model-size", "1kB"]).expect(2).says("--max-model-size");
}

#[test]
fn damaged_files_are_errors_and_nothing_worse() {
    let place = Place::empty();
    let file = colour().file();
    let path = place.path().join("model.onnx");
    for end in (0..file.len()).step_by(61) {
        write(&path, &file[..end]);
        assert!(load(&path, Description::default()).is_err(), "cut at {end}");
    }
    // Outside of the weights each bit means something; whatever it becomes, it is told.
    for bit in (0..8 * 400).chain(8 * (file.len() - 120)..8 * file.len()).step_by(3) {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        write(&path, &file);
        let _ = load(&path, Description::default());
    }
    let mut other = file.clone();
    other[4..8].copy_from_slice(b"ORTM");
    write(&path, &other);
    assert!(load(&path, Description::default()).expect_err("refused").to_string().contains("own format"));
}

#[test]
fn an_index_remembers_how_its_model_is_fed() {
    let place = Place::empty();
    draw(&place, 40);
    write(&place.path().join("clip.onnx"), &convolution(&[0, 3, 0, 0], Layout::Nchw).file());
    place.run(&["index", "data", "--model", "clip.onnx"]).expect(2).says("set --model-size");
    assert!(!place.path().join(".aesearch").exists(), "a failed run leaves no index behind");
    let described =
        ["--model-size", "16", "--model-mean", "0.5", "--model-std", "0.2,0.3,0.4", "--model-bits", "32"];
    let indexed = place.json(&[&["index", "data", "--model", "clip.onnx"][..], &described].concat());
    assert_eq!((indexed["images"].as_u64(), indexed["model"]["bits"].as_u64()), (Some(40), Some(32)));
    assert_eq!(indexed["model"]["name"], "clip");

    for i in [0, 7, 39] {
        let path = format!("data/{i:02}.png");
        let hit = &place.json(&["query", &path])["queries"][0]["hits"][0];
        assert_eq!((hit["distance"].as_u64(), hit["path"].as_str()), (Some(0), Some(path.as_str())), "{hit}");
    }
    assert_eq!(place.json(&["index", "data"])["unchanged"], 40);
    assert_eq!(place.json(&["index", "data", "--model", "clip.onnx"])["unchanged"], 40);
    let eval = place.json(&["eval"]);
    assert_keys(&eval, &["recall_10", "without_labels"]);
    assert!(eval["without_labels"]["reconstruction_loss"].is_null());
    let info = place.json(&["info"]);
    assert_eq!(info["model"]["format"]["std"], serde_json::json!([0.2, 0.3, 0.4]), "{info}");
    assert!(place.run(&["info"]).expect(0).out.contains("16x16x3 as nchw, 0 to 1, mean [0.5, 0.5, 0.5]"));

    let other = place.run(&["query", "data/00.png", "--model-mean", "0.4"]).expect(4);
    other.says("model clip: mean: expected [0.5,0.5,0.5], got [0.4").says("hint:");
    fs::rename(place.path().join("clip.onnx"), place.path().join("moved.onnx")).expect("moves");
    place.run(&["query", "data/00.png"]).expect(2).says("pass its new path as --model");
    place.run(&["query", "data/00.png", "--model", "moved.onnx"]).expect(0);
    place.run(&["eval", "--model", "moved.onnx"]).expect(0);
    write(&place.path().join("moved.onnx"), &colour().file());
    place.run(&["query", "data/00.png", "--model", "moved.onnx"]).expect(4).says("sha256: expected");
}

#[test]
fn a_toml_file_beside_the_model_describes_it() {
    let place = Place::empty();
    let write_toml = |text: &str| write(&place.path().join("net.toml"), text.as_bytes());
    write(&place.path().join("net.onnx"), &convolution(&[1, 0, 0, 3], Layout::Nhwc).file());
    write_toml("size = [16, 24]\nmean = [0.1, 0.2, 0.3]\nstd = 0.5\n");
    place.run(&["model", "show", "net.onnx"]).expect(2).says("net.toml").says("std");
    write_toml("size = [16, 24]\nmean = [0.1, 0.2, 0.3]\nstd = [0.5]\nrange = 255\nbits = 40\n");
    let shown = place.json(&["model", "show", "net.onnx", "--model-bits", "36"]);
    let expected = serde_json::json!({
        "size": [16, 24], "channels": 3, "layout": "nhwc", "range": 255, "input": "pixels", "output": "vector",
        "latent": 48, "bits": 36, "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5],
    });
    assert_eq!(shown["format"], expected);
    for (key, value) in
        [("input", serde_json::json!([16, 24, 3])), ("batch", 1.into()), ("name", "net".into())]
    {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_keys(&shown, &["latent_size", "bits", "binarizer", "files", "sha256", "bytes", "place"]);
    let text = place.run(&["model", "show", "net.onnx"]).expect(0).out;
    for part in [
        "pixels, 16x24x3 as nhwc",
        "0.1, 0.2, 0.3",
        "vector, 48 numbers",
        "40 bits fitted to",
        "fixed: 1 image",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    write_toml("size = 16\nmeen = [0.1]\n");
    place.run(&["model", "show", "net.onnx"]).expect(2).says("net.toml").says("meen");
    write_toml("size = \"large\"\n");
    place.run(&["model", "show", "net.onnx"]).expect(2).says("expected a side such as 224");
}

#[test]
fn twins_of_either_layout_give_the_same_codes() {
    let place = Place::empty();
    draw(&place, 40);
    write(&place.path().join("a.onnx"), &colour().file());
    write(&place.path().join("b.onnx"), &convolution(&[0, 16, 16, 3], Layout::Nhwc).file());
    let hits = |name: &str| {
        let model = format!("{name}.onnx");
        place.run(&["index", "data", "--index", name, "--model", &model]).expect(0);
        let answer =
            place.json(&["query", "data/03.png", "--index", name, "--exact", "--rerank", "0", "-k", "40"]);
        let hits = answer["queries"][0]["hits"].as_array().expect("hits").clone();
        hits.iter().map(|hit| (hit["path"].to_string(), hit["distance"].as_u64())).collect::<Vec<_>>()
    };
    let (a, b) = (hits("a"), hits("b"));
    assert_eq!(a.len(), 40);
    assert_eq!(a, b);
}

#[test]
fn verbs_that_need_more_than_an_encoder_say_why_they_refuse() {
    let place = Place::with_digits();
    write(&place.path().join("net.onnx"), &colour().file());
    for args in [
        &["reconstruct", "7.png", "-o", "x.png", "--model", "net.onnx"][..],
        &["denoise", "7.png", "-o", "x", "--model", "net.onnx"],
        &["latent", "digits", "-o", "x.png", "--model", "net.onnx"],
        &["sample", "-o", "x.png", "--model", "net.onnx"],
        &["train", "digits", "-o", "x", "--from", "net.onnx"],
    ] {
        place.run(args).expect(2).says("expected a model made by `aesearch train`").says("hint:");
    }
    place.run(&["model", "show", "digits-64", "--model-size", "28"]).expect(2).says("this model has its own");
    let help = place.run(&["index", "--help"]).expect(0).out;
    assert!(help.contains("Bring your own model") && help.contains("--max-model-size"), "{help}");
}

#[test]
fn a_model_that_was_added_is_found_by_its_name() {
    let place = Place::empty();
    draw(&place, 40);
    let library = runtime().library().to_path_buf();
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        command.env("AESEARCH_DATA_DIR", place.path().join("here")).arg("--ort-lib").arg(&library);
        crate::cli::Ran::from(command.output().expect("it starts"))
    };
    let json = |args: &[&str]| -> serde_json::Value {
        let ran = run(&[args, &["--json"]].concat()).expect(0);
        serde_json::from_str(&ran.out).expect("a document")
    };
    let kernel = kernel();
    let weights = vec![external("kernel", &[D, 3, 3, 3], "sub/w.bin", [0, kernel.len()])];
    write(
        &place.path().join("far/net.onnx"),
        &Graph { weights, ..convolution(&[0, 3, 0, 0], Layout::Nchw) }.file(),
    );
    write(&place.path().join("far/sub/w.bin"), &kernel);
    write(&place.path().join("far/net.toml"), b"size = [16, 24]\nmean = [0.1, 0.498, 0.3]\nbits = 40\n");
    let add = ["model", "add", "far/net.onnx", "--name", "clip", "--model-std", "0.25"];
    let added = json(&add);
    assert_eq!((added["command"].as_str(), added["name"].as_str()), (Some("model add"), Some("clip")));
    assert_eq!(added["format"]["mean"], serde_json::json!([0.1, 0.498, 0.3]));
    fs::remove_dir_all(place.path().join("far")).expect("goes");

    assert_eq!(json(&["model", "show", "clip"])["format"], added["format"]);
    let listed = json(&["model", "list"]);
    let names: Vec<&str> =
        listed["models"].as_array().expect("a list").iter().filter_map(|m| m["name"].as_str()).collect();
    assert!(names.contains(&"clip") && names.contains(&"digits-64"), "{names:?}");
    let indexed = json(&["index", "data", "--model", "clip"]);
    assert_eq!((indexed["images"].as_u64(), indexed["model"]["bits"].as_u64()), (Some(40), Some(40)));
    assert_eq!(json(&["query", "data/07.png"])["queries"][0]["hits"][0]["path"], "data/07.png");
    assert_eq!(json(&["index", "data"])["unchanged"], 40);

    // a file of that name goes first, and a folder too
    write(&place.path().join("clip"), &colour().file());
    assert_eq!(json(&["model", "show", "clip"])["format"]["size"], serde_json::json!([16, 16]));
    run(&["model", "add", "clip", "--name", "clip"])
        .expect(2)
        .says("expected a new name")
        .says("--force replaces it");
    assert_eq!(json(&["model", "add", "clip", "--name", "clip", "--force"])["format"]["bits"], 48);
    fs::remove_file(place.path().join("clip")).expect("goes");
    assert_eq!(json(&["model", "show", "clip"])["format"]["bits"], 48);
    run(&["query", "data/07.png"]).expect(4).says("sha256: expected");

    for name in ["digits-64", "auto", "", "../x", "a/b", ".x", "-x"] {
        let name = format!("--name={name}");
        run(&["model", "add", "here/models/clip/encoder.onnx", &name]).expect(2).says("--name: expected");
    }
    let mut nothing = colour();
    nothing.nodes[1] = node("Sub", &["maps", "maps"], "positive", &[]);
    write(&place.path().join("nothing.onnx"), &nothing.file());
    run(&["model", "add", "nothing.onnx", "--name", "nothing"]).expect(2).says("got zeros for all");
    let left: Vec<_> = fs::read_dir(place.path().join("here/models")).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
