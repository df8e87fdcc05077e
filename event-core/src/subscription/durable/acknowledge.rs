//! What becomes of a delivered event: acknowledged, failed, or requeued.

use std::sync::Arc;

use tokio::time::Instant;

use super::partition::{InFlight, Partition, Pause};
use super::settings::{OnFailure, Verdict};
use super::shared::{Receipt, Shared, State};
use crate::adapter::ParkedEvent;
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Result, SubscriptionError, with_causes};

impl Shared {
    /// Acknowledges an event; with `and_before`, also all that was delivered from its partition before it.
    ///
    /// # Errors
    /// `LeaseLost` when the partition belongs to another consumer now.
    pub(super) fn acknowledge(&self, receipt: &Receipt, and_before: bool) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        let State { partitions, to_unpark, flags, .. } = &mut *state;
        let partition = self.held(partitions, receipt)?;
        let position = receipt.delivery.event.position();
        if receipt.delivery.replay {
            if partition.finish_replay(position).is_some() {
                flags.replays.read_after(partition);
                to_unpark.push((receipt.partition, receipt.token, position));
                self.work.notify_one();
            }
            return Ok(());
        }
        let (clean, full) = (partition.dirty_since.is_none(), partition.full);
        if and_before {
            // A late acknowledgement is void for the events in flight now, too.
            if partition.attempts(position, receipt.delivery.tag).is_some() {
                partition.acknowledge_up_to(position, now);
            }
        } else {
            partition.acknowledge(position, receipt.delivery.tag, now);
        }
        self.notify_tasks(partition, clean, full || flags.scarce);
        Ok(())
    }

    /// Fails a delivery: the event is redelivered, or the policies decide.
    ///
    /// # Errors
    /// `LeaseLost` when the partition belongs to another consumer now.
    pub(super) fn reject(&self, receipt: &Receipt, error: BoxError) -> Result<()> {
        let now = Instant::now();
        let InFlight { event, attempt, tag, replay } = &receipt.delivery;
        let position = event.position();
        let mut state = self.state();
        let State { partitions, failed, to_park, flags, .. } = &mut *state;
        let partition = self.held(partitions, receipt)?;
        if *replay {
            if let Some(attempts) = partition.finish_replay(position) {
                flags.replays.read_after(partition);
                to_park.push((receipt.token, parked(receipt.partition, event, attempts, &*error)));
                self.work.notify_one();
            }
            return Ok(());
        }
        if partition.attempts(position, *tag).is_none() {
            return Ok(());
        }
        let name = &self.key.name;
        tracing::warn!(subscription = %name, position = %position, attempt, error = %with_causes(&*error), "an event could not be handled");
        match self.settings.judge(&*error, *attempt) {
            Verdict::Retry(pause) => {
                let by_stream = self.settings.retry_by_stream;
                let pause = if by_stream { Pause::Stream(pause) } else { Pause::Partition(pause) };
                partition.redeliver(position, *tag, pause, now);
            }
            Verdict::Apply(OnFailure::Skip) => {
                let (clean, full) = (partition.dirty_since.is_none(), partition.full);
                partition.skip(position, *tag, now);
                self.count("skipped", 1);
                self.notify_tasks(partition, clean, full || flags.scarce);
            }
            Verdict::Apply(OnFailure::Park) => {
                partition.start_parking(position, *tag);
                to_park.push((receipt.token, parked(receipt.partition, event, *attempt, &*error)));
                self.work.notify_one();
            }
            Verdict::Apply(OnFailure::Stop) => {
                let stopped = SubscriptionError::Stopped {
                    name: name.clone(),
                    at: Box::new(event.location()),
                    attempts: *attempt,
                    source: error,
                };
                failed.get_or_insert(stopped.into());
                self.work.notify_one();
                self.renew.notify_one();
            }
        }
        self.ready.send_replace(());
        Ok(())
    }

    /// Makes delivered events ready again whose handler was not called.
    pub(super) fn requeue(&self, receipts: &[Receipt]) {
        let mut state = self.state();
        for receipt in receipts {
            if let Ok(partition) = self.held(&mut state.partitions, receipt) {
                partition.requeue(receipt.delivery.event.position(), receipt.delivery.tag);
            }
        }
    }

    /// Wakes the tasks for which an acknowledgement changed something, and no others.
    fn notify_tasks(&self, partition: &Partition, was_clean: bool, was_full: bool) {
        if (was_clean && partition.dirty_since.is_some())
            || partition.unsaved.passed >= self.settings.checkpoint_every
            || partition.releasing
        {
            self.work.notify_one();
        }
        if was_full && !partition.full {
            self.room.notify_one();
        }
    }
}

fn parked(
    partition: u32,
    event: &Arc<RecordedEvent>,
    attempts: u32,
    error: &(dyn std::error::Error + 'static),
) -> ParkedEvent {
    ParkedEvent {
        position: event.position(),
        event_id: event.event_id(),
        partition,
        attempts,
        error: with_causes(error),
        // The store sets the time and the replay mark.
        parked_at: chrono::DateTime::UNIX_EPOCH,
        replay: false,
    }
}
