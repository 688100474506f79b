//! The training step as one ONNX graph: forward pass, gradients, Adam.
//!
//! ```text
//! image [C, pixels, N], target, draw  -+                            +-> parameters' [P], m' [P], v' [P], statistics' [S]
//! parameters, m, v [P], statistics [S] +-> layers -> losses -> Adam -+-> loss, terms
//! rate, epsilon, decay, weight scalars +
//! ```
//!
//! Parameters and moments are flat vectors in the order of `Architecture::parameters`. The batch size stays
//! open. What is minimized is the reconstruction loss, and `weight` times what the family adds to it:
//!
//! | family | `image` | added |
//! |---|---|---|
//! | `conv-hash` | two views of N images, `[C, pixels, 2N]` | contrast of the codes of both views |
//! | `vae` | N images, `draw` standard normal | divergence of the latents' distributions from the prior |
//! | `aae` | N images, `draw` from the prior | how well a discriminator tells latents from draws, after its own step |
//! | `photo` | two views of N images, or what frozen layers make of them | codes of a head: neighbours as among `features` `[T, N]`, both views alike |
//! | others | N images | nothing |
//!
//! `features` are those of the encoder that the training starts from, or of a teacher. With a teacher, every
//! family adds how far its codes or latents are from having the teacher's neighbours, and how far the teacher's
//! features are from what a linear layer makes of its latents.

use super::lower::{Lowering, cut};
use crate::autodiff::{
    Adam, Feature, Temperatures, apart, binarize, columns, contrastive, cosines, cross_entropy, first_half,
    own_view, second_half, soft_neighbours, verdict_loss, weighted_sum,
};
use crate::error::{Error, Result};
use crate::model::{Architecture, Half, Layer};
use crate::onnx::{Graph, OnnxFile, Value, batch, fixed};

/// What the running statistics keep of their past at every step.
pub(crate) const STATISTICS_KEEP: f32 = 0.9;

/// What a family minimizes beside the reconstruction loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objective {
    /// Nothing.
    Reconstruction,
    /// NT-Xent of the codes of two views.
    Contrastive,
    /// The divergence from the prior.
    Divergence,
    /// A discriminator's success.
    Adversary,
    /// Codes of a head, the same for both views of an image.
    Head,
}

/// Weight of the likeness of two views beside that of neighbours.
const VIEWS: f32 = 0.2;
/// How sharply codes of a head fall off with the distance.
const TEMPERATURES: Temperatures<'_> = Temperatures { wanted: &[(1.0, 0.1)], had: 0.2 };
/// Weight of how far a teacher's features are, beside that of neighbours.
const APART: f32 = 10.0;

impl Objective {
    pub(crate) fn of(architecture: &Architecture) -> Self {
        match architecture {
            a if a.decoder.first() == Some(&Layer::Binarize) => Objective::Contrastive,
            a if matches!(a.encoder.last(), Some(Layer::Gaussian { .. })) => Objective::Divergence,
            a if !a.discriminator.is_empty() => Objective::Adversary,
            a if !a.head.is_empty() => Objective::Head,
            _ => Objective::Reconstruction,
        }
    }

    /// Whether there is a weight of what is added to the reconstruction loss.
    pub(crate) fn weighs(self) -> bool {
        self != Objective::Reconstruction
    }

    /// Images that enter for each one of a batch.
    pub(crate) fn views(self) -> usize {
        if matches!(self, Objective::Contrastive | Objective::Head) { 2 } else { 1 }
    }

    /// Whether every latent number needs one drawn at random beside it.
    pub(crate) fn draws(self) -> bool {
        matches!(self, Objective::Divergence | Objective::Adversary)
    }

    /// What the step tells beside the reconstruction loss, by name.
    pub(crate) fn terms(self) -> &'static [&'static str] {
        match self {
            Objective::Reconstruction => &[],
            Objective::Contrastive => &["contrastive"],
            Objective::Divergence => &["divergence"],
            Objective::Adversary => &["generator", "discriminator"],
            Objective::Head => &["views"],
        }
    }
}

/// What shapes the graph beside the architecture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepOptions {
    /// Clean images come in as an input of their own, `target`.
    pub(crate) target: bool,
    /// Temperature of the contrastive loss.
    pub(crate) temperature: f32,
    /// Weights fade: `decay` is an input.
    pub(crate) decay: bool,
    /// Numbers per feature, where there is an input `features`, `[T, N]` of length 1 each.
    pub(crate) features: Option<usize>,
}

/// The name of what [`StepOptions::features`] adds to the loss, without a teacher and with one.
pub(crate) const FEATURES: [&str; 2] = ["neighbours", "teacher"];

/// Builds the training step. Of the moments `m` and `v` it keeps sums,
/// [`adam_pace`](crate::autodiff::adam_pace) makes means of them.
pub(crate) fn training_step(architecture: &Architecture, options: &StepOptions) -> Result<OnnxFile> {
    let objective = Objective::of(architecture);
    let mut pass = Lowering::new(architecture);
    let image = pass.image_input("image");
    let target = if options.target { Some(pass.target_input("target")) } else { None };
    let latent_size = architecture.latent_size();
    let g = &mut pass.tape.graph;
    pass.draw = objective.draws().then(|| g.input("draw", vec![fixed(latent_size), batch(1)]));
    let state =
        ["parameters", "m", "v"].map(|name| g.input(name, vec![fixed(architecture.parameter_count())]));
    let statistics = architecture.statistics();
    let statistics_size: usize = statistics.iter().map(|s| s.len()).sum();
    let kept = (statistics_size > 0).then(|| g.input("statistics", vec![fixed(statistics_size)]));
    let features = options.features.map(|size| g.input("features", vec![fixed(size), batch(1)]));
    let [rate, epsilon] = ["rate", "epsilon"].map(|name| g.input(name, vec![]));
    let optimizer = Adam { rate, epsilon, decay: options.decay.then(|| g.input("decay", vec![])) };
    let weight = objective.weighs().then(|| g.input("weight", vec![]));

    let parameters = architecture.parameters();
    let tensors = cut(g, &state[0], &parameters);
    pass.tensors = tensors.iter().cloned().collect();
    let (generator, adversary): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|(name, _)| !name.starts_with(Half::Discriminator.name()));
    let sizes = [&generator, &adversary].map(|side| side.iter().map(|(_, v)| v.size(0)).sum::<usize>());

    let latent = pass.half(Half::Encoder, &image)?;
    let Answer { logits, answered, mut terms, codes } =
        answer(&mut pass, objective, image, &latent, options)?;
    let target = pass.target(&target.unwrap_or(answered));
    let loss = cross_entropy(&mut pass.tape, &logits.value, &target);
    terms.extend(pass.divergence.clone());

    // The adversary moves first; its new verdicts are what the encoder then has to face.
    let [own, others] = halves(&mut pass.tape.graph, &state, sizes);
    let mut next_others = None;
    if !adversary.is_empty() {
        let (adversary_loss, next) = adversary_step(&mut pass, &latent, &adversary, &optimizer, &others)?;
        let verdicts = pass.half(Half::Discriminator, &latent)?;
        terms.extend([verdict_loss(&mut pass.tape, &verdicts.value, true), adversary_loss]);
        next_others = Some(next);
    }
    let taught = features.map(|features| taught(&mut pass, &latent, &codes, &features)).transpose()?;
    let total = total(&mut pass, objective, (&loss, terms.first()), (taught.as_ref(), weight.as_ref()));
    terms.extend(taught);
    let gradient = gradient(&mut pass, &total, &generator)?;
    let g = &mut pass.tape.graph;
    let mut next = optimizer.update(g, &own, &gradient);
    if let Some(others) = next_others {
        next = std::array::from_fn(|i| g.concat(&[next[i].clone(), others[i].clone()], 0));
    }
    for (name, value) in ["next_parameters", "next_m", "next_v"].into_iter().zip(&next) {
        g.output(name, value);
    }
    if let Some(kept) = kept {
        let measured: Vec<Value> = pass.statistics.iter().flatten().cloned().collect();
        let measured = g.concat(&measured, 0);
        let next = blend(g, &kept, &measured, STATISTICS_KEEP);
        g.output("next_statistics", &next);
    }
    g.output("loss", &loss);
    for (name, term) in objective.terms().iter().chain(&FEATURES[..1]).zip(&terms) {
        g.output(name, term);
    }
    Ok(pass.tape.graph.finish("training_step"))
}

/// How far codes are from having the neighbours that `features` have; with a teacher, also how far these are
/// from what can be told from latents.
fn taught(pass: &mut Lowering<'_>, latent: &Feature, codes: &[Value; 2], features: &Value) -> Result<Value> {
    let cosines = cosines(&mut pass.tape, [&codes[0], &codes[1]]);
    let near = soft_neighbours(&mut pass.tape, &cosines, features, TEMPERATURES);
    if pass.architecture.lesson.is_empty() {
        return Ok(near);
    }
    let told = pass.half(Half::Lesson, latent)?;
    let views = match Objective::of(pass.architecture).views() {
        2 => both_halves(pass, &told).to_vec(),
        _ => vec![told],
    };
    let share = pass.tape.graph.scalar(APART / views.len() as f32);
    Ok(views.iter().fold(near, |sum, told| {
        let apart = apart(&mut pass.tape, &told.value, features);
        weighted_sum(&mut pass.tape, &sum, &apart, &share)
    }))
}

/// The reconstruction loss, and what is added to it: for codes of a head, what `features` say and the first
/// term, both by the weight; else the first term by the weight, and what `features` say.
fn total(
    pass: &mut Lowering<'_>,
    objective: Objective,
    (loss, term): (&Value, Option<&Value>),
    (taught, weight): (Option<&Value>, Option<&Value>),
) -> Value {
    let tape = &mut pass.tape;
    let (added, beside) = match (objective, term, taught) {
        (Objective::Head, Some(term), Some(taught)) => {
            let views = tape.graph.scalar(VIEWS);
            (Some(weighted_sum(tape, taught, term, &views)), None)
        }
        (_, term, taught) => (term.cloned(), taught),
    };
    let total = match (&added, weight) {
        (Some(added), Some(weight)) => weighted_sum(tape, loss, added, weight),
        _ => loss.clone(),
    };
    let Some(taught) = beside else { return total };
    let one = tape.graph.scalar(1.0);
    weighted_sum(tape, &total, taught, &one)
}

/// What comes of the latents in a forward pass.
struct Answer {
    /// Of the reconstruction.
    logits: Feature,
    /// What it is compared with, where there is no other target.
    answered: Feature,
    /// What the family adds to the loss.
    terms: Vec<Value>,
    /// `[K, N]` each: codes of both views, or the latents twice.
    codes: [Value; 2],
}

/// Codes or latents, reconstructions of the first views, and terms of the loss on codes.
fn answer(
    pass: &mut Lowering<'_>,
    objective: Objective,
    image: Feature,
    latent: &Feature,
    options: &StepOptions,
) -> Result<Answer> {
    let (mut logits, mut terms) = (None, vec![]);
    let codes = match objective {
        Objective::Contrastive => {
            let codes = binarize(&mut pass.tape, latent);
            terms.push(contrastive(&mut pass.tape, &codes, options.temperature));
            let [first, second] = both_halves(pass, &codes);
            logits = Some(pass.decoder_of_codes(&first)?);
            [first, second]
        }
        Objective::Head => {
            let head = pass.half(Half::Head, latent)?;
            let codes = binarize(&mut pass.tape, &head);
            let [first, second] = both_halves(pass, &codes);
            let cosines = cosines(&mut pass.tape, [&first.value, &second.value]);
            terms.push(own_view(&mut pass.tape, &cosines, TEMPERATURES.had));
            let latents = first_half(&mut pass.tape, latent);
            logits = Some(pass.half(Half::Decoder, &latents)?);
            [first, second]
        }
        _ => [latent.clone(), latent.clone()],
    };
    let logits = match logits {
        Some(logits) => logits,
        None => pass.half(Half::Decoder, latent)?,
    };
    let answered = match objective.views() {
        2 => Feature { value: pass.tape.graph.halves(&image.value)[0].clone(), ..image },
        _ => image,
    };
    let codes = codes.map(|codes| columns(&mut pass.tape, &codes));
    Ok(Answer { logits, answered, terms, codes })
}

fn both_halves(pass: &mut Lowering<'_>, codes: &Feature) -> [Feature; 2] {
    [first_half(&mut pass.tape, codes), second_half(&mut pass.tape, codes)]
}

/// Parameters and moments of the autoencoder, and of its adversary.
fn halves(g: &mut Graph, state: &[Value; 3], sizes: [usize; 2]) -> [[Value; 3]; 2] {
    if sizes[1] == 0 {
        return [state.clone(), state.clone()];
    }
    let cut = state.each_ref().map(|flat| g.split(flat, &sizes));
    [0, 1].map(|side| cut.each_ref().map(|pieces| pieces[side].clone()))
}

/// One step of the discriminator on draws from the prior against latents, which it does not move. The new
/// tensors replace the old ones in `pass`. Gives its loss, and its new parameters and moments.
fn adversary_step(
    pass: &mut Lowering<'_>,
    latent: &Feature,
    tensors: &[(String, Value)],
    optimizer: &Adam,
    state: &[Value; 3],
) -> Result<(Value, [Value; 3])> {
    let draw = pass.draw.clone().unwrap_or_else(|| latent.value.clone());
    let drawn = pass.half(Half::Discriminator, &Feature::raster(draw, latent.extent))?;
    let encoded = pass.half(Half::Discriminator, latent)?;
    let right = verdict_loss(&mut pass.tape, &drawn.value, true);
    let wrong = verdict_loss(&mut pass.tape, &encoded.value, false);
    let one = pass.tape.graph.scalar(1.0);
    let loss = weighted_sum(&mut pass.tape, &right, &wrong, &one);
    let gradient = gradient(pass, &loss, tensors)?;
    let next = optimizer.update(&mut pass.tape.graph, state, &gradient);
    let parameters: Vec<_> = (pass.architecture.parameters().into_iter())
        .filter(|p| p.name.starts_with(Half::Discriminator.name()))
        .collect();
    pass.tensors.extend(cut(&mut pass.tape.graph, &next[0], &parameters));
    Ok((loss, next))
}

/// The gradient of `loss` with respect to `tensors`, as one flat vector.
///
/// Those of a layer are joined first. ONNX Runtime computes what the youngest node of a kind needs first: so
/// the layers' gradients come from the last layer to the first, and what only they need is free early. Joined
/// all at once, they would keep the gradient of every value until the end.
fn gradient(pass: &mut Lowering<'_>, loss: &Value, tensors: &[(String, Value)]) -> Result<Value> {
    let leaves: Vec<Value> = tensors.iter().map(|(_, value)| value.clone()).collect();
    let gradients = pass.tape.backward(loss, &leaves);
    let gradients: Option<Vec<Value>> = gradients.into_iter().collect();
    let gradients =
        gradients.ok_or_else(|| Error::training("the loss does not depend on every parameter"))?;
    let g = &mut pass.tape.graph;
    let of_layer = |name: &str| name.rsplit_once('.').map(|(layer, _)| layer.to_owned());
    let named: Vec<(Option<String>, Value)> =
        tensors.iter().map(|(name, _)| of_layer(name)).zip(gradients).collect();
    let layers: Vec<Value> = named
        .chunk_by(|(layer, _), (next, _)| layer == next)
        .map(|layer| g.concat(&layer.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(), 0))
        .collect();
    Ok(g.concat(&layers, 0))
}

/// The forward pass alone, as the training step computes it: `image`, `draw`, `parameters` to `latent`,
/// `reconstruction` and, where there are any, the batch's `statistics`.
#[cfg(test)]
pub(crate) fn forward_only(architecture: &Architecture) -> Result<OnnxFile> {
    let mut pass = Lowering::new(architecture);
    let image = pass.image_input("image");
    let g = &mut pass.tape.graph;
    if Objective::of(architecture) == Objective::Divergence {
        pass.draw = Some(g.input("draw", vec![fixed(architecture.latent_size()), batch(1)]));
    }
    let parameters = g.input("parameters", vec![fixed(architecture.parameter_count())]);
    pass.tensors = cut(g, &parameters, &architecture.parameters()).into_iter().collect();
    let latent = pass.half(Half::Encoder, &image)?;
    let logits = pass.half(Half::Decoder, &latent)?;
    let g = &mut pass.tape.graph;
    let reconstruction = g.sigmoid(&logits.value);
    g.output("latent", &latent.value);
    g.output("reconstruction", &reconstruction);
    let measured: Vec<Value> = pass.statistics.iter().flatten().cloned().collect();
    if !measured.is_empty() {
        let measured = g.concat(&measured, 0);
        g.output("statistics", &measured);
    }
    Ok(pass.tape.graph.finish("forward"))
}

/// What the batch normalizations measure, as the training step computes it: `image`, `parameters` to
/// `statistics`, in the order of `Architecture::statistics`.
pub(crate) fn statistics_graph(architecture: &Architecture) -> Result<OnnxFile> {
    let mut pass = Lowering::new(architecture);
    let image = pass.image_input("image");
    let g = &mut pass.tape.graph;
    let parameters = g.input("parameters", vec![fixed(architecture.parameter_count())]);
    pass.tensors = cut(g, &parameters, &architecture.parameters()).into_iter().collect();
    let latent = pass.half(Half::Encoder, &image)?;
    pass.half(Half::Decoder, &latent)?;
    let measured: Vec<Value> = pass.statistics.iter().flatten().cloned().collect();
    let g = &mut pass.tape.graph;
    let measured = g.concat(&measured, 0);
    g.output("statistics", &measured);
    Ok(pass.tape.graph.finish("statistics"))
}

/// `keep * old + (1 - keep) * new`.
fn blend(g: &mut Graph, old: &Value, new: &Value, keep: f32) -> Value {
    let (keep, take) = (g.scalar(keep), g.scalar(1.0 - keep));
    let old = g.mul(old, &keep);
    let new = g.mul(new, &take);
    g.add(&old, &new)
}
