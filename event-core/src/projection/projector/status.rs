//! [`ProjectionStatus`]: how far a build is, for readers that wait for what they wrote, and for operators.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};

use crate::error::Result;
use crate::value::{EventId, Position};

/// The first pause between two looks at a checkpoint; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How far a build of a projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// The number of the build.
    pub build: u32,
    /// Where its tables are: the schema that holds them or, in a file, what their names begin with.
    pub schema: String,
    /// Whether readers are meant to read it.
    pub is_current: bool,
    /// The checkpoint: everything up to here that passes the filter is in the tables.
    pub position: Position,
    /// Events in the tables.
    pub events: u64,
    /// When the last of them was recorded.
    pub last_event_at: Option<DateTime<Utc>>,
    /// The last event in the tables, and its position.
    pub last_event: Option<(EventId, Position)>,
    /// The filter of the build, as text.
    pub filter: String,
}

/// For authors of backends: asks for the status of a build until its checkpoint has reached a position; false if that
/// took longer than `at_most`.
///
/// # Errors
/// Those of `status`.
pub async fn wait_for<F>(
    position: Position,
    at_most: Duration,
    mut status: impl FnMut() -> F + Send,
) -> Result<bool>
where
    F: Future<Output = Result<Option<ProjectionStatus>>> + Send,
{
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if status().await?.is_some_and(|status| status.position >= position) {
            return Ok(true);
        }
        let left = at_most.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
