//! A map as pixels.

use super::content::MapPicture;
use super::layout::{COUNT, MapLayout, colour, left_out_text, legend_name};
use crate::draw::canvas::{Canvas, Pen};
use crate::draw::style::{GAP, INK, LINE, MARGIN, PAPER, RULE, STRONG, TEXT, WEAK, heading};
use crate::draw::text::{headed, text_middle, text_width};
use crate::images::Pixels;

pub(super) fn draw(picture: &MapPicture, layout: &MapLayout) -> Pixels {
    let mut canvas = Canvas::new(layout.width, layout.height, PAPER);
    heading(&mut canvas, picture.title.each_ref().map(String::as_str), headed);
    canvas.fill(layout.plot, [255; 3]);
    canvas.outline(layout.plot, RULE);
    for &row in &layout.order {
        let group = picture.colouring.of.get(row as usize).copied().flatten();
        let colour = colour(group.map(|group| group as usize), picture);
        canvas.disc(layout.positions[row as usize], layout.radius, colour);
    }
    for thumbnail in &layout.thumbnails {
        if thumbnail.moved {
            let area = thumbnail.area;
            let middle = (area.x as f32 + area.width as f32 / 2.0, area.y as f32 + area.height as f32 / 2.0);
            canvas.stroke([middle, thumbnail.at], 5.0, [255; 3]);
            canvas.stroke([middle, thumbnail.at], 2.0, INK);
            canvas.disc(thumbnail.at, 4.0, INK);
        }
    }
    for thumbnail in &layout.thumbnails {
        canvas.fill(thumbnail.area.grown(1), [255; 3]);
        canvas.fill(thumbnail.area, colour(thumbnail.group, picture));
        canvas.image(&picture.thumbnails[thumbnail.number].1, thumbnail.image);
    }
    legend(&mut canvas, picture, layout);
    canvas.into_pixels()
}

fn legend(canvas: &mut Canvas, picture: &MapPicture, layout: &MapLayout) {
    for &((x, y), group) in &layout.legend {
        let entry = &picture.colouring.groups[group];
        canvas.disc((x as f32 + 7.0, y as f32 + text_middle(TEXT)), 7.0, colour(Some(group), picture));
        canvas.text((x + GAP, y), &legend_name(&entry.name), STRONG);
        let size = crate::output::thousands(entry.size as u64);
        let right = layout.width - MARGIN - text_width(&size, TEXT);
        canvas.text((right, y), &size, Pen { size: TEXT, colour: COUNT });
    }
    if let (Some(((x, y), _)), Some(more)) = (layout.legend.last(), left_out_text(layout.left_out)) {
        canvas.text((x + GAP, y + LINE + 4), &more, WEAK);
    }
}
