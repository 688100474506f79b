//! Reverse-mode differentiation of a graph while it is built (Griewank & Walther, "Evaluating Derivatives",
//! 2008).
//!
//! Every differentiable operation appends its nodes to the graph and records how to turn the gradient of its
//! result into gradients of its inputs: again as nodes. [`Tape::backward`] walks the records in reverse.
//! Nothing is computed here; the result is one ONNX graph that holds the forward and the backward pass.

use crate::onnx::{Graph, Value};
use std::collections::{HashMap, HashSet};

/// Vector-Jacobian product: from the gradient of the result to those of the inputs, `None` where not wanted.
type Vjp = Box<dyn Fn(&mut Graph, &Value, &[bool]) -> Vec<Option<Value>>>;

struct Record {
    output: Value,
    inputs: Vec<Value>,
    vjp: Vjp,
}

/// A graph under construction, and what is needed to differentiate it.
#[derive(Default)]
pub(crate) struct Tape {
    /// The graph; nodes added here directly are constants to differentiation.
    pub(crate) graph: Graph,
    records: Vec<Record>,
}

impl Tape {
    /// Records that `output` depends on `inputs`. `vjp` gets the gradient of `output`, in its shape, and says
    /// for each input what its gradient is; it may skip those whose flag is false.
    pub(crate) fn record(
        &mut self,
        output: &Value,
        inputs: &[&Value],
        vjp: impl Fn(&mut Graph, &Value, &[bool]) -> Vec<Option<Value>> + 'static,
    ) {
        let inputs = inputs.iter().map(|&v| v.clone()).collect();
        self.records.push(Record { output: output.clone(), inputs, vjp: Box::new(vjp) });
    }

    /// Appends the gradients of the scalar `loss` with respect to `leaves`, each in its leaf's shape.
    ///
    /// A leaf on which the loss does not depend has no gradient (`None`).
    pub(crate) fn backward(&mut self, loss: &Value, leaves: &[Value]) -> Vec<Option<Value>> {
        let mut wanted: HashSet<String> = leaves.iter().map(|v| v.name().to_owned()).collect();
        for record in &self.records {
            if record.inputs.iter().any(|v| wanted.contains(v.name())) {
                wanted.insert(record.output.name().to_owned());
            }
        }
        let mut gradients = HashMap::from([(loss.name().to_owned(), self.graph.scalar(1.0))]);
        for record in self.records.iter().rev() {
            if !wanted.contains(record.output.name()) {
                continue;
            }
            let Some(gradient) = gradients.remove(record.output.name()) else { continue };
            let gradient = self.graph.reshape(&gradient, record.output.shape().to_vec());
            let flags: Vec<bool> = record.inputs.iter().map(|v| wanted.contains(v.name())).collect();
            let contributions = (record.vjp)(&mut self.graph, &gradient, &flags);
            for (input, contribution) in record.inputs.iter().zip(contributions) {
                let Some(contribution) = contribution.filter(|_| wanted.contains(input.name())) else {
                    continue;
                };
                let contribution = self.graph.reshape(&contribution, input.shape().to_vec());
                let total = match gradients.remove(input.name()) {
                    Some(earlier) => self.graph.add(&earlier, &contribution),
                    None => contribution,
                };
                gradients.insert(input.name().to_owned(), total);
            }
        }
        leaves.iter().map(|v| gradients.get(v.name()).cloned()).collect()
    }
}
