//! Adam as nodes: parameters and moments that go round are flat vectors, in whatever order the caller cuts
//! them.

use crate::onnx::{Graph, Value};

/// Decay of the first moment: Adam's beta 1.
const BETA1: f32 = 0.9;
/// Decay of the second moment: Adam's beta 2.
const BETA2: f32 = 0.999;
/// Adam (Kingma & Ba, 2015) with decoupled weight decay (Loshchilov & Hutter, 2019). `rate` and `epsilon` are
/// those of [`adam_pace`]; `decay` is what is taken off every weight, as a part of it.
pub(crate) struct Adam {
    pub(crate) rate: Value,
    pub(crate) epsilon: Value,
    pub(crate) decay: Option<Value>,
}

impl Adam {
    /// New parameters and moments.
    pub(crate) fn update(&self, g: &mut Graph, [p, m, v]: &[Value; 3], gradient: &Value) -> [Value; 3] {
        let square = g.mul(gradient, gradient);
        let m = accumulate(g, m, gradient, BETA1);
        let v = accumulate(g, v, &square, BETA2);
        let step = g.mul(&m, &self.rate);
        let root = g.sqrt(&v);
        let scale = g.add(&root, &self.epsilon);
        let update = g.div(&step, &scale);
        let update = match &self.decay {
            Some(decay) => {
                let faded = g.mul(p, decay);
                g.add(&update, &faded)
            }
            None => update,
        };
        [g.sub(p, &update), m, v]
    }
}

/// What [`Adam`] multiplies with and adds in its `step`, counted from 1: rate and epsilon, times the
/// corrections of the bias of young moments, times what turns the sums of the moments into means. (A pass
/// over all weights saved for each moment.)
pub(crate) fn adam_pace(step: u32, rate: f64) -> [f32; 2] {
    const EPSILON: f64 = 1e-7; // as in Keras: keeps the division away from zero
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(step.into());
    let [first, second] = [BETA1, BETA2].map(|beta| correction(beta) / (1.0 - f64::from(beta)));
    [rate * second.sqrt() / first, EPSILON * second.sqrt()].map(|x| x as f32)
}

/// `keep * sum + new`: a moving average times `1 / (1 - keep)`.
fn accumulate(g: &mut Graph, sum: &Value, new: &Value, keep: f32) -> Value {
    let keep = g.scalar(keep);
    let sum = g.mul(sum, &keep);
    g.add(&sum, new)
}
