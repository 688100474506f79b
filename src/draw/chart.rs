//! Curves over epochs: one or more panels below each other with a common axis, and the epoch that counts
//! marked in all of them.
//!
//! Layout only; what the curves say is the caller's. Ticks are round numbers, and the axis up shows the range
//! of the values, not zero: what is to be seen is whether a loss still falls.

use super::canvas::{Area, Canvas, Colour};
use super::style::{BLUE, FAINT, GAP, INK, LINE, MARGIN, PAPER, RULE, STRONG, TEXT, WEAK, heading};
use super::text::{fitted, text_middle, text_width};
use crate::images::Pixels;

/// What a chart shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// The heading, and a line below it.
    pub title: [String; 2],
    /// From the top, the first one larger.
    pub panels: Vec<Panel>,
    /// The epoch that is marked as the one that was kept, from 1.
    pub marked: Option<usize>,
}

/// Curves that share a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What is measured.
    pub name: String,
    /// Told apart by colour; four colours go round.
    pub curves: Vec<Curve>,
}

/// One value for each epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it is called.
    pub name: String,
    /// Of epoch 1 and those after it; what is missing or no number leaves a gap.
    pub values: Vec<Option<f64>>,
}

/// Width of the axes, and their heights: of the first panel, and of each other one.
const WIDTH: usize = 880;
const HEIGHTS: [usize; 2] = [400, 170];
/// Space for the numbers at the left.
const NUMBERS: usize = 72;
/// At least so much between two ticks.
const TICK: usize = 50;
/// Between two panels: the name of the lower one.
const BETWEEN: usize = 2 * LINE + 4;
/// Length of a sample of a curve in the legend.
const SAMPLE: usize = 26;
/// Width of a curve, radius of a dot.
const STROKE: f32 = 2.5;
const DOT: f32 = 4.5;
/// With more epochs than this, curves have no dots.
const MOST_DOTS: usize = 40;
/// Blue and orange, then teal and wine: told apart by everyone.
const COLOURS: [Colour; 4] = [BLUE, [222, 122, 34], [38, 148, 140], [150, 50, 100]];
const WHITE: Colour = [255; 3];

impl Chart {
    /// Draws it, u8 RGB.
    pub fn draw(&self) -> Pixels {
        let heights = || HEIGHTS.into_iter().chain(std::iter::repeat(HEIGHTS[1])).take(self.panels.len());
        let panels: usize = heights().map(|height| height + BETWEEN).sum();
        let width = MARGIN + NUMBERS + WIDTH + MARGIN;
        let mut canvas = Canvas::new(width, MARGIN + 2 * LINE + panels + 2 * LINE + MARGIN, PAPER);
        heading(&mut canvas, self.title.each_ref().map(String::as_str), fitted);
        let epochs = self.panels.iter().flat_map(|panel| &panel.curves).map(|curve| curve.values.len());
        let across = Across::of(epochs.max().unwrap_or(0));
        let mut top = MARGIN + 2 * LINE;
        let mut colours = COLOURS.into_iter().cycle();
        for (panel, height) in self.panels.iter().zip(heights()) {
            top += BETWEEN;
            let area = Area { x: MARGIN + NUMBERS, y: top, width: WIDTH, height };
            let inked: Vec<(&Curve, Colour)> = panel.curves.iter().zip(colours.by_ref()).collect();
            let axes = Axes { area, across, up: Up::of(panel, height / TICK) };
            axes.draw(&mut canvas, self.marked);
            inked.iter().for_each(|&(curve, colour)| axes.draw_curve(&mut canvas, curve, colour));
            // the last of the first panel's curves is the one that decided
            let decided = inked.last().filter(|_| area.height == HEIGHTS[0]).zip(self.marked);
            let mark = decided
                .and_then(|(&(curve, colour), epoch)| axes.draw_mark(&mut canvas, curve, (epoch, colour)));
            canvas.text((area.x, top - LINE), &panel.name, WEAK);
            draw_legend(&mut canvas, &inked, mark, (area.x + WIDTH, top - LINE));
            top += height;
        }
        if !self.panels.is_empty() {
            across.draw(&mut canvas, top);
        }
        canvas.into_pixels()
    }
}

/// A marked value: the colour of its curve, and what is said of it.
type Mark = (Colour, String);

fn draw_ring(canvas: &mut Canvas, at: (f32, f32), colour: Colour) {
    for (radius, colour) in [(DOT + 4.0, INK), (DOT + 2.0, WHITE), (DOT, colour)] {
        canvas.disc(at, radius, colour);
    }
}

/// What is marked, and the names of a panel's curves, each behind a sample, ending at `(right, top)`.
fn draw_legend(
    canvas: &mut Canvas,
    curves: &[(&Curve, Colour)],
    mark: Option<Mark>,
    (right, top): (usize, usize),
) {
    let entry = |name: &str| SAMPLE + 8 + text_width(name, TEXT) + GAP;
    let names =
        curves.iter().map(|(curve, _)| curve.name.as_str()).chain(mark.iter().map(|(_, text)| text.as_str()));
    let mut left = (right + GAP).saturating_sub(names.map(entry).sum());
    let middle = top as f32 + text_middle(TEXT);
    for (curve, colour) in curves {
        let from = left as f32;
        canvas.stroke([(from, middle), (from + SAMPLE as f32, middle)], STROKE, *colour);
        canvas.disc((from + SAMPLE as f32 / 2.0, middle), DOT, *colour);
        canvas.text((left + SAMPLE + 8, top), &curve.name, STRONG);
        left += entry(&curve.name);
    }
    if let Some((colour, text)) = mark {
        draw_ring(canvas, (left as f32 + SAMPLE as f32 / 2.0, middle), colour);
        canvas.text((left + SAMPLE + 8, top), &text, STRONG);
    }
}

/// Where a panel's values are drawn.
struct Axes {
    area: Area,
    across: Across,
    up: Up,
}

impl Axes {
    fn height_of(&self, value: f64) -> f32 {
        let [low, high] = self.up.range;
        let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
        (self.area.y + self.area.height) as f32 - (part * self.area.height as f64) as f32
    }

    /// The paper, round numbers with their lines, and a line at the marked epoch.
    fn draw(&self, canvas: &mut Canvas, marked: Option<usize>) {
        let Area { x, y, width, height } = self.area;
        canvas.fill(self.area, WHITE);
        for &value in &self.up.ticks {
            let line = (self.height_of(value) as usize).min(y + height - 1);
            canvas.fill(Area { x, y: line, width, height: 1 }, RULE);
            let text = self.up.text(value);
            let left = x.saturating_sub(text_width(&text, TEXT) + GAP / 2);
            canvas.text((left, line.saturating_sub(text_middle(TEXT).round() as usize)), &text, WEAK);
        }
        canvas.outline(self.area, RULE);
        if let Some(marked) = marked {
            canvas.fill(Area { x: self.across.place(marked) as usize, y, width: 1, height }, FAINT);
        }
    }

    /// A ring around the marked epoch's value, and what the legend says of it.
    fn draw_mark(
        &self,
        canvas: &mut Canvas,
        curve: &Curve,
        (epoch, colour): (usize, Colour),
    ) -> Option<Mark> {
        let value = curve.values.get(epoch.checked_sub(1)?).copied().flatten().filter(|v| v.is_finite())?;
        draw_ring(canvas, (self.across.place(epoch), self.height_of(value)), colour);
        Some((colour, format!("kept, epoch {epoch}: {value:.4}")))
    }

    fn draw_curve(&self, canvas: &mut Canvas, curve: &Curve, colour: Colour) {
        let known = curve.values.iter().enumerate().filter_map(|(i, value)| {
            let value = value.filter(|v| v.is_finite())?;
            Some((i, (self.across.place(i + 1), self.height_of(value))))
        });
        let points: Vec<(usize, (f32, f32))> = known.collect();
        for pair in points.windows(2).filter(|pair| pair[0].0 + 1 == pair[1].0) {
            canvas.stroke([pair[0].1, pair[1].1], STROKE, colour);
        }
        if curve.values.len() <= MOST_DOTS {
            points.iter().for_each(|&(_, at)| canvas.disc(at, DOT, colour));
        }
    }
}

/// The axis of epochs, of all panels.
#[derive(Clone, Copy)]
struct Across {
    epochs: usize,
}

impl Across {
    fn of(epochs: usize) -> Self {
        Across { epochs: epochs.max(1) }
    }

    /// Where an epoch stands; a single one in the middle.
    fn place(self, epoch: usize) -> f32 {
        const AIR: f32 = 24.0;
        let (left, width) = ((MARGIN + NUMBERS) as f32 + AIR, WIDTH as f32 - 2.0 * AIR);
        match self.epochs {
            1 => left + width / 2.0,
            n => left + width * (epoch as f32 - 1.0) / (n as f32 - 1.0),
        }
    }

    /// Epochs with a number: the first one, and multiples of a round step.
    fn ticks(self) -> Vec<usize> {
        let step = (round_step(self.epochs as f64 / 10.0).ceil() as usize).max(1);
        let multiples = (step..=self.epochs).step_by(step);
        if step == 1 { multiples.collect() } else { [1].into_iter().chain(multiples).collect() }
    }

    fn draw(self, canvas: &mut Canvas, top: usize) {
        for epoch in self.ticks() {
            let (x, text) = (self.place(epoch) as usize, epoch.to_string());
            canvas.fill(Area { x, y: top, width: 1, height: 6 }, FAINT);
            canvas.text((x.saturating_sub(text_width(&text, TEXT) / 2), top + 12), &text, WEAK);
        }
        let middle = MARGIN + NUMBERS + WIDTH / 2;
        canvas.text((middle - text_width("epoch", TEXT) / 2, top + 12 + LINE), "epoch", WEAK);
    }
}

/// The axis of values of one panel.
struct Up {
    range: [f64; 2],
    ticks: Vec<f64>,
    decimals: usize,
}

impl Up {
    /// From the lowest value to the highest, and some air; about as many ticks as are asked for.
    fn of(panel: &Panel, most_ticks: usize) -> Self {
        let values = || {
            let all = panel.curves.iter().flat_map(|curve| &curve.values);
            all.copied().flatten().filter(|value| value.is_finite())
        };
        let (low, high) = values().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        // a flat curve is no reason to magnify its rounding
        let air = (0.08 * (high - low)).max(0.02 * low.abs().max(high.abs())).max(1e-9);
        let range = [if low >= 0.0 { (low - air).max(0.0) } else { low - air }, high + air];
        let step = round_step((range[1] - range[0]) / most_ticks as f64);
        let first = (range[0] / step).ceil() as i64;
        let ticks = (first..).map(|i| i as f64 * step).take_while(|tick| *tick <= range[1]).collect();
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        Up { range, ticks, decimals }
    }

    fn text(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }
}

/// 1, 2 or 5 times a power of ten: the first that is not below `at_least`.
fn round_step(at_least: f64) -> f64 {
    let power = 10f64.powi(at_least.log10().floor() as i32);
    // a hair of tolerance, as 0.1 + 0.2 is no 0.3
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= at_least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, values: &[f64]) -> Curve {
        Curve { name: name.to_owned(), values: values.iter().copied().map(Some).collect() }
    }

    fn chart(n: usize) -> Chart {
        let falling = |from: f64| (1..=n).map(|i| 0.08 + from / i as f64).collect::<Vec<f64>>();
        let loss = Panel {
            name: "loss".to_owned(),
            curves: vec![curve("training", &falling(0.2)), curve("validation", &falling(0.15))],
        };
        Chart { title: ["mine".to_owned(), "dense".to_owned()], panels: vec![loss], marked: Some(n) }
    }

    fn count(sheet: &Pixels, colour: Colour) -> usize {
        sheet.data.chunks_exact(3).filter(|dot| *dot == colour).count()
    }

    #[test]
    fn steps_are_round_and_axes_hold_all_values() {
        let steps = [0.0013, 0.02, 0.021, 0.3, 1.0, 7.0, 90.0].map(round_step);
        assert_eq!(steps, [0.002, 0.02, 0.05, 0.5, 1.0, 10.0, 100.0]);
        let up = Up::of(&Panel { name: String::new(), curves: vec![curve("", &[0.0812, 0.1405])] }, 5);
        let texts: Vec<String> = up.ticks.iter().map(|&tick| up.text(tick)).collect();
        assert_eq!(texts, ["0.08", "0.10", "0.12", "0.14"]);
        assert!(up.range[0] < 0.0812 && up.range[1] > 0.1405);
        for values in [&[][..], &[0.0], &[-3.0, -3.0], &[f64::NAN], &[1e30, -1e30], &[0.5, f64::INFINITY]] {
            let up = Up::of(&Panel { name: String::new(), curves: vec![curve("", values)] }, 8);
            assert!((1..=10).contains(&up.ticks.len()), "{values:?}: {:?}", up.ticks);
        }
    }

    #[test]
    fn epochs_have_few_and_round_numbers() {
        assert_eq!(Across::of(0).ticks(), [1]);
        assert_eq!(Across::of(4).ticks(), [1, 2, 3, 4]);
        assert_eq!(Across::of(15).ticks(), [1, 2, 4, 6, 8, 10, 12, 14]);
        assert_eq!(Across::of(200).ticks()[..3], [1, 20, 40]);
        assert!(Across::of(12_345).ticks().len() <= 11);
        let across = Across::of(3);
        assert!(across.place(1) < across.place(2) && across.place(2) == Across::of(1).place(1));
    }

    #[test]
    fn curves_of_any_length_are_there() {
        for n in [1, 2, 15, 500] {
            let drawn = chart(n).draw();
            assert_eq!(drawn.data.len(), drawn.width * drawn.height * 3);
            let [training, validation] = [0, 1].map(|i| count(&drawn, COLOURS[i]));
            assert!(training > 60 && validation > 60, "{n} epochs: {training}, {validation}");
        }
        assert!(count(&Chart::default().draw(), PAPER) > 0);
    }

    #[test]
    fn a_lower_loss_is_drawn_lower_and_a_gap_stays_one() {
        let mut chart = chart(3);
        chart.panels[0].curves[0].values[1] = None;
        chart.panels[0].curves[1].values = vec![Some(f64::NAN); 3];
        let without = count(&chart.draw(), COLOURS[0]);
        assert!(without < count(&self::chart(3).draw(), COLOURS[0]));
        let axes = Axes {
            area: Area { x: 0, y: 100, width: 50, height: 200 },
            across: Across::of(3),
            up: Up::of(&chart.panels[0], 8),
        };
        let [low, high] = [0.15, 0.25].map(|value| axes.height_of(value));
        assert!(100.0 < high && high < low && low < 300.0);
    }

    #[test]
    fn a_second_panel_stands_below_the_first() {
        let mut both = chart(5);
        both.panels.push(Panel { name: "contrast".to_owned(), curves: vec![curve("contrast", &[5.0, 4.0])] });
        let (one, two) = (chart(5).draw(), both.draw());
        assert_eq!(two.height, one.height + BETWEEN + HEIGHTS[1]);
        // in a colour that no curve of the first has
        assert_eq!(count(&two, COLOURS[0]), count(&one, COLOURS[0]));
        assert!(count(&two, COLOURS[2]) > 60 && count(&one, COLOURS[2]) == 0);
    }
}
