//! What the server function answers about each stream of an append.

use event_core::adapter::StreamState;
use event_core::adapter::append::{Commit, StreamAppend};
use event_core::{Appended, Conflict, Error, EventId, Outcome, Position, Result, StreamVersion};
use event_sql::queue::APPEND;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::row::Cells;
use crate::status::{self, AppendStatus};

/// The answer about one stream.
struct Answer {
    status: AppendStatus,
    version: Option<i64>,
    state: Option<String>,
    live: Option<i64>,
    position: Option<i64>,
    event_id: Option<Uuid>,
}

impl Answer {
    fn read(operation: &'static str, row: &PgRow) -> Result<Self> {
        let cells = Cells::new(row);
        Ok(Self {
            status: AppendStatus::read(operation, &cells)?,
            version: cells.get("stream_version")?,
            state: cells.get("state")?,
            live: cells.get("live")?,
            position: cells.get("last_position")?,
            event_id: cells.get("event_id")?,
        })
    }
}

/// Why one append of a group was refused.
pub(crate) struct Refused {
    pub(crate) status: String,
    pub(crate) version: Option<i64>,
    pub(crate) state: Option<String>,
    pub(crate) live: Option<i64>,
}

impl Refused {
    /// The error that it means.
    pub(crate) fn error(self, commit: &Commit, append: &StreamAppend) -> Result<Error> {
        let status = AppendStatus::parse(APPEND, &self.status)?;
        let Self { version, state, live, .. } = self;
        let answer = Answer { status, version, state, live, position: None, event_id: None };
        refusal(commit, APPEND, append, &answer)
    }
}

/// The answers in the commit's order, those of claims left out, or the error that they mean.
pub(super) fn answers(
    commit: &Commit,
    operation: &'static str,
    rows: &[PgRow],
) -> Result<Vec<Appended>> {
    let answers: Vec<Answer> =
        rows.iter().map(|row| Answer::read(operation, row)).collect::<Result<_>>()?;
    let appends = commit.appends.iter().filter(|append| !append.is_claim()).count();
    let streams = commit.appends.len();
    let all = |status| answers.iter().take(appends).all(|answer| answer.status == status);
    // Ids that are in use end the call before the claims, which come last, are judged.
    let is_judged = answers.len() == streams;
    if !is_judged && answers.len() != appends {
        let reason = format!("{} answers for {streams} streams", answers.len());
        return Err(Error::adapter(operation, reason));
    }
    let claims_hold =
        || answers.iter().skip(appends).all(|it| it.status == AppendStatus::ClaimHolds);
    let outcome = if is_judged && all(AppendStatus::Stored) && claims_hold() {
        Outcome::Stored
    } else if answers.len() == appends && all(AppendStatus::AlreadyStored) {
        Outcome::AlreadyStored
    } else {
        let mut streams = commit.appends.iter().zip(&answers);
        let refused = streams.find(|(_, answer)| answer.status != AppendStatus::ClaimHolds);
        return Err(match refused {
            Some((append, answer)) => refusal(commit, operation, append, answer)?,
            None => Error::adapter(operation, "nothing was stored, and no stream says why"),
        });
    };
    let appended = answers.iter().take(appends).map(|answer| {
        let (Some(version), Some(position)) = (answer.version, answer.position) else {
            return Err(Error::adapter(operation, "an answer without its numbers"));
        };
        Ok(Appended {
            stream_version: StreamVersion::try_from(version)?,
            position: Position::try_from(position)?,
            outcome,
        })
    });
    appended.collect()
}

/// The error that a status means.
fn refusal(
    commit: &Commit,
    operation: &'static str,
    append: &StreamAppend,
    answer: &Answer,
) -> Result<Error> {
    let stream_id = append.stream_id.clone();
    Ok(match answer.status {
        AppendStatus::WrongVersion => {
            let actual = StreamVersion::try_from(answer.version.unwrap_or_default())?;
            Error::conflict(stream_id, Conflict { expected: append.expected, actual })
        }
        AppendStatus::NotActive => match status::stream_state(answer.state.as_deref()) {
            Some((StreamState::Archived, _)) => Error::stream_archived(stream_id),
            Some((StreamState::SoftDeleted | StreamState::HardDeleted, _)) => {
                Error::stream_deleted(stream_id)
            }
            Some((StreamState::Active, true)) => Error::mixed_stream(stream_id, true),
            _ => status::unexpected(operation, answer.status, answer.state.as_deref()),
        },
        AppendStatus::AlreadyStored | AppendStatus::IdConflict => Error::event_id_conflict(
            stream_id,
            answer.event_id.map(EventId::from_uuid),
            "stored elsewhere, in another order, or only in part",
        ),
        AppendStatus::LimitReached => {
            let limit = commit.stream_limit.unwrap_or_default();
            let live = answer.live.unwrap_or_default();
            Error::stream_limit_reached(stream_id, limit, u64::try_from(live).unwrap_or_default())
        }
        AppendStatus::Stored | AppendStatus::ClaimHolds => {
            status::unexpected(operation, answer.status, answer.state.as_deref())
        }
    })
}
