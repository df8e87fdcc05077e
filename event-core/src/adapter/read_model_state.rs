//! [`ReadModelInfo`]: how a build of a view or projection is, for operators.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::builds::ModelKind;
use super::projection_report::ProjectionReport;
use crate::value::Position;

/// A build of a view or projection, and how far it is; see [`Health::read_models`](super::Health::read_models).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadModelInfo {
    /// The name of the view or projection.
    pub name: String,
    /// What it is.
    pub kind: ModelKind,
    /// The number of the build.
    pub build: u32,
    /// What becomes of it.
    pub state: BuildState,
    /// Everything up to here that passes its filter is in it.
    pub position: Position,
    /// How many positions it lags the end of the log: an upper limit of the events that it lacks.
    pub lag: u64,
    /// When the last event in it was recorded; events after it may not pass its filter.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Why the last try to write it failed, if this process tried, and has not succeeded since.
    pub last_error: Option<String>,
}

/// What becomes of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuildState {
    /// Readers read it.
    Current,
    /// It is made beside the current one, or is the first one.
    Building,
    /// A later one is current.
    Replaced,
}

impl BuildState {
    const ALL: [Self; 3] = [Self::Current, Self::Building, Self::Replaced];

    /// A word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Building => "building",
            Self::Replaced => "replaced",
        }
    }
}

/// How builds are, by what a backend says of them, the end of the log and the last errors by name.
pub(crate) fn states(
    reports: Vec<ProjectionReport>,
    head: Position,
    errors: &BTreeMap<&'static str, String>,
) -> Vec<ReadModelInfo> {
    let mut currents = BTreeMap::new();
    for report in reports.iter().filter(|report| report.is_current) {
        currents.insert(report.name.clone(), report.build);
    }
    let state = |report: &ProjectionReport| match currents.get(&report.name) {
        _ if report.is_current => BuildState::Current,
        Some(current) if report.build < *current => BuildState::Replaced,
        _ => BuildState::Building,
    };
    let info = |report: ProjectionReport| ReadModelInfo {
        state: state(&report),
        lag: head.get().saturating_sub(report.position.get()),
        last_error: errors.get(report.name.as_str()).cloned(),
        name: report.name,
        kind: report.kind,
        build: report.build,
        position: report.position,
        last_event_at: report.last_event_at,
    };
    reports.into_iter().map(info).collect()
}

/// Sets the gauges of builds that were listed: those that readers read, and what is made beside them.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(crate) fn measure(models: &[ReadModelInfo], now: DateTime<Utc>) {
    for it in models {
        for state in BuildState::ALL {
            metrics::gauge!(
                "event_store_projection_state",
                "projection" => it.name.clone(), "build" => it.build.to_string(), "state" => state.as_str()
            )
            .set(f64::from(u8::from(it.state == state)));
        }
        if it.state == BuildState::Current {
            let age =
                it.last_event_at.filter(|_| it.lag > 0).map_or(TimeDelta::zero(), |at| now - at);
            let age = age.to_std().unwrap_or_default().as_secs_f64();
            let name = it.name.clone();
            metrics::gauge!("event_store_projection_lag_events", "projection" => name.clone())
                .set(it.lag as f64);
            metrics::gauge!("event_store_projection_lag_seconds", "projection" => name).set(age);
        }
    }
}
