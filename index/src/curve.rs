//! The calibration curve: the recall and cost of scanning so many buckets, measured at build and stored in
//! the segment.

use crate::layout::{Fault, Kind, u32_at};

/// Bytes of one recorded [`RecallPoint`].
const POINT: usize = 20;
/// The most points of a curve, and of those with one `k`: each is timed when somebody asks how long a search takes.
const MAX_POINTS: usize = 1024;
const MAX_POINTS_OF_K: usize = 100;

/// A point of the calibration curve, measured when the segment was built.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RecallPoint {
    /// The number of neighbours asked for.
    pub k: u32,
    /// Buckets scanned.
    pub probes: u32,
    /// True if the buckets were found by a walk through the graph, false if by a scan of all representatives.
    pub graph: bool,
    /// Share of the true neighbours found, less one standard error: 0 to 1.
    pub recall: f32,
    /// Cost of such a search, in codes compared in one scan.
    pub cost: u32,
}

/// The recorded form of a curve.
pub(crate) fn encode(curve: &[RecallPoint]) -> Vec<u8> {
    let fields = |point: &RecallPoint| {
        [point.k, point.probes, u32::from(point.graph), point.recall.to_bits(), point.cost]
    };
    curve.iter().flat_map(fields).flat_map(u32::to_le_bytes).collect()
}

/// The curve of a recorded form.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<RecallPoint>, Fault> {
    if bytes.len() > MAX_POINTS * POINT || !bytes.len().is_multiple_of(POINT) {
        let expected = format!("at most {MAX_POINTS} points of {POINT} bytes");
        return Err(Fault::new(Kind::Calibration.name(), expected, format!("{} bytes", bytes.len())));
    }
    let points: Vec<RecallPoint> = bytes.chunks_exact(POINT).map(decode_point).collect();
    let fault = |expected: String, got: String| Err(Fault::new(Kind::Calibration.name(), expected, got));
    // one standard error may be more than the mean
    if let Some(point) = points.iter().find(|point| !(-1.0..=1.0).contains(&point.recall)) {
        return fault("a share of at most 1".to_owned(), point.recall.to_string());
    }
    let groups = points.chunk_by(|a, b| a.k == b.k);
    if let Some(group) = groups.clone().find(|group| group.len() > MAX_POINTS_OF_K) {
        return fault(format!("at most {MAX_POINTS_OF_K} points of one k"), group.len().to_string());
    }
    if !points.is_sorted_by_key(|point| point.k) {
        return fault("points sorted by k".to_owned(), "others".to_owned());
    }
    Ok(points)
}

fn decode_point(bytes: &[u8]) -> RecallPoint {
    RecallPoint {
        k: u32_at(bytes, 0),
        probes: u32_at(bytes, 4),
        graph: u32_at(bytes, 8) == 1,
        recall: f32::from_bits(u32_at(bytes, 12)),
        cost: u32_at(bytes, 16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_that_promises_nonsense_is_refused() {
        let point = |k, recall| RecallPoint { k, probes: 1, graph: false, recall, cost: 9 };
        let decoded = |curve: &[RecallPoint]| decode(&encode(curve)).ok();
        let sound = [point(10, -0.01), point(10, 1.0), point(50, 0.0)];
        assert_eq!(decoded(&sound).as_deref(), Some(&sound[..]));
        for recall in [f32::NAN, f32::INFINITY, 1.01, -2.0] {
            assert_eq!(decoded(&[point(10, recall)]), None, "{recall}");
        }
        assert_eq!(decoded(&[point(50, 1.0), point(10, 1.0)]), None, "not sorted");
        assert!(decoded(&[point(10, 0.5); MAX_POINTS_OF_K]).is_some());
        assert_eq!(decoded(&[point(10, 0.5); MAX_POINTS_OF_K + 1]), None, "each is timed");
        let many: Vec<_> = (0..=MAX_POINTS as u32).map(|k| point(k, 0.5)).collect();
        assert!(decoded(&many[1..]).is_some() && decoded(&many).is_none());
    }
}
