//! Tests of finding, refusing and loading the library, and of running graphs with it.

use std::fs;

use super::*;

fn options(data: &Path) -> RuntimeOptions {
    RuntimeOptions {
        data_dir: data.to_path_buf(),
        pythons: Vec::new(),
        system: false,
        ..RuntimeOptions::from_lookup(|_| None)
    }
}

#[test]
fn a_library_whose_name_states_an_old_version_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libonnxruntime.so.1.20.1");
    fs::write(&path, b"").unwrap();
    let error = load(&given(dir.path()).unwrap()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("expected version 1.24 or a newer 1.x, got 1.20.1"), "{message}");
    assert!(error.hint().is_some());
}

#[test]
fn a_named_library_that_is_missing_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_path_buf(), dir.path().join("absent.so")] {
        let error = given(&path).unwrap_err();
        assert!(error.to_string().contains("expected a library, got nothing there"), "{error}");
    }
}

#[test]
fn what_was_found_and_refused_stands_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let folder = find::data_folder(&options(dir.path()), false);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("libonnxruntime.so.1.19.0"), b"").unwrap();
    let error = find_or_fetch(&RuntimeOptions { offline: true, ..options(dir.path()) }, &()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("forbids fetching") && message.contains("got 1.19.0"), "{message}");
}

#[test]
fn candidates_come_first_and_one_that_is_too_old_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let folder = find::data_folder(&options(dir.path()), false);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("libonnxruntime.so.1.19.0"), b"").unwrap();
    let own = dir.path().join("capi");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("libonnxruntime.so.1.18.1"), b"").unwrap();
    let options = RuntimeOptions { offline: true, candidates: vec![own], ..options(dir.path()) };
    let message = find_or_fetch(&options, &()).unwrap_err().to_string();
    let [own, fetched] = ["1.18.1", "1.19.0"].map(|version| message.find(&format!("got {version}")).unwrap());
    assert!(own < fetched, "{message}");
}

#[test]
fn the_advice_about_a_fetched_library_is_to_fetch_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = find::data_folder(&options(dir.path()), false);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("libonnxruntime.so.1.24.4"), b"damaged").unwrap();
    let error = find_or_fetch(&options(dir.path()), &()).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("`runtime::install`") && hint.contains(folder.to_str().unwrap()), "{hint}");
    assert!(!hint.contains("runtime.library"), "{hint}");
}

/// The library as users get it, fetched where this machine has none.
fn runtime() -> Runtime {
    ensure(&RuntimeOptions::from_env(), &()).unwrap()
}

/// `y [N, 2] = x [N, 2] + step [2]`, an ONNX file spelled out in bytes.
fn adding_model() -> Vec<u8> {
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(body.len()).unwrap()], body].concat()
    }
    let tensor = |name: &str, dims: &[Vec<u8>]| {
        let shape: Vec<u8> = dims.iter().flat_map(|dim| field(1, dim)).collect();
        let float = [&[1 << 3, 1][..], &field(2, &shape)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &float))].concat()
    };
    let (any, two) = (field(2, b"N"), vec![1 << 3, 2]);
    let node = [field(1, b"x"), field(1, b"step"), field(2, b"y"), field(4, b"Add")].concat();
    let graph = [
        field(1, &node),
        field(2, b"g"),
        field(11, &tensor("x", &[any.clone(), two.clone()])),
        field(11, &tensor("step", std::slice::from_ref(&two))),
        field(12, &tensor("y", &[any, two])),
    ]
    .concat();
    let opset = [field(1, b""), vec![2 << 3, 17]].concat();
    [vec![1 << 3, 8], field(7, &graph), field(8, &opset)].concat()
}

#[test]
fn a_graph_runs_on_slices_and_on_its_own_outputs() {
    let mut session = runtime().session(&adding_model(), &SessionOptions::default()).unwrap();
    assert_eq!(session.input_names(), ["x", "step"]);
    assert_eq!(session.output_names(), ["y"]);
    assert_ne!(session.device(), Device::Auto);

    let step = Tensor::new(&[2], vec![10.0, 20.0]).unwrap();
    let x = [1.0, 2.0, 3.0, 4.0];
    let mut y = session.run(&[("x", Input::Slice(&[2, 2], &x)), ("step", Input::Tensor(&step))]).unwrap();
    for _ in 0..2 {
        y = session.run(&[("x", Input::Tensor(&y[0])), ("step", Input::Tensor(&step))]).unwrap();
    }
    assert_eq!(y[0].shape(), [2, 2]);
    assert_eq!(y[0].data(), [31.0, 62.0, 33.0, 64.0]);
    drop(session);
    assert_eq!(y[0].data()[0], 31.0, "a tensor outlives its session");

    let empty = runtime()
        .session(&adding_model(), &SessionOptions::default())
        .unwrap()
        .run(&[("x", Input::Slice(&[0, 2], &[])), ("step", Input::Tensor(&step))]);
    assert_eq!(empty.unwrap()[0].data(), [0.0; 0]);
}

#[test]
fn wrong_inputs_and_wrong_models_are_errors() {
    let runtime = runtime();
    let mut session = runtime.session(&adding_model(), &SessionOptions::default()).unwrap();
    let step = Input::Slice(&[2], &[0.0, 0.0]);
    let wrong: [&[(&str, Input<'_>)]; 5] = [
        &[],
        &[("x", step)],
        &[("z", step), ("step", step)],
        &[("x", Input::Slice(&[3, 2], &[0.0; 4])), ("step", step)],
        &[("x", Input::Slice(&[2, 3], &[0.0; 6])), ("step", step)],
    ];
    for inputs in wrong {
        assert!(matches!(session.run(inputs), Err(Error::Runtime(_))), "{inputs:?}");
    }
    assert!(Tensor::new(&[3], vec![0.0]).is_err());
    for model in [&b""[..], b"not a model", &adding_model()[..20]] {
        assert!(matches!(runtime.session(model, &SessionOptions::default()), Err(Error::Runtime(_))));
    }
}

#[test]
fn cuda_without_the_provider_says_how_to_get_it() {
    let runtime = runtime();
    if runtime.has_cuda() {
        return; // the library in use has it; there is nothing to refuse
    }
    let options = SessionOptions { device: Device::Cuda(0), ..SessionOptions::default() };
    let error = runtime.session(&adding_model(), &options).unwrap_err();
    assert!(error.hint().unwrap().contains("`runtime::install` with `runtime.cuda`"), "{error}");
    assert!(ensure(&RuntimeOptions { cuda: true, ..RuntimeOptions::from_lookup(|_| None) }, &()).is_err());
}

#[test]
fn a_process_has_one_runtime() {
    let first = runtime();
    let again = RuntimeOptions {
        library: Some(first.library().to_path_buf()),
        ..RuntimeOptions::from_lookup(|_| None)
    };
    assert_eq!(ensure(&again, &()).unwrap().library(), first.library());

    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("libonnxruntime.so.1.24.4");
    fs::write(&other, b"").unwrap();
    let error = ensure(&RuntimeOptions { library: Some(other), ..again }, &()).unwrap_err();
    assert!(error.to_string().contains("loaded in this process"), "{error}");
}

#[test]
fn the_report_names_what_is_used() {
    let runtime = runtime();
    let report = show(&RuntimeOptions::from_env());
    assert_eq!(report.used.unwrap().path, runtime.library());
    assert_eq!((report.oldest.as_str(), report.pinned.as_str()), ("1.24", pins::VERSION));
}
