//! The write-ahead log: how long it is, and how it is bounded.
//!
//! SQLite moves it into the file from time to time, but starts it anew only at a moment when nobody reads from it. Where
//! reads always overlap there is none, and it would grow for ever. Past a limit, the log is moved while nobody writes:
//! reads that begin from then on do not need it, and those before them end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Pool, run};
use crate::row::Cells;
use crate::sql;

/// Bytes of the log past which it is started anew; SQLite itself moves it from 4 MiB on.
const LIMIT: u64 = 8 << 20;
/// Bytes that it grows by before it is tried again, where a long read or another program was in the way.
const STEP: u64 = 4 << 20;

/// What is known of the log.
#[derive(Debug)]
pub(super) struct WriteAhead {
    bytes: AtomicU64,
    limit: AtomicU64,
}

impl Default for WriteAhead {
    fn default() -> Self {
        Self { bytes: AtomicU64::new(0), limit: AtomicU64::new(LIMIT) }
    }
}

impl WriteAhead {
    /// Records how long it is.
    pub(super) fn is(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
        if bytes <= LIMIT {
            self.limit.store(LIMIT, Relaxed);
        }
    }
}

impl Pool {
    /// How many bytes the write-ahead log has.
    pub(crate) fn write_ahead_bytes(&self) -> u64 {
        self.write_ahead.bytes.load(Relaxed)
    }

    /// Starts the log anew if it is too long. The caller keeps the program's other writers waiting.
    pub(super) async fn bound_write_ahead(&self) {
        let bytes = self.write_ahead_bytes();
        if bytes <= self.write_ahead.limit.load(Relaxed) {
            return;
        }
        let mut anchor = self.anchor.lock().await;
        let Some(connection) = anchor.as_mut() else { return };
        // Without it the log grows, but nothing fails.
        let rows = run(connection, sql::RESET_LOG).await.unwrap_or_default();
        let was_busy = rows.first().map(|row| Cells::new(row).first::<i64>());
        if !matches!(was_busy, Some(Ok(0))) {
            self.write_ahead.limit.store(bytes.saturating_add(STEP), Relaxed);
            tracing::warn!(
                bytes,
                path = %crate::error::shown(self.path()),
                "the write-ahead log grows: a long read, or another program, keeps it from being restarted"
            );
        }
    }
}
