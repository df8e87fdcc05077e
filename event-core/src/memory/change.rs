//! Archives, deletes and truncates streams.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::adapter::append::StreamChange;
use crate::adapter::append::judge::StreamHead;
use crate::adapter::{Delete, StreamState};
use crate::error::Result;
use crate::memory::{Location, State};
use crate::value::{ExpectedVersion, StreamId, Tenant};

/// How many calls a stream remembers.
const CALLS: usize = 16;

impl State {
    pub(super) fn change(
        &mut self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
        call: Option<Uuid>,
    ) -> Result<()> {
        let key = (tenant.clone(), stream_id.clone());
        let known = self.streams.get(&key).zip(call);
        if known.is_some_and(|(stream, call)| stream.calls.contains(&call)) {
            return Ok(());
        }
        let head = self.head(tenant, stream_id);
        StreamHead::change(head.as_ref(), stream_id, expected, change)?;
        let Some(stream) = self.streams.get_mut(&key) else {
            return Ok(());
        };
        stream.calls.extend(call);
        if stream.calls.len() > CALLS {
            stream.calls.pop_front();
        }
        let mut removed = Vec::new();
        match change {
            StreamChange::Archive => stream.state = StreamState::Archived,
            StreamChange::Delete(Delete::Soft) => stream.state = StreamState::SoftDeleted,
            StreamChange::Delete(Delete::Hard) => {
                stream.state = StreamState::HardDeleted;
                removed.append(&mut stream.events);
                stream.links = stream.links.take().map(|_| BTreeMap::new());
                self.snapshots.remove_stream(tenant, stream_id);
            }
            StreamChange::TruncateBefore(first) => {
                stream.first_version = stream.first_version.max(first);
                let end = stream.events.partition_point(|event| event.stream_version() < first);
                removed.extend(stream.events.drain(..end));
                if let Some(links) = &mut stream.links {
                    links.retain(|version, _| *version >= first);
                }
            }
        }
        for event in removed {
            self.log.remove(&event.position());
            let id = (tenant.clone(), event.event_id());
            self.ids.remove(&id);
            self.removed.insert(id, Location::of(&event));
        }
        Ok(())
    }
}
