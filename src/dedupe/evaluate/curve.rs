//! Draws precision over recall as an SVG picture, which is readable on light and dark pages and needs no
//! script or font.

use std::fmt::Write as _;

use super::result::{Evaluation, OperatingPoint};

/// The size of the picture, and the square that the curve is drawn in, in pixels.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 44.0;
const SIDE: f64 = 320.0;

fn x(point: &OperatingPoint) -> f64 {
    LEFT + SIDE * point.recall
}

fn y(point: &OperatingPoint) -> f64 {
    TOP + SIDE * (1.0 - point.precision)
}

/// The picture.
pub(super) fn curve_svg(evaluation: &Evaluation) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-label=\"precision over recall\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"14\" font-weight=\"600\" fill=\"#1d2330\">Precision over recall: average precision {:.4}, \
         {} true pairs</text>\n",
        evaluation.average_precision, evaluation.true_pairs
    );
    let mut add = |line: String| {
        let _ = writeln!(svg, "{line}"); // to a string
    };
    for i in 0..=5 {
        let share = f64::from(i) / 5.0;
        let (across, down) = (LEFT + SIDE * share, TOP + SIDE * (1.0 - share));
        let (right, low) = (LEFT + SIDE, TOP + SIDE);
        add(format!("<path d=\"M{across:.1} {TOP}V{low}M{LEFT} {down:.1}H{right}\" stroke=\"#e3e6ec\"/>"));
        add(format!(
            "<text x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#5a6375\">{share:.1}</text>",
            low + 18.0
        ));
        add(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#5a6375\">{share:.1}</text>",
            LEFT - 8.0,
            down + 4.0
        ));
    }
    let middle = LEFT + SIDE / 2.0;
    add(format!(
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#1d2330\">recall</text>",
        HEIGHT - 16.0
    ));
    add(format!(
        "<text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\" fill=\"#1d2330\">precision</text>",
        TOP + SIDE / 2.0
    ));
    let path: Vec<String> =
        evaluation.curve.iter().map(|point| format!("{:.1},{:.1}", x(point), y(point))).collect();
    add(format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#2f6fde\" stroke-width=\"2\" stroke-linejoin=\"round\"/>",
        path.join(" ")
    ));
    let at = &evaluation.at_threshold;
    add(format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#cd4834\"/>", x(at), y(at)));
    let (anchor, aside) = if at.recall > 0.5 { ("end", -10.0) } else { ("start", 10.0) };
    add(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"#cd4834\">similarity {:.4}: precision {:.3}, recall {:.3}</text>",
        x(at) + aside,
        y(at) + if at.precision > 0.5 { 20.0 } else { -12.0 },
        at.similarity,
        at.precision,
        at.recall
    ));
    svg + "</svg>\n"
}
