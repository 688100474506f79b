//! The losses of a training as a chart.

use std::collections::BTreeSet;

use crate::draw::chart::{Chart, Curve, Panel};
use crate::model::Metadata;
use crate::observer::EpochReport;
use crate::output::count;

/// The losses over the epochs, and below them what the family adds. `kept` is the exported epoch, from 1; where there is
/// validation, it is marked.
pub(super) fn curve(title: String, metadata: &Metadata, epochs: &[EpochReport], kept: usize) -> Chart {
    let of = |name: &str, value: &dyn Fn(&EpochReport) -> Option<f64>| Curve {
        name: name.to_owned(),
        values: epochs.iter().map(value).collect(),
    };
    let mut losses = vec![of("training", &|e| Some(e.train_loss))];
    let validated = epochs.iter().any(|e| e.val_loss.is_some());
    losses.extend(validated.then(|| of("validation", &|e| e.val_loss)));
    let names: BTreeSet<&str> = epochs.iter().flat_map(|e| e.terms.keys().map(String::as_str)).collect();
    let terms: Vec<Curve> = names.into_iter().map(|name| of(name, &|e| e.terms.get(name).copied())).collect();
    let panel = |name: &str, curves| Panel { name: name.to_owned(), curves };
    let mut panels = vec![panel("loss per pixel", losses)];
    if !terms.is_empty() {
        panels.push(panel("added by the family", terms));
    }
    let about = format!(
        "{}, {}, {}, {}",
        metadata.family,
        count(metadata.training_images as u64, "image"),
        count(epochs.len() as u64, "epoch"),
        duration(epochs.iter().map(|e| e.seconds).sum())
    );
    Chart { title: [title, about], panels, marked: validated.then_some(kept) }
}

/// `4.20 s`, or `12 min 05 s`.
fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 60.0 => format!("{seconds:.2} s"),
        seconds => format!("{} min {:02} s", (seconds / 60.0) as u64, (seconds % 60.0) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::InputShape;
    use crate::model::Family;

    fn epoch(epoch: usize, val_loss: Option<f64>, terms: &[(&str, f64)]) -> EpochReport {
        EpochReport {
            epoch,
            train_loss: 1.0 / epoch as f64,
            val_loss,
            terms: terms.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
            seconds: 31.5,
            learning_rate: 1e-3,
            best: true,
        }
    }

    #[test]
    fn every_loss_has_its_curve_and_with_validation_the_kept_one_is_marked() {
        let input = InputShape { channels: 1, height: 28, width: 28 };
        let architecture = Family::Dense.architecture(input, 64).unwrap();
        let metadata = Metadata { training_images: 1, ..Metadata::new("mine", &architecture, 64) };
        let plain = curve("mine".into(), &metadata, &[epoch(1, None, &[])], 1);
        assert_eq!((plain.panels.len(), plain.panels[0].curves.len(), plain.marked), (1, 1, None));
        assert_eq!(plain.title[1], "dense, 1 image, 1 epoch, 31.50 s");
        let epochs = [epoch(1, Some(0.3), &[("generator", 2.0)]), epoch(2, Some(0.2), &[])];
        let chart = curve("mine".into(), &metadata, &epochs, 2);
        assert_eq!((chart.panels.len(), chart.marked), (2, Some(2)));
        assert_eq!(chart.panels[0].curves[1].values, [Some(0.3), Some(0.2)]);
        assert_eq!(chart.panels[1].curves[0].values, [Some(2.0), None]);
        assert!(chart.title[1].ends_with("2 epochs, 1 min 03 s"));
    }
}
