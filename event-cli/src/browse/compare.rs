//! [`Comparison`]: what is stored beside what it reads as today, line by line.

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::pretty::Pretty;

/// After this time the rest is compared less closely.
const PATIENCE: Duration = Duration::from_millis(500);

/// Two texts side by side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Comparison {
    pub(super) stored: Pretty,
    pub(super) latest: Pretty,
    pub(super) pairs: Vec<Pair>,
}

/// A row: the numbers of the lines that stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) stored: Option<usize>,
    pub(super) latest: Option<usize>,
    pub(super) is_same: bool,
}

impl Comparison {
    pub(super) fn new(stored: Pretty, latest: Pretty) -> Self {
        let hashes = |text: &Pretty| text.lines.iter().map(|line| line.hash).collect::<Vec<_>>();
        let (old, new) = (hashes(&stored), hashes(&latest));
        let until = Some(Instant::now() + PATIENCE);
        let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, until);
        let pairs = ops.iter().flat_map(pairs_of).collect();
        Self { stored, latest, pairs }
    }

    /// Whether both read the same.
    pub(super) fn is_same(&self) -> bool {
        self.pairs.iter().all(|pair| pair.is_same) && self.stored.ends_as(&self.latest)
    }
}

/// The rows of a part: what was replaced stands beside what replaces it.
fn pairs_of(op: &DiffOp) -> Vec<Pair> {
    let (old, new) = (op.old_range(), op.new_range());
    let is_same = matches!(op, DiffOp::Equal { .. });
    let rows = old.len().max(new.len());
    let line =
        |range: &std::ops::Range<usize>, row: usize| (row < range.len()).then(|| range.start + row);
    (0..rows)
        .map(|row| Pair { stored: line(&old, row), latest: line(&new, row), is_same })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_stands_side_by_side() {
        let stored = Pretty::new(r#"{"customer":"ann","total":3}"#);
        let latest = Pretty::new(r#"{"customer":"ann","cents":300,"channel":"shop"}"#);
        let comparison = Comparison::new(stored, latest);
        let rows: Vec<_> =
            comparison.pairs.iter().map(|it| (it.stored, it.latest, it.is_same)).collect();
        let expected = [
            (Some(0), Some(0), true),
            (Some(1), Some(1), true),
            (Some(2), Some(2), false),
            (None, Some(3), false),
            (Some(3), Some(4), true),
        ];
        assert_eq!(rows, expected);
        assert!(!comparison.is_same());
    }

    #[test]
    fn a_comma_is_no_difference() {
        let one = Pretty::new(r#"{"a":1}"#);
        let two = Pretty::new(r#"{"a":1,"b":2}"#);
        let changed = Comparison::new(one.clone(), two).pairs;
        assert_eq!(changed.iter().filter(|pair| !pair.is_same).count(), 1);
        assert!(Comparison::new(one.clone(), one).is_same());
    }

    #[test]
    fn a_difference_behind_the_lines_that_are_kept_is_seen() {
        let list = |last: u32| Pretty::new(&format!("[{}{last}]", "0,".repeat(30_000)));
        assert!(list(1).is_cut && list(1).lines == list(2).lines);
        assert!(Comparison::new(list(1), list(1)).is_same());
        assert!(!Comparison::new(list(1), list(2)).is_same());
    }
}
