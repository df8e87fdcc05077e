//! Archives, deletes and truncates streams.

use std::collections::BTreeMap;

use crate::adapter::append::StreamChange;
use crate::adapter::append::judge::StreamHead;
use crate::adapter::{Delete, StreamState};
use crate::error::Result;
use crate::memory::State;
use crate::value::{ExpectedVersion, StreamId, Tenant};

impl State {
    pub(super) fn change(
        &mut self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        let head = self.head(tenant, stream_id);
        StreamHead::change(head.as_ref(), stream_id, expected, change)?;
        let Some(stream) = self.streams.get_mut(&(tenant.clone(), stream_id.clone())) else {
            return Ok(());
        };
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
            self.ids.remove(&(tenant.clone(), event.event_id()));
        }
        Ok(())
    }
}
