//! Running a graph: sessions, the tensors that go in and come out, and the device they run on.
//!
//! Tensors are float32 and row-major; [`Session::run_for`] converts to and from other types. Slices are lent to the runtime and never copied; a [`Tensor`] that one
//! run returned goes into the next run as it is. A session is not shared between threads: make one per worker
//! thread.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, SessionInputValue, SessionOutputs};
use ort::value::TensorElementType;

use super::elements;
use crate::{Error, Result};

/// The device that sessions run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// CUDA where the library has it and a device answers, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The CUDA device with this number; an error where there is none.
    Cuda(u32),
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Device> {
        match text {
            "auto" => Ok(Device::Auto),
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda(0)),
            _ => match text.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
                Some(number) => Ok(Device::Cuda(number)),
                None => {
                    Err(Error::invalid(format!("`device`: expected auto, cpu, cuda or cuda:N, got '{text}'")))
                }
            },
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// How a session runs.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions {
    /// Threads that work on one operation, the caller's own among them.
    pub threads: usize,
    /// Where it runs.
    pub device: Device,
    /// Treat numbers below 1e-38 as zero. Training wants it: moments of idle weights fade into that range,
    /// where processors are many times slower.
    pub flush_denormals: bool,
    /// Compute once, while the graph is loaded, what does not depend on its inputs. That takes whatever time
    /// and memory the graph asks for.
    pub folding: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions { threads: 1, device: Device::Auto, flush_denormals: false, folding: true }
    }
}

/// A model as it is handed to the runtime: never by its path, so that what was checked is what runs.
#[derive(Debug, Clone, Copy)]
pub struct ModelBytes<'a> {
    /// The bytes of the ONNX file.
    pub graph: &'a [u8],
    /// The files that hold weights of it.
    pub external: &'a [ExternalFile],
}

/// A file with weights of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalFile {
    /// As the graph names it.
    pub location: String,
    /// Its content.
    pub bytes: Arc<[u8]>,
}

/// A graph, loaded, optimized and ready to run.
pub struct Session {
    session: ort::session::Session,
    device: Device,
    stopper: Stopper,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("device", &self.device).finish_non_exhaustive()
    }
}

/// Ends the runs of a session, from any thread.
#[derive(Clone)]
pub struct Stopper(Arc<RunOptions>);

impl Stopper {
    /// Makes the run that is in progress fail at its next node, and all later ones at once.
    pub fn stop(&self) {
        let _ = self.0.terminate(); // sets a flag
    }
}

impl Session {
    /// Loads a graph on a device; [`Device::Auto`] is decided by the caller.
    pub(super) fn open(
        environment: &ort::environment::Environment,
        model: &ModelBytes<'_>,
        options: &SessionOptions,
    ) -> Result<Session> {
        let failed = |e: ort::Error| Error::runtime(one_line(&e.to_string()));
        let builder = ort::session::Session::builder(environment).map_err(failed)?;
        let mut builder = configure(builder, options).map_err(failed)?;
        for file in model.external {
            let added = builder.with_external_initializer_file_in_memory(&file.location, file.bytes.clone());
            builder = added.map_err(|e| failed(e.into()))?;
        }
        let session = builder.commit_from_memory(model.graph).map_err(failed)?;
        let stopper = Stopper(Arc::new(RunOptions::new().map_err(failed)?));
        Ok(Session { session, device: options.device, stopper })
    }

    /// The device it runs on: never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// What ends runs by [`Session::run_for`].
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The names of the graph's inputs, in its order.
    pub fn input_names(&self) -> Vec<String> {
        self.session.inputs().iter().map(|input| input.name().to_owned()).collect()
    }

    /// The names of the graph's outputs, in its order.
    pub fn output_names(&self) -> Vec<String> {
        self.session.outputs().iter().map(|output| output.name().to_owned()).collect()
    }

    /// Runs the graph; returns its outputs in the graph's order. Neither inputs nor outputs are copied.
    pub fn run(&mut self, inputs: &[(&str, Input<'_>)]) -> Result<Vec<Tensor>> {
        let outputs = self
            .session
            .run(values(inputs, |_| TensorElementType::Float32)?)
            .map_err(|e| Error::runtime(one_line(&e.to_string())))?;
        tensors(outputs)
    }

    /// Runs the graph for one of its outputs; of what type the others are is no matter. Inputs and output may
    /// be of any type of float, inputs also bytes: they are converted.
    pub fn run_for(&mut self, output: &str, inputs: &[(&str, Input<'_>)]) -> Result<Tensor> {
        let failed = |e: ort::Error| Error::runtime(one_line(&e.to_string()));
        let inputs = values(inputs, |name| self.element(name))?;
        let mut outputs = self.session.run_with_options(inputs, &self.stopper.0).map_err(failed)?;
        let value = outputs.remove(output);
        let value =
            value.ok_or_else(|| Error::runtime(format!("output {output}: expected a tensor, got none")))?;
        elements::output(value).map(Tensor::from_value).map_err(|e| named_output(output, &e))
    }

    /// The element type of an input.
    fn element(&self, input: &str) -> TensorElementType {
        let port = self.session.inputs().iter().find(|port| port.name() == input);
        port.and_then(|port| port.dtype().tensor_type()).unwrap_or(TensorElementType::Float32)
    }
}

fn named_output(name: &str, error: &ort::Error) -> Error {
    Error::runtime(format!("output {name}: {}", one_line(&error.to_string())))
}

/// The inputs of a run as the runtime takes them; float32 is not copied.
fn values<'a>(
    inputs: &[(&'a str, Input<'a>)],
    element: impl Fn(&str) -> TensorElementType,
) -> Result<Vec<(&'a str, SessionInputValue<'a>)>> {
    let value = |&(name, input): &(&'a str, Input<'a>)| {
        let value = match input {
            Input::Slice(shape, data) => elements::input(element(name), shape, data)
                .map_err(|e| Error::runtime(format!("input {name}: {}", one_line(&e.to_string()))))?,
            Input::Tensor(tensor) => (&tensor.value).into(),
        };
        Ok((name, value))
    };
    inputs.iter().map(value).collect()
}

fn tensors(outputs: SessionOutputs<'_>) -> Result<Vec<Tensor>> {
    let tensor = |(name, value): (&str, ort::value::DynValue)| {
        let value = value.downcast().map_err(|e| named_output(name, &e))?;
        Ok(Tensor::from_value(value))
    };
    outputs.into_iter().map(tensor).collect()
}

fn configure(builder: SessionBuilder, options: &SessionOptions) -> ort::Result<SessionBuilder> {
    let mut builder = builder
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(options.threads.max(1))?
        .with_inter_threads(1)?
        .with_log_level(LogLevel::Fatal)?; // what fails is returned, and said once
    if !options.folding {
        builder = builder.with_disabled_optimizers("ConstantFolding")?;
    }
    if options.flush_denormals {
        builder = builder.with_flush_to_zero()?;
    }
    if let Device::Cuda(number) = options.device {
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let provider = ort::ep::CUDA::default().with_device_id(number).build().error_on_failure();
        builder = builder.with_execution_providers([provider])?;
    }
    Ok(builder)
}

/// The runtime's messages carry line breaks and places in its own sources; the first sentence after those is
/// what helps.
pub(super) fn one_line(message: &str) -> String {
    // `place [ONNXRuntimeError] : code : NAME : sentence`
    let sentence = match message.split_once("[ONNXRuntimeError] : ") {
        Some((_, rest)) => rest.splitn(3, " : ").last().unwrap_or(rest),
        None => message,
    };
    let words: Vec<&str> = sentence.lines().next().unwrap_or_default().split_whitespace().collect();
    let mut words = words.join(" ");
    if words.len() > 400 {
        words.truncate((0..=400).rev().find(|&at| words.is_char_boundary(at)).unwrap_or(0));
        words.push_str(" ...");
    }
    words
}

/// What goes into a run.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Shape and row-major values, lent for the run.
    Slice(&'a [usize], &'a [f32]),
    /// An owned tensor, such as the output of an earlier run.
    Tensor(&'a Tensor),
}

/// An owned float32 tensor that the runtime can read in place.
#[derive(Debug)]
pub struct Tensor {
    value: ort::value::Tensor<f32>,
    shape: Vec<usize>,
}

impl Tensor {
    /// Takes over `data`, row-major; its length must be the product of `shape`.
    pub fn new(shape: &[usize], data: Vec<f32>) -> Result<Tensor> {
        let value = ort::value::Tensor::from_array((shape, data))
            .map_err(|e| Error::runtime(format!("tensor: {}", one_line(&e.to_string()))))?;
        Ok(Tensor::from_value(value))
    }

    fn from_value(value: ort::value::Tensor<f32>) -> Tensor {
        // Shapes of values, unlike those of graphs, have no unknown (negative) sizes.
        let shape = value.shape().iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        Tensor { value, shape }
    }

    /// The size of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    pub fn data(&self) -> &[f32] {
        self.value.extract_tensor().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_parsed_and_printed() {
        for (text, device) in [
            ("auto", Device::Auto),
            ("cpu", Device::Cpu),
            ("cuda:0", Device::Cuda(0)),
            ("cuda:3", Device::Cuda(3)),
        ] {
            assert_eq!(text.parse::<Device>().unwrap(), device);
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:x"] {
            assert!(text.parse::<Device>().unwrap_err().to_string().contains("expected auto"), "{text}");
        }
    }

    #[test]
    fn long_messages_are_cut_to_one_line() {
        assert_eq!(one_line("a  b\nstack"), "a b");
        assert_eq!(
            one_line("/src/x.cc:52 f() [ONNXRuntimeError] : 1 : FAIL : no library : x"),
            "no library : x"
        );
        assert!(one_line(&"ä".repeat(1000)).len() < 410);
    }
}
