//! Shapes of values: lists of dimensions, fixed or a multiple of the batch size.

/// One dimension of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim {
    /// Known when the graph is built.
    Fixed(usize),
    /// This many times the batch size N.
    Batch(usize),
}

/// A known dimension.
pub fn fixed(n: usize) -> Dim {
    Dim::Fixed(n)
}

/// `factor` times the batch size.
pub fn batch(factor: usize) -> Dim {
    Dim::Batch(factor)
}

/// The shape of a value, outermost dimension first.
pub type Shape = Vec<Dim>;

/// Product of the fixed parts and how often N occurs: equal for shapes that hold the same elements.
pub(super) fn elements(shape: &[Dim]) -> (usize, usize) {
    shape.iter().fold((1, 0), |(product, batches), dim| match dim {
        Dim::Fixed(n) => (product * n, batches),
        Dim::Batch(k) => (product * k, batches + 1),
    })
}

pub(super) fn broadcast(a: &[Dim], b: &[Dim]) -> Shape {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let offset = long.len() - short.len();
    let mut shape = long.to_vec();
    for (i, &d) in short.iter().enumerate() {
        let l = &mut shape[offset + i];
        match (*l, d) {
            (x, y) if x == y => {}
            (_, Dim::Fixed(1)) => {}
            (Dim::Fixed(1), y) => *l = y,
            _ => panic!("shapes {a:?} and {b:?} do not broadcast"),
        }
    }
    shape
}
