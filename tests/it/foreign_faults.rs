//! Encoders that other programs made: outputs that must be pooled, element types that must be converted, and
//! encoders that are sound files and still of no use, or a danger: in training mode, without answers, without
//! end, without bounds.

use aesearch::model::{Description, Layout, Pool};

use crate::cli::Place;
use crate::fixtures::write;
use crate::foreign::{D, colour, convolution, draw, images, latents, load, refusal, write_model};
use crate::onnx::{
    BYTE, DOUBLE, FLOAT, FLOAT16, Graph, Message, int, int64s, ints, message, node, port, tensor,
};

fn none() -> Description {
    Description::default()
}

fn assert_near(found: &[f32], expected: &[f32], most: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < most, "{what}: {far}");
}

/// A scalar weight.
fn scalar(name: &str, value: f32) -> Message {
    tensor(name, &[]).bytes(9, value.to_le_bytes())
}

/// The encoder with other nodes behind its vector, which now is called `first`.
fn behind(nodes: Vec<Message>, weights: Vec<Message>) -> Graph {
    let mut graph = colour();
    graph.nodes.pop();
    graph.nodes.push(node("Flatten", &["pooled"], "first", &[int("axis", 1)]));
    graph.nodes.extend(nodes);
    graph.weights.extend(weights);
    graph
}

/// [N, T, D] of the convolution's places.
fn tokens() -> Graph {
    let mut graph = colour();
    graph.nodes.truncate(2);
    graph.nodes.push(node("Reshape", &["positive", "sizes"], "columns", &[]));
    graph.nodes.push(node("Transpose", &["columns"], "tokens", &[ints("perm", &[0, 2, 1])]));
    graph.weights.push(int64s("sizes", &[0, D, 14 * 14]));
    graph.outputs = vec![port("tokens", FLOAT, &[0, 14 * 14, D])];
    graph
}

fn maps(layout: Layout) -> Graph {
    let mut graph = convolution(&[0, 3, 16, 16], layout);
    if layout == Layout::Nhwc {
        graph = convolution(&[0, 16, 16, 3], layout);
    }
    graph.nodes.truncate(graph.nodes.len() - 2);
    graph.outputs = vec![port("positive", FLOAT, &[0, D, 14, 14])];
    if layout == Layout::Nhwc {
        graph.nodes.push(node("Transpose", &["positive"], "map", &[ints("perm", &[0, 2, 3, 1])]));
        graph.outputs = vec![port("map", FLOAT, &[0, 0, 0, D])];
    }
    graph
}

#[test]
fn tokens_and_maps_are_pooled() {
    let place = Place::empty();
    let image = images(3, 3 * 16 * 16);
    let expected = latents(&load(&write_model(&place, &colour()), none()).expect("loads"), &image);
    for layout in [Layout::Nchw, Layout::Nhwc] {
        let model = load(&write_model(&place, &maps(layout)), none()).expect("loads");
        assert_near(&latents(&model, &image), &expected, 1e-4, "map");
    }
    let pooled = |pool| Description { pool: Some(pool), ..none() };
    let with = |pool| {
        let model = load(&write_model(&place, &tokens()), pooled(pool)).expect("loads");
        latents(&model, &image)
    };
    assert_near(&with(Pool::Mean), &expected, 1e-4, "mean");
    let mut corner = colour(); // the first token alone
    corner.nodes.truncate(2);
    for (name, values) in [("from", [0, 0]), ("to", [1, 1]), ("axes", [2, 3])] {
        corner.weights.push(int64s(name, &values));
    }
    corner.nodes.push(node("Slice", &["positive", "from", "to", "axes"], "pooled", &[]));
    corner.nodes.push(node("Flatten", &["pooled"], "vector", &[int("axis", 1)]));
    let expected = latents(&load(&write_model(&place, &corner), none()).expect("loads"), &image);
    assert_near(&with(Pool::Cls), &expected, 1e-4, "cls");

    let text = refusal(&tokens(), none());
    assert!(
        text.contains("pool: expected mean or cls, as the output has several vectors per image"),
        "{text}"
    );
    assert!(text.contains("got [?, 196, 48] / set `description.pool`"), "{text}");
    let text = refusal(&colour(), pooled(Pool::Cls));
    assert!(text.contains("pool: expected none, as the output has one vector per image, got cls"), "{text}");
    let text = refusal(&maps(Layout::Nchw), pooled(Pool::Cls));
    assert!(text.contains("pool: expected mean, as the output is a map, got cls"), "{text}");
    let mut vague = tokens(); // where the file does not say how many dimensions there are
    vague.outputs =
        vec![message().bytes(1, "tokens").bytes(2, message().bytes(1, message().number(1, FLOAT)))];
    let said = Description { latent: Some(D as usize), ..pooled(Pool::Cls) };
    let model = load(&write_model(&place, &vague), said).expect("loads");
    assert_near(&latents(&model, &image), &expected, 1e-4, "cls of an open output");
}

#[test]
fn inputs_and_outputs_of_other_types_are_converted() {
    let place = Place::empty();
    let image: Vec<f32> = (0..3 * 768).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
    let at = |range| {
        let model = load(&write_model(&place, &colour()), Description { range, ..none() }).expect("loads");
        latents(&model, &image)
    };
    let cast = |from: &str, to: &str, element| node("Cast", &[from], to, &[int("to", element)]);
    let typed = |element, output| {
        let mut graph = behind(vec![cast("first", "vector", output)], vec![]);
        graph.nodes[0] = node("Conv", &["floats", "kernel"], "maps", &[]);
        graph.nodes.insert(0, cast("pixels", "floats", FLOAT));
        graph.inputs = vec![port("pixels", element, &[0, 3, 16, 16])];
        graph.outputs = vec![port("vector", output, &[0, D])];
        graph
    };
    for (element, output, range, most) in [
        (FLOAT16, FLOAT16, None, 0.02),
        (DOUBLE, DOUBLE, None, 1e-4),
        (BYTE, FLOAT, Some(255), 1e-2), // of numbers of some hundreds
        (FLOAT, FLOAT16, None, 0.02),
    ] {
        let model = load(&write_model(&place, &typed(element, output)), none()).expect("loads");
        assert_near(&latents(&model, &image), &at(range), most, &format!("{element} to {output}"));
    }
    let description = Description { mean: Some(vec![0.5]), ..none() };
    let text = refusal(&typed(BYTE, FLOAT), description);
    assert!(text.contains("range: expected 255, with no mean and std, as the input takes bytes"), "{text}");
}

#[test]
fn how_tokens_are_pooled_belongs_to_the_index() {
    let place = Place::empty();
    draw(&place, 40);
    write(&place.path().join("dino.onnx"), &tokens().file());
    place.run(&["index", "data", "--model", "dino.onnx"]).expect(2).says("set --model-pool");
    place
        .run(&["index", "data", "--model", "dino.onnx", "--model-pool", "max"])
        .expect(2)
        .says("mean or cls");
    write(&place.path().join("dino.toml"), b"pool = \"cls\"\n");
    place.run(&["index", "data", "--model", "dino.onnx", "--model-pool", "mean"]).expect(0);
    place.run(&["query", "data/00.png"]).expect(0);
    let other = place.run(&["query", "data/00.png", "--model-pool", "cls"]).expect(4);
    other.says("pool: expected \"mean\", got \"cls\"");
    assert!(place.run(&["info"]).expect(0).out.contains("mean of the tokens"));
    let shown = place.json(&["model", "show", "dino.onnx"]);
    assert_eq!(shown["format"]["pool"], "cls");
}

/// Indexing with this encoder fails, says so, and leaves no index behind.
fn assert_not_indexed(what: &str, graph: &Graph, said: &str) {
    let place = Place::empty();
    draw(&place, 12);
    write(&place.path().join("net.onnx"), &graph.file());
    let ran = place.run(&["index", "data", "--model", "net.onnx", "--threads", "1", "--max-memory", "500MB"]);
    assert!(ran.err.contains(said), "{what}: expected `{said}`, got:\n{}", ran.err);
    assert!(ran.err.contains("hint: "), "{what}:\n{}", ran.err);
    ran.expect(2);
    assert!(!place.path().join(".aesearch").exists(), "{what}: an index was left behind");
}

#[test]
fn encoders_in_training_mode_are_refused() {
    // as PyTorch exports a model without eval()
    let norm = ["pooled", "one", "zero", "zero", "one"];
    let ones = |name: &str, value: f32| {
        tensor(name, &[D]).bytes(9, (0..D).flat_map(|_| value.to_le_bytes()).collect::<Vec<u8>>())
    };
    let mut normed = colour();
    normed.nodes[3] = node("BatchNormalization", &norm, "normed", &[int("training_mode", 1)]);
    normed.nodes[3] = normed.nodes[3].clone().bytes(2, "mean").bytes(2, "var");
    normed.nodes.push(node("Flatten", &["normed"], "vector", &[int("axis", 1)]));
    normed.weights.extend([ones("one", 1.0), ones("zero", 0.0)]);
    let expected = "expected inference mode, got training mode";
    assert_not_indexed("batch norm", &normed, expected);
    let on = message().number(2, 9).bytes(8, "on").bytes(9, [1]);
    let dropout = behind(vec![node("Dropout", &["first", "", "on"], "vector", &[])], vec![on]);
    assert_not_indexed("dropout", &dropout, expected);

    // the same by plain operators, which only the images tell
    let mut by_hand = colour();
    by_hand.nodes.truncate(1);
    for (op, inputs, output, attributes) in [
        ("ReduceMean", &["maps"][..], "mean", vec![ints("axes", &[0, 2, 3])]),
        ("Sub", &["maps", "mean"], "centred", vec![]),
        ("Mul", &["centred", "centred"], "squares", vec![]),
        ("ReduceMean", &["squares"], "variance", vec![ints("axes", &[0, 2, 3])]),
        ("Sqrt", &["variance"], "deviation", vec![]),
        ("Div", &["centred", "deviation"], "normed", vec![]),
        ("Relu", &["normed"], "positive", vec![]),
        ("GlobalAveragePool", &["positive"], "pooled", vec![]),
        ("Flatten", &["pooled"], "vector", vec![int("axis", 1)]),
    ] {
        by_hand.nodes.push(node(op, inputs, output, &attributes));
    }
    assert_not_indexed("batch statistics", &by_hand, "expected the same for an image alone and in a batch");
}

#[test]
fn encoders_without_an_answer_are_refused() {
    let times = |value| behind(vec![node("Mul", &["first", "n"], "vector", &[])], vec![scalar("n", value)]);
    for value in [1e20, f32::NAN, f32::INFINITY] {
        assert_not_indexed(&value.to_string(), &times(value), "latents: expected finite numbers up to 1e15");
    }
    assert_not_indexed(
        "zeros",
        &times(0.0),
        "expected different ones for different images, got zeros for all",
    );
    let nodes =
        vec![node("Mul", &["first", "n"], "nothing", &[]), node("Add", &["nothing", "m"], "vector", &[])];
    let constant = behind(nodes, vec![scalar("n", 0.0), scalar("m", 3.0)]);
    assert_not_indexed(
        "the same",
        &constant,
        "expected different ones for different images, got the same for all",
    );

    // A single image without one is skipped.
    let place = Place::empty();
    draw(&place, 12);
    let black =
        aesearch::images::Pixels { data: vec![0; 20 * 20 * 3], ..crate::fixtures::picture(20, 20, 3) };
    aesearch::images::write_png(&place.path().join("data/black.png"), &black).expect("writes");
    let nodes = vec![
        node("ReduceMax", &["pixels"], "white", &[ints("axes", &[1, 2, 3]), int("keepdims", 0)]),
        node("Unsqueeze", &["white", "last"], "whites", &[]),
        node("Div", &["first", "whites"], "vector", &[]),
    ];
    write(&place.path().join("net.onnx"), &behind(nodes, vec![int64s("last", &[1])]).file());
    let ran = place.run(&["index", "data", "--model", "net.onnx"]).expect(3);
    ran.says("black.png").says("a latent with numbers that are not finite, or too large");
    assert_eq!(place.json(&["verify"])["ok"], true);
}

fn graph_attribute(name: &str, graph: Message) -> Message {
    message().bytes(1, name).bytes(6, graph).number(20, 5)
}

/// If within If, so many times.
fn nested(levels: usize) -> Graph {
    let body = |nodes: Vec<Message>, output: &str| {
        message().all(1, nodes).bytes(2, "g").bytes(12, port(output, FLOAT, &[0, D]))
    };
    let branch = |level: usize, name: &str, nodes: Vec<Message>| {
        let last = node("Identity", &["first"], &format!("{name}{level}"), &[]);
        body(if nodes.is_empty() { vec![last] } else { nodes }, &format!("{name}{level}"))
    };
    let inner = (0..levels).fold(branch(0, "then", vec![]), |inner, level| {
        let attributes = [
            graph_attribute("then_branch", inner),
            graph_attribute("else_branch", branch(level + 1, "else", vec![])),
        ];
        branch(level + 1, "then", vec![node("If", &["yes"], &format!("then{}", level + 1), &attributes)])
    });
    let attributes =
        [graph_attribute("then_branch", inner), graph_attribute("else_branch", branch(99, "else", vec![]))];
    let yes = message().number(2, 9).bytes(8, "yes").bytes(9, [1]);
    behind(vec![node("If", &["yes"], "vector", &attributes)], vec![yes])
}

#[test]
fn graphs_that_take_long_to_load_are_refused() {
    let place = Place::empty();
    let image = images(1, 768);
    let expected = latents(&load(&write_model(&place, &colour()), none()).expect("loads"), &image);
    let model = load(&write_model(&place, &nested(3)), none()).expect("loads");
    assert_near(&latents(&model, &image), &expected, 1e-4, "three deep");
    for levels in [10, 14, 20] {
        let text = refusal(&nested(levels), none());
        assert!(text.contains("at most 8 graphs or 32 functions within each other"), "{levels}: {text}");
    }
    let mut wide = nested(7);
    let last = wide.nodes.pop().expect("a node");
    wide.nodes.extend((0..2000).map(|i| node("Identity", &["first"], &format!("v{i}"), &[])));
    wide.nodes.push(last);
    load(&write_model(&place, &wide), none()).expect("what lies outside of nested graphs counts once");

    // Functions are written out where they are called: 2^15 nodes.
    let call = |i: usize, from: &str, to: &str| node(&format!("F{i}"), &[from], to, &[]).bytes(7, "mine");
    let opsets = [message().bytes(1, "").number(2, 17), message().bytes(1, "mine").number(2, 1)];
    let function = |i: usize| {
        let body = if i == 15 {
            vec![node("Relu", &["a"], "b", &[])]
        } else {
            vec![call(i + 1, "a", "t"), call(i + 1, "t", "b")]
        };
        let function = message().bytes(1, format!("F{i}")).bytes(10, "mine").bytes(4, "a").bytes(5, "b");
        function.all(7, body).all(9, opsets.clone())
    };
    let mut calling = behind(vec![call(0, "first", "vector")], vec![]);
    calling.functions = (0..16).map(function).collect();
    let text = refusal(&calling, none());
    assert!(text.contains("functions: expected at most 100000 nodes"), "{text}");
    calling.functions = (10..16).map(function).collect();
    *calling.nodes.last_mut().expect("a node") = call(10, "first", "vector");
    let model = load(&write_model(&place, &calling), none()).expect("loads");
    assert_near(&latents(&model, &image), &expected, 1e-4, "functions");
}

#[test]
fn tensors_of_gigabytes_are_refused_or_stopped() {
    // One from numbers in the file, one from computed numbers.
    let huge = |sizes: &[u64], nodes: Vec<Message>| {
        let last = [
            node("ConstantOfShape", &["shape"], "zeros", &[]),
            node("ReduceMean", &["zeros"], "mean", &[int("keepdims", 0)]),
            node("Add", &["first", "mean"], "vector", &[]),
        ];
        behind(nodes.into_iter().chain(last).collect(), vec![int64s("shape", sizes), int64s("half", sizes)])
    };
    let said = "ConstantOfShape: expected at most 268435456 numbers, got 1200000000";
    assert_not_indexed("in the file", &huge(&[40_000, 30_000], vec![]), said);
    let mut computed = huge(&[200, 170], vec![node("Mul", &["half", "half"], "shape", &[])]);
    computed.weights.retain(|weight| !weight.as_ref().windows(5).any(|name| name == b"shape"));
    load(&write_model(&Place::empty(), &computed), none()).expect("a sound file");
    if cfg!(target_os = "linux") {
        assert_not_indexed("computed", &computed, "memory: expected at most 476 MiB");
    }
}

#[cfg(unix)]
#[test]
fn the_first_interrupt_ends_an_encoder_that_does_not_end() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let same = |from: &str, to: &str| node("Identity", &[from], to, &[]);
    let flag = |name: &str| port(name, 9, &[]);
    let body = message()
        .all(1, [same("goes", "on"), same("was", "is")])
        .bytes(2, "body")
        .all(11, [port("i", 7, &[]), flag("goes"), port("was", FLOAT, &[0, D])])
        .all(12, [flag("on"), port("is", FLOAT, &[0, D])]);
    let weights = vec![
        message().number(2, 7).bytes(8, "most").bytes(9, (1_u64 << 62).to_le_bytes()),
        message().number(2, 9).bytes(8, "yes").bytes(9, [1]),
    ];
    let attributes = [graph_attribute("body", body)];
    let endless = behind(vec![node("Loop", &["most", "yes", "first"], "vector", &attributes)], weights);
    let place = Place::empty();
    draw(&place, 12);
    write(&place.path().join("net.onnx"), &endless.file());
    let mut command = place.command(&["index", "data", "--model", "net.onnx"]);
    let mut child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().expect("asked").is_none(), "it is at work");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    let start = Instant::now();
    let ended = loop {
        if let Some(status) = child.try_wait().expect("asked") {
            break status;
        }
        if start.elapsed() > Duration::from_secs(30) {
            child.kill().expect("killed");
            panic!("the first interrupt did not end it");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(130));
    assert!(!place.path().join(".aesearch").exists());
}
