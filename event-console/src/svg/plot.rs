//! A figure over time as an area. The drawing is stretched to the width of the page; its scale is text beside it, which is
//! readable at any width.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::text;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;
/// The most points that are drawn.
const MOST: usize = 120;

/// A figure over time; `None` where it is not known.
pub(crate) struct Plot<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    /// What one is, and many are.
    pub(crate) unit: (&'a str, &'a str),
    pub(crate) points: Vec<(DateTime<Utc>, Option<f64>)>,
}

impl Plot<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let points = thinned(&self.points);
        let known: Vec<f64> = points.iter().filter_map(|(_, value)| *value).collect();
        let most = known.iter().copied().fold(0.0, f64::max);
        let now = points.last().and_then(|(_, value)| *value);
        let caption = match now {
            None => "not known".to_owned(),
            Some(now) => format!("now {}, at most {}", self.value(now), self.value(most)),
        };
        html! {
            figure.plot aria-labelledby=(self.id) {
                figcaption {
                    span.title id=(self.id) { (self.title) }
                    span.quiet { (caption) }
                }
                @if known.len() < 2 {
                    p.nothing { "Being collected: the first figures appear in a few seconds." }
                } @else {
                    div.axes {
                        span.top aria-hidden="true" { (short(scale(most))) }
                        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img"
                            aria-label=(format!("{}: {caption}", self.title)) {
                            @for at in [0.25, 0.5, 0.75] {
                                @let y = format!("{:.0}", HEIGHT * at);
                                line.grid x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                            }
                            @for run in runs(&points, scale(most)) {
                                path.area d=(run.area) {}
                                path.line d=(run.line) {}
                            }
                        }
                        span.from aria-hidden="true" { (clock(points.first())) }
                        span.to aria-hidden="true" { (clock(points.last())) " UTC" }
                    }
                }
            }
        }
    }

    fn value(&self, value: f64) -> String {
        let (one, many) = self.unit;
        format!("{} {}", short(value), if (value - 1.0).abs() < f64::EPSILON { one } else { many })
    }
}

/// Points that follow each other, as paths.
struct Run {
    area: String,
    line: String,
}

fn runs(points: &[(DateTime<Utc>, Option<f64>)], most: f64) -> Vec<Run> {
    let (Some((from, _)), Some((to, _))) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let seconds = |time: &DateTime<Utc>| as_f64((*time - *from).num_milliseconds());
    let span = seconds(to).max(1.0);
    let place = |(time, value): &(DateTime<Utc>, Option<f64>)| {
        value.map(|value| (seconds(time) / span * WIDTH, HEIGHT - value / most * (HEIGHT - 4.0)))
    };
    let mut runs = Vec::new();
    for run in points.split(|(_, value)| value.is_none()) {
        let places: Vec<(f64, f64)> = run.iter().filter_map(place).collect();
        let (Some(first), Some(last)) = (places.first(), places.last()) else { continue };
        let mut line = String::new();
        for (x, y) in &places {
            let command = if line.is_empty() { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(line, "{command}{x:.1} {y:.1}");
        }
        let area = format!("{line}L{:.1} {HEIGHT}L{:.1} {HEIGHT}Z", last.0, first.0);
        runs.push(Run { area, line });
    }
    runs
}

/// The points, several as one where there are too many: the highest of them, so that no peak is lost.
fn thinned(points: &[(DateTime<Utc>, Option<f64>)]) -> Vec<(DateTime<Utc>, Option<f64>)> {
    let step = points.len().div_ceil(MOST).max(1);
    let highest = |several: &[(DateTime<Utc>, Option<f64>)]| {
        let values = several.iter().filter_map(|(_, value)| *value);
        several.last().map(|(time, _)| (*time, values.reduce(f64::max)))
    };
    points.rchunks(step).rev().filter_map(highest).collect()
}

/// The end of the scale: the next round number.
fn scale(most: f64) -> f64 {
    let power = 10_f64.powf(most.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|end| *end >= most).unwrap_or(most)
}

#[allow(clippy::cast_precision_loss, reason = "a place in a drawing")]
const fn as_f64(number: i64) -> f64 {
    number as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, rounded")]
fn short(value: f64) -> String {
    if value > 0.0 && value < 10.0 && value.fract() > 0.05 {
        format!("{value:.1}")
    } else {
        text::number(value.round() as u64)
    }
}

fn clock(point: Option<&(DateTime<Utc>, Option<f64>)>) -> String {
    point.map(|(time, _)| time.format("%H:%M:%S").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_gap_parts_the_line_and_a_peak_is_kept() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let at = |n: i64| start + TimeDelta::seconds(n);
        let points: Vec<_> = (0..1_000)
            .map(|n| {
                (at(n), (!(400..600).contains(&n)).then_some(if n == 333 { 90.0 } else { 1.0 }))
            })
            .collect();
        let thin = thinned(&points);
        assert!(thin.len() <= MOST + 1);
        assert!(thin.iter().any(|(_, value)| *value == Some(90.0)));
        assert_eq!(runs(&thin, 100.0).len(), 2);
        assert_eq!((scale(90.0), scale(0.0), scale(230.0)), (100.0, 1.0, 500.0));
    }
}
