//! Maps from one picture's plane to another's: similarities and affine maps, and how to find them.

/// An affine map: x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine(pub [f32; 6]);

/// A place, and where it should go.
pub(super) type Match = [(f32, f32); 2];

impl Affine {
    pub(super) const IDENTITY: Affine = Affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    pub(super) fn apply(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let m = &self.0;
        (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5])
    }

    /// The factor of areas; below 0 if it mirrors.
    pub(super) fn determinant(&self) -> f32 {
        self.0[0] * self.0[4] - self.0[1] * self.0[3]
    }

    /// The factor of lengths, in the mean.
    pub(super) fn scale(&self) -> f32 {
        self.determinant().abs().sqrt()
    }

    /// How much more it stretches in one direction than in another, 1 for a similarity.
    pub(super) fn stretch(&self) -> f32 {
        let [a, b, _, c, d, _] = self.0;
        let sum = a * a + b * b + c * c + d * d;
        let product = self.determinant().abs();
        let apart = (sum * sum / 4.0 - product * product).max(0.0).sqrt();
        ((sum / 2.0 + apart) / (sum / 2.0 - apart).max(1e-9)).sqrt()
    }

    /// The sine of the angle to the nearest quarter turn, of what it does to a row of pixels.
    pub(super) fn quarters_off(&self) -> f32 {
        let (x, y) = (self.0[0].abs(), self.0[3].abs());
        x.min(y) / (x * x + y * y).sqrt().max(1e-9)
    }

    /// The quarter turns, clockwise, nearest to it; of one that mirrors, after a mirroring along x.
    pub(super) fn quarter_turns(&self) -> u8 {
        let sign = self.determinant().signum();
        let (cos, sin) = (sign * self.0[0], sign * self.0[3]);
        match (cos.abs() >= sin.abs(), if cos.abs() >= sin.abs() { cos } else { sin } >= 0.0) {
            (true, true) => 0,
            (false, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        }
    }

    /// `self` after `first`.
    pub(super) fn after(&self, first: &Affine) -> Affine {
        let (m, f) = (&self.0, &first.0);
        let (x, y) = self.apply((f[2], f[5]));
        Affine([
            m[0] * f[0] + m[1] * f[3],
            m[0] * f[1] + m[1] * f[4],
            x,
            m[3] * f[0] + m[4] * f[3],
            m[3] * f[1] + m[4] * f[4],
            y,
        ])
    }

    /// The way back; none if there is none.
    pub(super) fn inverse(&self) -> Option<Affine> {
        let determinant = self.determinant();
        if determinant.is_nan() || determinant.abs() <= 1e-9 {
            return None;
        }
        let [a, b, x, c, d, y] = self.0;
        let [a, b, c, d] = [d, -b, -c, a].map(|value| value / determinant);
        Some(Affine([a, b, -(a * x + b * y), c, d, -(c * x + d * y)]))
    }

    /// The similarity that takes two places where they should go.
    pub(super) fn of_two(&[p, p_to]: &Match, &[q, q_to]: &Match) -> Option<Affine> {
        let (dx, dy) = (q.0 - p.0, q.1 - p.1);
        let (tx, ty) = (q_to.0 - p_to.0, q_to.1 - p_to.1);
        let length = dx * dx + dy * dy;
        if length < 1e-6 {
            return None;
        }
        let (cos, sin) = ((dx * tx + dy * ty) / length, (dx * ty - dy * tx) / length);
        Some(Affine([cos, -sin, p_to.0 - cos * p.0 + sin * p.1, sin, cos, p_to.1 - sin * p.0 - cos * p.1]))
    }

    /// The similarity that takes places nearest to where they should go, by least squares.
    pub(super) fn best_similarity(matches: &[Match]) -> Option<Affine> {
        let n = matches.len() as f32;
        let [from, to] = [0, 1].map(|i| {
            let sum = matches.iter().fold((0.0, 0.0), |sum, m| (sum.0 + m[i].0, sum.1 + m[i].1));
            (sum.0 / n, sum.1 / n)
        });
        let (mut length, mut dot, mut cross) = (0.0, 0.0, 0.0);
        for [p, q] in matches {
            let (x, y, tx, ty) = (p.0 - from.0, p.1 - from.1, q.0 - to.0, q.1 - to.1);
            length += x * x + y * y;
            dot += x * tx + y * ty;
            cross += x * ty - y * tx;
        }
        if matches.len() < 2 || length < 1e-3 {
            return None;
        }
        let (cos, sin) = (dot / length, cross / length);
        Some(Affine([
            cos,
            -sin,
            to.0 - cos * from.0 + sin * from.1,
            sin,
            cos,
            to.1 - sin * from.0 - cos * from.1,
        ]))
    }

    /// The affine map that takes places nearest to where they should go, by least squares; none where they lie
    /// too near to a line.
    pub(super) fn best_affine(matches: &[Match]) -> Option<Affine> {
        let n = matches.len() as f32;
        let [from, to] = [0, 1].map(|i| {
            let sum = matches.iter().fold((0.0, 0.0), |sum, m| (sum.0 + m[i].0, sum.1 + m[i].1));
            (sum.0 / n, sum.1 / n)
        });
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        let mut products = [0.0; 4];
        for [p, q] in matches {
            let (x, y, tx, ty) = (p.0 - from.0, p.1 - from.1, q.0 - to.0, q.1 - to.1);
            xx += x * x;
            xy += x * y;
            yy += y * y;
            let each = [x * tx, y * tx, x * ty, y * ty];
            products.iter_mut().zip(each).for_each(|(sum, product)| *sum += product);
        }
        let determinant = xx * yy - xy * xy;
        if matches.len() < 4 || determinant < 0.01 * (xx + yy) * (xx + yy) / 4.0 {
            return None;
        }
        let solve = |x: f32, y: f32| ((x * yy - y * xy) / determinant, (y * xx - x * xy) / determinant);
        let [xt, yt, xu, yu] = products;
        let ((a, b), (c, d)) = (solve(xt, yt), solve(xu, yu));
        Some(Affine([a, b, to.0 - a * from.0 - b * from.1, c, d, to.1 - c * from.0 - d * from.1]))
    }
}
