//! A running training step: the session, and the state that goes round with it.

use super::batch::Batch;
use super::options::TrainOptions;
use super::step::{Objective, StepOptions, training_step};
use super::warm::stored_weights;
use crate::autodiff::adam_pace;
use crate::error::{Error, Result};
use crate::model::Architecture;
use crate::runtime::{Input, Runtime, Session, SessionOptions, Tensor};

/// Losses of one step, before it. The reconstruction loss is mean binary cross-entropy per pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Of the reconstruction.
    pub reconstruction: f64,
    /// What the family adds, by the order of `Objective::terms`, then what features of the images add, where
    /// there are some; zeros behind.
    pub terms: [f64; 3],
}

impl Losses {
    /// Whether all are numbers.
    pub fn is_finite(&self) -> bool {
        self.reconstruction.is_finite() && self.terms.iter().all(|x| x.is_finite())
    }
}

/// How far one step goes, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Adam's step size.
    pub rate: f64,
    /// Part of every weight that is taken off, times the rate.
    pub decay: f64,
    /// Weight of what the family adds to the reconstruction loss.
    pub weight: f64,
}

/// What goes from one step to the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    /// Steps done.
    pub(crate) steps: u32,
    /// Parameters and running statistics, as `Architecture` orders them.
    pub(crate) weights: Vec<f32>,
    /// Adam's moments, one number per parameter each.
    pub(crate) moments: [Vec<f32>; 2],
}

/// A running training step with its state, which stays inside ONNX Runtime from step to step.
pub struct Trainer {
    session: Session,
    objective: Objective,
    /// The graph has an input for weight decay.
    decays: bool,
    /// And one for features.
    is_taught: bool,
    /// Channels and pixels of a reconstruction.
    drawn: [usize; 2],
    parameters: Tensor,
    moments: [Tensor; 2],
    statistics: Option<Tensor>,
    steps: u32,
}

impl Trainer {
    /// Builds the training step of `architecture` and starts it from fresh weights or those in the files of
    /// `options.from`.
    ///
    /// # Errors
    /// When the weights to start from do not fit, or ONNX Runtime refuses the graph.
    pub fn new(runtime: &Runtime, architecture: &Architecture, options: &TrainOptions) -> Result<Self> {
        let weights = stored_weights(architecture, options)?;
        Trainer::from_weights(runtime, architecture, options, (weights, None))
    }

    /// Builds the training step of `architecture`, with features of so many numbers where there are some, and
    /// starts it from `weights`.
    pub(crate) fn from_weights(
        runtime: &Runtime,
        architecture: &Architecture,
        options: &TrainOptions,
        (weights, features): (Vec<f32>, Option<usize>),
    ) -> Result<Self> {
        let zeros = vec![0.0; architecture.parameter_count()];
        let state = State { steps: 0, weights, moments: [zeros.clone(), zeros] };
        Trainer::from_state(runtime, architecture, options, (state, features))
    }

    /// Builds the training step of `architecture` and goes on from `state`.
    pub(crate) fn from_state(
        runtime: &Runtime,
        architecture: &Architecture,
        options: &TrainOptions,
        (state, features): (State, Option<usize>),
    ) -> Result<Self> {
        let decays = options.weight_decay > 0.0;
        let drawn = architecture.reconstruction;
        let target = options.denoise > 0.0 || architecture.reconstruction != architecture.input;
        let shape = StepOptions { target, temperature: options.temperature, decay: decays, features };
        let graph = training_step(architecture, &shape)?.to_bytes();
        let session = runtime.session(
            &graph,
            &SessionOptions {
                threads: options.threads,
                device: options.device,
                flush_denormals: true,
                ..SessionOptions::default()
            },
        )?;
        let mut trainer = Trainer {
            session,
            objective: Objective::of(architecture),
            decays,
            is_taught: features.is_some(),
            drawn: [drawn.channels, drawn.height * drawn.width],
            parameters: Tensor::new(&[0], vec![])?,
            moments: [Tensor::new(&[0], vec![])?, Tensor::new(&[0], vec![])?],
            statistics: None,
            steps: 0,
        };
        trainer.set(architecture, state)?;
        Ok(trainer)
    }

    fn set(&mut self, architecture: &Architecture, state: State) -> Result<()> {
        let State { steps, mut weights, moments: [m, v] } = state;
        let count = architecture.parameter_count();
        if weights.len() != architecture.weight_count() || m.len() != count || v.len() != count {
            return Err(Error::runtime("training state: expected the architecture's size, got another"));
        }
        let statistics = weights.split_off(count);
        let tensor = |values: Vec<f32>| Tensor::new(&[values.len()], values);
        self.steps = steps;
        self.parameters = tensor(weights)?;
        self.moments = [tensor(m)?, tensor(v)?];
        self.statistics = if statistics.is_empty() { None } else { Some(tensor(statistics)?) };
        Ok(())
    }

    /// One step of Adam on a batch; gives the losses before the step.
    ///
    /// # Errors
    /// When ONNX Runtime fails.
    pub fn step(&mut self, batch: &Batch, pace: &Pace) -> Result<Losses> {
        self.steps += 1;
        let [rate, epsilon] = adam_pace(self.steps, pace.rate);
        let decay = self.decays.then_some(("decay", (pace.rate * pace.decay) as f32));
        let weight = self.objective.weighs().then_some(("weight", pace.weight as f32));
        let scalars = [("rate", rate), ("epsilon", epsilon)].into_iter().chain(decay).chain(weight);
        let scalars: Vec<(&str, [f32; 1])> = scalars.map(|(name, x)| (name, [x])).collect();
        let mut inputs = vec![
            ("image", Input::Slice(&batch.dims, &batch.images)),
            ("parameters", Input::Tensor(&self.parameters)),
            ("m", Input::Tensor(&self.moments[0])),
            ("v", Input::Tensor(&self.moments[1])),
        ];
        inputs.extend(scalars.iter().map(|(name, x)| (*name, Input::Slice(&[], x))));
        inputs.extend(self.statistics.iter().map(|s| ("statistics", Input::Tensor(s))));
        let count = batch.dims[2] / self.objective.views();
        let [channels, pixels] = self.drawn;
        let target_dims = [channels, pixels, count];
        inputs.extend(batch.target.iter().map(|t| ("target", Input::Slice(&target_dims, t))));
        let feature_dims = [batch.features.len() / count.max(1), count];
        if self.is_taught {
            inputs.push(("features", Input::Slice(&feature_dims, &batch.features)));
        }
        let draw_dims = [batch.draw.len() / count.max(1), count];
        if !batch.draw.is_empty() {
            inputs.push(("draw", Input::Slice(&draw_dims, &batch.draw)));
        }
        let mut outputs = self.session.run(&inputs)?.into_iter();
        let mut next = || outputs.next().ok_or_else(|| Error::runtime("training step: too few outputs"));
        self.parameters = next()?;
        self.moments = [next()?, next()?];
        if self.statistics.is_some() {
            self.statistics = Some(next()?);
        }
        let mut scalar = || Ok::<_, Error>(next()?.data().first().copied().map_or(f64::NAN, f64::from));
        let mut losses = Losses { reconstruction: scalar()?, terms: [0.0; 3] };
        let n_terms = self.objective.terms().len() + usize::from(self.is_taught);
        for term in &mut losses.terms[..n_terms] {
            *term = scalar()?;
        }
        Ok(losses)
    }

    /// The flat vector of parameters and running statistics.
    pub fn weights(&self) -> Vec<f32> {
        let statistics = self.statistics.iter().flat_map(|s| s.data());
        self.parameters.data().iter().chain(statistics).copied().collect()
    }

    /// All that a later run needs to go on from here.
    pub(crate) fn state(&self) -> State {
        let moments = self.moments.each_ref().map(|m| m.data().to_vec());
        State { steps: self.steps, weights: self.weights(), moments }
    }
}
