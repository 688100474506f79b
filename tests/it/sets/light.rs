//! What makes a drawing a photograph: fractal noise, glow, haze, blur, grain.

use aesearch::images::Pixels;
use rand::{Rng, RngExt};

use super::Dice;

/// Noise that has detail at every scale, about -1 to 1: [height, width].
pub(super) struct Noise {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Noise {
    /// Hills `period` pixels wide and high, with smaller ones on top: each time half as large, and `gain`
    /// times as strong.
    pub(super) fn new(dice: &mut Dice, sides: [usize; 2], period: [f32; 2], gain: f32) -> Noise {
        let [width, height] = sides;
        let mut noise = Noise { width, height, values: vec![0.0; width * height] };
        let (mut period, mut strength) = (period, 2.0 * (1.0 - gain).max(0.3));
        while period[0].min(period[1]) >= 2.0 {
            noise.add(dice, period, strength);
            period = period.map(|side| side / 2.0);
            strength *= gain;
        }
        noise
    }

    /// One scale: a spline through random numbers, first along the rows, then along the columns.
    fn add(&mut self, dice: &mut Dice, period: [f32; 2], strength: f32) {
        let steps = |n: usize, period: f32| -> Vec<(usize, [f32; 4])> {
            (0..n).map(|i| i as f32 / period).map(|at| (at as usize, spline(at.fract()))).collect()
        };
        let (across, down) = (steps(self.width, period[0]), steps(self.height, period[1]));
        let (columns, rows) = (across[self.width - 1].0 + 4, down[self.height - 1].0 + 4);
        let mut wide = Vec::with_capacity(rows * self.width);
        for _ in 0..rows {
            let row: Vec<f32> = (0..columns).map(|_| strength * dice.random_range(-1.0..1.0f32)).collect();
            for (at, w) in &across {
                let four = &row[*at..at + 4];
                wide.push(w[0] * four[0] + w[1] * four[1] + w[2] * four[2] + w[3] * four[3]);
            }
        }
        for (values, (at, w)) in self.values.chunks_exact_mut(self.width).zip(&down) {
            for (weight, row) in w.iter().zip(wide.chunks_exact(self.width).skip(*at)) {
                values.iter_mut().zip(row).for_each(|(value, more)| *value += weight * more);
            }
        }
    }

    /// Between the pixels too; mirrored beyond an edge.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let value = |x: f32, y: f32| {
            let inside = |at: f32, side: usize| {
                let at = (at as i64).rem_euclid(2 * side as i64) as usize;
                at.min(2 * side - 1 - at)
            };
            self.values[inside(y, self.height) * self.width + inside(x, self.width)]
        };
        let row = |y: f32| value(left, y) * (1.0 - x + left) + value(left + 1.0, y) * (x - left);
        row(top) * (1.0 - y + top) + row(top + 1.0) * (y - top)
    }
}

/// Weights of a cubic B-spline.
fn spline(t: f32) -> [f32; 4] {
    let (u, square, cube) = (1.0 - t, t * t, t * t * t);
    [u * u * u, 3.0 * cube - 6.0 * square + 4.0, 3.0 * (square + t - cube) + 1.0, cube].map(|w| w / 6.0)
}

/// Red, green and blue, 0 is black and 1 white.
pub(super) type Light = [f32; 3];

/// From one colour to another.
pub(super) fn mixed(from: Light, to: Light, share: f32) -> Light {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|c| from[c] + share * (to[c] - from[c]))
}

/// 0 below `from`, 1 above `to`, smooth between.
pub(super) fn ramp(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A photograph being made: [height, width].
pub(super) struct Photo {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) dots: Vec<Light>,
}

impl Photo {
    /// Each pixel by its column and row.
    pub(super) fn new([width, height]: [usize; 2], mut light: impl FnMut(f32, f32) -> Light) -> Photo {
        let dots = (0..width * height).map(|i| light((i % width) as f32, (i / width) as f32)).collect();
        Photo { width, height, dots }
    }

    pub(super) fn of(pixels: &Pixels) -> Photo {
        let light = |dot: &[u8; 3]| dot.map(|value| f32::from(value) / 255.0);
        let dots = pixels.data.as_chunks().0.iter().map(light).collect();
        Photo { width: pixels.width, height: pixels.height, dots }
    }

    /// Changes each pixel within `reach` of a point, told how far away it is.
    pub(super) fn around(&mut self, (x, y): (f32, f32), reach: f32, mut change: impl FnMut(f32, &mut Light)) {
        let span = |middle: f32, side: usize| {
            (middle - reach).max(0.0) as usize..((middle + reach).max(0.0) as usize + 1).min(side)
        };
        for row in span(y, self.height) {
            for column in span(x, self.width) {
                let distance = (column as f32 - x).hypot(row as f32 - y);
                if distance < reach {
                    change(distance, &mut self.dots[row * self.width + column]);
                }
            }
        }
    }

    /// A lamp with its halo.
    pub(super) fn glow(&mut self, at: (f32, f32), radius: f32, light: Light) {
        self.around(at, 7.0 * radius, |distance, dot| {
            let share = (1.0 / (1.0 + (distance / radius).powi(2)) - 0.02).max(0.0);
            dot.iter_mut().zip(light).for_each(|(value, more)| *value += share * more);
        });
    }

    /// Lighter and darker by noise.
    pub(super) fn textured(&mut self, noise: &Noise, strength: f32) {
        for (dot, value) in self.dots.iter_mut().zip(&noise.values) {
            *dot = dot.map(|light| light * (1.0 + strength * value));
        }
    }

    /// A little out of focus.
    pub(super) fn blurred(mut self) -> Photo {
        for (from, step) in [(1, 1), (self.width, self.width)] {
            let before = self.dots.clone();
            for i in from..self.dots.len() - step {
                let [a, b, c] = [before[i - step], before[i], before[i + step]];
                self.dots[i] = std::array::from_fn(|k| 0.25 * (a[k] + c[k]) + 0.5 * b[k]);
            }
        }
        self
    }

    /// Darker towards the corners, as lenses make it.
    pub(super) fn vignetted(mut self) -> Photo {
        let [wide, high] = [self.width, self.height].map(|side| side as f32);
        for (i, dot) in self.dots.iter_mut().enumerate() {
            let (x, y) = ((i % self.width) as f32 / wide - 0.5, (i / self.width) as f32 / high - 0.5);
            *dot = dot.map(|light| light * (1.0 - 0.3 * (x * x + y * y)));
        }
        self
    }

    /// With the sensor's noise, so many levels of 255.
    pub(super) fn developed(self, dice: &mut Dice, grain: f32) -> Pixels {
        let Photo { width, height, dots } = self;
        let mut bytes = vec![0; dots.len() * 6];
        dice.fill_bytes(&mut bytes);
        let mut data = Vec::with_capacity(dots.len() * 3);
        for (dot, bytes) in dots.iter().zip(bytes.as_chunks::<6>().0) {
            for (light, two) in dot.iter().zip(bytes.as_chunks::<2>().0) {
                let noise = (f32::from(two[0]) + f32::from(two[1]) - 255.0) / 104.0; // deviation 1
                data.push((255.0 * light + grain * noise).clamp(0.0, 255.0) as u8);
            }
        }
        Pixels { width, height, channels: 3, data }
    }
}
