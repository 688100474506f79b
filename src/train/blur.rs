//! Gaussian blur of one channel, for views of photos: an image that was made small and large again shows the
//! same thing.

/// Blurs `plane`, `[H, W]` of `width` columns, by a Gaussian whose standard deviation is `sigma` pixels; what
/// lies beyond the border is like the border.
pub(crate) fn blur(plane: &mut [f32], width: usize, sigma: f32) {
    let kernel = kernel(sigma);
    for row in plane.chunks_exact_mut(width) {
        let blurred = smooth(row, &kernel);
        row.copy_from_slice(&blurred);
    }
    for x in 0..width {
        let column: Vec<f32> = plane.iter().skip(x).step_by(width).copied().collect();
        let blurred = smooth(&column, &kernel);
        plane.iter_mut().skip(x).step_by(width).zip(blurred).for_each(|(pixel, value)| *pixel = value);
    }
}

/// The middle and one side of a Gaussian, as far as three deviations; all of it, with both sides, adds up to
/// 1.
fn kernel(sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as usize;
    let bell = |i: usize| (-0.5 * (i as f32 / sigma.max(1e-6)).powi(2)).exp();
    let side: f32 = (1..=reach).map(bell).sum();
    (0..=reach).map(|i| bell(i) / (1.0 + 2.0 * side)).collect()
}

fn smooth(line: &[f32], kernel: &[f32]) -> Vec<f32> {
    let last = line.len() - 1;
    let at = |i: usize| {
        let sides = kernel.iter().enumerate().skip(1);
        let pair =
            |(d, weight): (usize, &f32)| weight * (line[i.saturating_sub(d)] + line[(i + d).min(last)]);
        kernel[0] * line[i] + sides.map(pair).sum::<f32>()
    };
    (0..line.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_bell_of_its_weight() {
        let mut plane = vec![0.0; 21 * 25];
        plane[10 * 25 + 12] = 1.0;
        blur(&mut plane, 25, 1.5);
        let total: f32 = plane.iter().sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
        let variance = |along: fn(usize) -> f32| -> f32 {
            plane.iter().enumerate().map(|(i, weight)| weight * along(i).powi(2)).sum()
        };
        let (rows, columns) = (variance(|i| (i / 25) as f32 - 10.0), variance(|i| (i % 25) as f32 - 12.0));
        assert!((rows - 2.25).abs() < 0.1 && (columns - 2.25).abs() < 0.1, "{rows} {columns}");
    }

    #[test]
    fn a_flat_plane_stays_and_no_deviation_changes_nothing() {
        let mut flat = vec![0.7; 12];
        blur(&mut flat, 4, 2.0);
        assert!(flat.iter().all(|x| (x - 0.7).abs() < 1e-6), "{flat:?}");
        let mut steps: Vec<f32> = (0..12).map(|i| i as f32).collect();
        blur(&mut steps, 3, 0.0);
        assert_eq!(steps, (0..12).map(|i| i as f32).collect::<Vec<f32>>());
    }
}
