//! A map as SVG. All dots of a group are one path of points with round ends, a tenth of the size of as many
//! circles.

use std::fmt::Write as _;

use super::content::MapPicture;
use super::layout::{COUNT, MapLayout, colour, is_photo, left_out_text, legend_name};
use crate::draw::canvas::Colour;
use crate::draw::style::{FAINT, GAP, INK, LINE, MARGIN, PAPER, RULE};
use crate::images::encode_png;
use crate::output::base64;

/// Dots are drawn in this many layers, so that groups cover each other in turns.
const LAYERS: usize = 8;
const FONT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"16\"";

pub(super) fn draw(picture: &MapPicture, layout: &MapLayout) -> String {
    let MapLayout { width, height, plot, .. } = layout;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" {FONT}>\n\
         <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
        escaped(&picture.title[0]),
        hex(PAPER)
    );
    let mut put = |line: String| {
        let _ = writeln!(svg, "{line}"); // to a string
    };
    for (line, (text, colour)) in picture.title.iter().zip([INK, FAINT]).enumerate() {
        put(text_at((MARGIN, MARGIN + line * LINE), text, colour, "start"));
    }
    put(format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#fff\" stroke=\"{}\"/>",
        plot.x,
        plot.y,
        plot.width,
        plot.height,
        hex(RULE)
    ));
    put(format!("<g fill=\"none\" stroke-linecap=\"round\" stroke-width=\"{:.1}\">", 2.0 * layout.radius));
    dots(picture, layout).into_iter().for_each(&mut put);
    put("</g>".to_owned());
    for thumbnail in layout.thumbnails.iter().filter(|thumbnail| thumbnail.moved) {
        let (area, (x, y)) = (thumbnail.area, thumbnail.at);
        let line = format!("M{x:.1} {y:.1}L{} {}", area.x + area.width / 2, area.y + area.height / 2);
        put(format!("<path d=\"{line}\" stroke=\"#fff\" stroke-width=\"5\"/>"));
        put(format!("<path d=\"{line}\" stroke=\"{}\" stroke-width=\"2\"/>", hex(INK)));
        put(format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{}\"/>", hex(INK)));
    }
    for thumbnail in &layout.thumbnails {
        let (outer, inner) = (thumbnail.area, thumbnail.image);
        let image = &picture.thumbnails[thumbnail.number].1;
        let sharp = if is_photo(image) { "" } else { "style=\"image-rendering: pixelated\" " };
        let name = thumbnail.group.map_or("", |group| &picture.colouring.groups[group].name);
        put(format!(
            "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" stroke=\"#fff\"/>",
            escaped(name),
            outer.x,
            outer.y,
            outer.width,
            outer.height,
            hex(colour(thumbnail.group, picture))
        ));
        if let Ok(png) = encode_png(image) {
            put(format!(
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {sharp}\
                 href=\"data:image/png;base64,{}\"/>",
                inner.x,
                inner.y,
                inner.width,
                inner.height,
                base64(&png)
            ));
        }
        put("</g>".to_owned());
    }
    legend(picture, layout).into_iter().for_each(&mut put);
    svg + "</svg>\n"
}

/// The paths of all groups, layer by layer.
fn dots(picture: &MapPicture, layout: &MapLayout) -> Vec<String> {
    let mut paths = Vec::new();
    for layer in layout.order.chunks(layout.order.len().div_ceil(LAYERS).max(1)) {
        let mut of_group = std::collections::BTreeMap::<Option<u32>, String>::new();
        for &row in layer {
            let (x, y) = layout.positions[row as usize];
            let path = of_group.entry(picture.colouring.of.get(row as usize).copied().flatten()).or_default();
            let _ = write!(path, "M{x:.1} {y:.1}h0"); // to a string
        }
        paths.extend(of_group.into_iter().map(|(group, path)| {
            let stroke = hex(colour(group.map(|group| group as usize), picture));
            format!("<path stroke=\"{stroke}\" d=\"{path}\"/>")
        }));
    }
    paths
}

fn legend(picture: &MapPicture, layout: &MapLayout) -> Vec<String> {
    let mut lines = Vec::new();
    for &((x, y), group) in &layout.legend {
        let entry = &picture.colouring.groups[group];
        let (cx, cy, fill) = (x + 7, y + 7, hex(colour(Some(group), picture)));
        lines.push(format!("<circle cx=\"{cx}\" cy=\"{cy}\" r=\"7\" fill=\"{fill}\"/>"));
        lines.push(text_at((x + GAP, y), &legend_name(&entry.name), INK, "start"));
        let size = crate::output::thousands(entry.size as u64);
        lines.push(text_at((layout.width - MARGIN, y), &size, COUNT, "end"));
    }
    if let (Some(((x, y), _)), Some(more)) = (layout.legend.last(), left_out_text(layout.left_out)) {
        lines.push(text_at((x + GAP, y + LINE + 4), &more, FAINT, "start"));
    }
    lines
}

/// A text whose top is at `y`.
fn text_at((x, y): (usize, usize), text: &str, colour: Colour, anchor: &str) -> String {
    let (y, fill, text) = (y + 13, hex(colour), escaped(text));
    format!("<text x=\"{x}\" y=\"{y}\" fill=\"{fill}\" text-anchor=\"{anchor}\">{text}</text>")
}

fn hex([r, g, b]: Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Escaped for XML; characters that it does not allow are shown as U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '"' => safe += "&quot;",
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push('\u{fffd}')
            }
            other => safe.push(other),
        }
    }
    safe
}
