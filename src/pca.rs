//! Principal directions of latents: a few of them, to compute with fewer numbers, and the plane of the first
//! two, to show many dimensions in a picture.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The most latents that directions or a rotation are fitted to; with more they hardly change.
pub const MAX_FIT: usize = 20_000;

/// After so many steps an iterative solver gives up. It needs a few per row, but might not end on unlucky
/// numbers.
pub(crate) const MAX_SOLVER_STEPS: usize = 100_000;

/// All eigenvectors of a covariance of this size take 2 s, and eight times as long for twice the size.
pub(crate) const MAX_EXACT: usize = 1024;
/// Where only a few of them are wanted, iteration is faster from here on.
const MAX_EXACT_FEW: usize = 128;

/// What least squares add to each variance, as a share of the mean one.
const RIDGE: f32 = 0.01;

/// Rounds of subspace iteration beyond that size, and additional directions that help the wanted ones
/// converge.
const SUBSPACE_ROUNDS: usize = 12;
const SPARE: usize = 16;

/// A plane through the latents of a collection: through their mean, along the two directions in which they
/// vary most. A latent of two numbers is its own point in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// The latent at the plane's origin, `[D]`.
    origin: Vec<f32>,
    /// Two unit vectors, `[D]`.
    directions: [Vec<f32>; 2],
    /// The share of the latents' variance that lies along each direction, 0 to 1.
    pub shares: [f64; 2],
}

impl Plane {
    /// Fits to finite latents [N, D], of which a seeded sample of at most [`MAX_FIT`] is used.
    ///
    /// # Panics
    /// When there is no latent, or not a whole number of them.
    pub fn fit(latents: &[f32], latent_size: usize, seed: u64) -> Plane {
        assert!(
            !latents.is_empty() && latents.len().is_multiple_of(latent_size),
            "no latents of {latent_size}"
        );
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut sample = sample(latents, latent_size, &mut rng);
        let mean = sample.column_mean();
        sample.column_iter_mut().for_each(|mut column| column -= &mean);
        let count = latent_size.min(2);
        let (origin, directions) = match latent_size {
            0..=2 => (vec![0.0; latent_size], DMatrix::identity(latent_size, count)),
            _ => (mean.as_slice().to_vec(), principal_directions(&sample, count, &mut rng)),
        };
        let total = f64::from(sample.norm_squared()).max(f64::MIN_POSITIVE);
        let share = |direction: &[f32]| {
            let direction = DVector::from_column_slice(direction);
            f64::from((direction.transpose() * &sample).norm_squared()) / total
        };
        let direction = |i: usize| match i < count {
            true => upright(directions.column(i).as_slice()),
            false => vec![0.0; latent_size], // a latent of one number has no second direction
        };
        let directions = [direction(0), direction(1)];
        let shares = [share(&directions[0]), share(&directions[1])];
        Plane { origin, directions, shares }
    }

    /// Where each of the latents [N, D] falls.
    pub fn points(&self, latents: &[f32]) -> Vec<[f32; 2]> {
        let along = |latent: &[f32], direction: &[f32]| {
            let terms =
                latent.iter().zip(&self.origin).zip(direction).map(|((x, origin), d)| (x - origin) * d);
            terms.sum()
        };
        let point = |latent| [along(latent, &self.directions[0]), along(latent, &self.directions[1])];
        latents.chunks_exact(self.origin.len()).map(point).collect()
    }

    /// The latent `[D]` at a point.
    pub fn latent(&self, [x, y]: [f32; 2]) -> Vec<f32> {
        let [first, second] = &self.directions;
        self.origin.iter().zip(first).zip(second).map(|((origin, a), b)| origin + x * a + y * b).collect()
    }
}

/// The direction or its opposite, whichever has a positive largest component: solvers give either.
fn upright(direction: &[f32]) -> Vec<f32> {
    let largest =
        direction.iter().fold(0f32, |largest, x| if x.abs() > largest.abs() { *x } else { largest });
    direction.iter().map(|x| x * 1f32.copysign(largest)).collect()
}

/// The directions in which the latents of a collection vary most.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// Unit vectors, `[count, D]`, the strongest first.
    pub vectors: Vec<f32>,
    /// How far along each of them their mean lies, `[count]`.
    pub means: Vec<f32>,
    /// The standard deviation along each, `[count]`.
    pub deviations: Vec<f32>,
}

impl Directions {
    /// Fits at most `count` directions to a sample of finite latents `[N, D]`.
    ///
    /// # Panics
    /// When there is no latent, or not a whole number of them.
    pub fn fit(sample: Vec<f32>, latent_size: usize, count: usize, seed: u64) -> Directions {
        assert!(
            !sample.is_empty() && sample.len().is_multiple_of(latent_size),
            "no latents of {latent_size}"
        );
        let n = sample.len() / latent_size;
        let mut latents = DMatrix::from_vec(latent_size, n, sample);
        let mean = latents.column_mean();
        latents.column_iter_mut().for_each(|mut column| column -= &mean);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let directions = strongest(&latents, count.min(latent_size), MAX_EXACT_FEW, &mut rng);
        let along = directions.tr_mul(&latents); // [count, N]
        let deviations = along.row_iter().map(|row| (row.norm_squared() / n as f32).sqrt()).collect();
        let means = directions.tr_mul(&mean).as_slice().to_vec();
        Directions { vectors: directions.as_slice().to_vec(), means, deviations }
    }
}

/// At most [`MAX_FIT`] of the latents, each with the same chance, in their order; as columns.
pub(crate) fn sample(latents: &[f32], latent_size: usize, rng: &mut ChaCha8Rng) -> DMatrix<f32> {
    let n_all = latents.len() / latent_size;
    let n = n_all.min(MAX_FIT);
    let mut chosen = Vec::with_capacity(n * latent_size);
    let mut wanted = n;
    for (index, latent) in latents.chunks_exact(latent_size).enumerate() {
        if rng.random_range(0..n_all - index) < wanted {
            chosen.extend_from_slice(latent);
            wanted -= 1;
        }
    }
    DMatrix::from_vec(latent_size, n, chosen)
}

/// The `count` directions [D, count] in which centred columns vary most, the strongest first. Beyond
/// [`MAX_EXACT`] they are those of a subspace that was found by iteration.
pub(crate) fn principal_directions(
    centred: &DMatrix<f32>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> DMatrix<f32> {
    strongest(centred, count, MAX_EXACT, rng)
}

/// The same, where all eigenvectors are computed for at most `most_exact` rows.
fn strongest(centred: &DMatrix<f32>, count: usize, most_exact: usize, rng: &mut ChaCha8Rng) -> DMatrix<f32> {
    let covariance = centred * centred.transpose();
    if centred.nrows() <= most_exact {
        return eigenvectors(covariance.cast(), count);
    }
    let basis = leading_subspace(&covariance, count, rng);
    let within = basis.tr_mul(&(covariance * &basis)); // [p, p]
    &basis * eigenvectors(within.cast(), count)
}

/// An orthonormal basis [D, p] that all but holds the `count` strongest eigenvectors of a covariance, p a
/// little more than `count`: subspace iteration from a random start (Halko, Martinsson and Tropp, SIAM Review
/// 2011, algorithm 4.4).
fn leading_subspace(covariance: &DMatrix<f32>, count: usize, rng: &mut ChaCha8Rng) -> DMatrix<f32> {
    let size = covariance.nrows();
    let mut basis = gaussian(size, (count + SPARE).min(size), rng).qr().q();
    for _ in 0..SUBSPACE_ROUNDS {
        basis = (covariance * basis).qr().q();
    }
    basis
}

/// The `count` strongest eigenvectors [D, count] of a symmetric matrix without negative eigenvalues.
fn eigenvectors(matrix: DMatrix<f64>, count: usize) -> DMatrix<f32> {
    let size = matrix.nrows();
    // Where columns were fewer than rows, most directions do not vary at all. A trace of variance everywhere
    // changes no direction, but without it the solver compares zeros with zeros and need not end.
    let ridge = matrix.trace() * 1e-9 + f64::MIN_POSITIVE.sqrt();
    let matrix = matrix + DMatrix::from_diagonal_element(size, size, ridge);
    let Some(eigen) = SymmetricEigen::try_new(matrix, f64::EPSILON, MAX_SOLVER_STEPS) else {
        return DMatrix::identity(size, count);
    };
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
    let columns: Vec<DVector<f64>> =
        order[..count].iter().map(|&index| eigen.eigenvectors.column(index).into_owned()).collect();
    DMatrix::from_columns(&columns).cast()
}

/// The linear map, `[M, K]` and a shift `[M]`, that comes nearest from `n` vectors `[n, K]` to others `[n, M]`
/// in the sense of least squares, held back a little (ridge regression).
///
/// # Panics
/// When there is no vector, or not a whole number of them.
pub(crate) fn linear_map(from: &[f32], to: &[f32], n: usize) -> (Vec<f32>, Vec<f32>) {
    assert!(n > 0 && from.len().is_multiple_of(n) && to.len().is_multiple_of(n), "no vectors");
    let [(x, x_mean), (y, y_mean)] = [from, to].map(|vectors| {
        let mut columns = DMatrix::from_column_slice(vectors.len() / n, n, vectors);
        let mean = columns.column_mean();
        columns.column_iter_mut().for_each(|mut column| column -= &mean);
        (columns, mean)
    });
    let mut covariance = &x * x.transpose(); // [K, K]
    let ridge = RIDGE * covariance.trace() / x.nrows() as f32;
    (0..x.nrows()).for_each(|i| covariance[(i, i)] += ridge.max(f32::MIN_POSITIVE));
    let products = &x * y.transpose(); // [K, M]
    let map = match covariance.cholesky() {
        Some(root) => root.solve(&products),
        None => DMatrix::zeros(x.nrows(), y.nrows()),
    };
    let shift = y_mean - map.tr_mul(&x_mean);
    (map.as_slice().to_vec(), shift.as_slice().to_vec())
}

/// Scales a vector to length 1; one of zeros stays.
pub(crate) fn to_unit(vector: &mut [f32]) {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
}

/// Independent normal numbers.
pub(crate) fn gaussian(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> DMatrix<f32> {
    let mut normal = || {
        // Box and Muller; 1 - u keeps the logarithm finite.
        let (u, v): (f32, f32) = (rng.random(), rng.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f32::consts::TAU * v).cos()
    };
    DMatrix::from_fn(rows, columns, |_, _| normal())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 400 points around 5 in 6 dimensions: wide along (1, 1, 0, ..), less so along (0, 0, 1, ..), noise
    /// elsewhere.
    fn cloud() -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut uniform = |width: f32| width * (rng.random::<f32>() - 0.5);
        let point = |_| {
            let (wide, less) = (uniform(10.0), uniform(4.0));
            [wide, wide, less, uniform(0.1), uniform(0.1), uniform(0.1)].map(|x| x + 5.0)
        };
        (0..400).flat_map(point).collect()
    }

    #[test]
    fn the_plane_lies_where_the_latents_vary() {
        let latents = cloud();
        let plane = Plane::fit(&latents, 6, 1);
        assert!(plane.shares[0] > 0.85 && plane.shares[0] + plane.shares[1] > 0.99, "{:?}", plane.shares);
        let [first, second] = &plane.directions;
        assert!(
            (first[0] - 0.5f32.sqrt()).abs() < 0.02 && (first[1] - 0.5f32.sqrt()).abs() < 0.02,
            "{first:?}"
        );
        assert!((second[2] - 1.0).abs() < 0.02, "{second:?}");
        for (point, latent) in plane.points(&latents).into_iter().zip(latents.chunks_exact(6)) {
            let back = plane.latent(point);
            assert!(back.iter().zip(latent).all(|(a, b)| (a - b).abs() < 0.3), "{back:?} {latent:?}");
        }
        assert_eq!(plane, Plane::fit(&latents, 6, 1));
    }

    #[test]
    fn directions_and_plane_agree() {
        let latents = cloud();
        let found = Directions::fit(latents.clone(), 6, 9, 1);
        assert_eq!((found.vectors.len(), found.means.len(), found.deviations.len()), (36, 6, 6));
        assert!(found.deviations.is_sorted_by(|a, b| a >= b), "{:?}", found.deviations);
        let plane = Plane::fit(&latents, 6, 1);
        for (direction, vector) in plane.directions.iter().zip(found.vectors.chunks_exact(6)) {
            assert!(upright(vector).iter().zip(direction).all(|(a, b)| (a - b).abs() < 1e-4), "{vector:?}");
        }
        let all: f32 = found.deviations.iter().map(|deviation| deviation.powi(2)).sum();
        assert!((f64::from(found.deviations[0].powi(2) / all) - plane.shares[0]).abs() < 1e-4);
        // the mean of what lies along a direction
        let along = |latent: &[f32]| latent.iter().zip(&found.vectors[..6]).map(|(x, y)| x * y).sum::<f32>();
        let mean = latents.chunks_exact(6).map(along).sum::<f32>() / 400.0;
        assert!((mean - found.means[0]).abs() < 1e-3, "{mean} {:?}", found.means);
    }

    #[test]
    fn few_numbers_are_shown_as_they_are() {
        let plane = Plane::fit(&[1.0, 2.0, 3.0, 5.0], 2, 0);
        assert_eq!(plane.points(&[1.0, 2.0]), [[1.0, 2.0]]);
        assert_eq!(plane.latent([1.0, 2.0]), [1.0, 2.0]);
        assert_eq!(Plane::fit(&[1.0, 2.0], 1, 0).points(&[3.0]), [[3.0, 0.0]]);
        let alone = Plane::fit(&[7.0; 5], 5, 0); // a single latent
        assert_eq!((alone.points(&[7.0; 5]), alone.shares), (vec![[0.0; 2]], [0.0; 2]));
    }

    #[test]
    fn a_linear_map_is_found_again() {
        let x: Vec<f32> = (0..60).map(|i| ((i * 37 + i * i * 11) % 101) as f32 / 50.0 - 1.0).collect();
        let there = |v: &[f32]| [2.0 * v[0] - v[2] + 3.0, v[1] - 1.0];
        let y: Vec<f32> = x.chunks_exact(3).flat_map(there).collect();
        let (map, shift) = linear_map(&x, &y, 20);
        for (got, expected) in map.iter().chain(&shift).zip([2.0, 0.0, -1.0, 0.0, 1.0, 0.0, 3.0, -1.0]) {
            assert!((got - expected).abs() < 0.05, "{map:?} {shift:?}");
        }
    }

    #[test]
    fn the_leading_subspace_holds_the_strongest_directions() {
        // variances that fall off slowly, in a turned frame
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let turn = gaussian(120, 120, &mut rng).qr().q();
        let scaled =
            DMatrix::from_fn(120, 120, |row, column| turn[(row, column)] / (1.0 + column as f32 / 10.0));
        let covariance = &scaled * scaled.transpose();
        let variance = |basis: &DMatrix<f32>| basis.tr_mul(&(&covariance * basis)).trace();
        let exact = variance(&eigenvectors(covariance.clone().cast(), 32));
        let basis = leading_subspace(&covariance, 32, &mut rng);
        let gram = basis.tr_mul(&basis);
        assert_eq!(basis.shape(), (120, 48));
        assert!((gram - DMatrix::identity(48, 48)).amax() < 1e-4);
        let within = basis.tr_mul(&(&covariance * &basis));
        let found = variance(&(&basis * eigenvectors(within.cast(), 32)));
        assert!(found > 0.999 * exact && found < 1.0001 * exact, "{found} of {exact}");
    }
}
