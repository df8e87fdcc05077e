//! What becomes of streams: archived, deleted, truncated.

use std::collections::BTreeMap;

use crate::adapter::{Delete, StreamChange, StreamState};
use crate::error::{Error, Result};
use crate::memory::State;
use crate::value::{Conflict, ExpectedVersion, StreamId, StreamVersion, Tenant};

impl State {
    pub(super) fn change(
        &mut self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        let Some(stream) = self.streams.get_mut(&(tenant.clone(), stream_id.clone())) else {
            // The claim that there is no stream holds: there is nothing to delete (D-23).
            let none = [ExpectedVersion::NoStream, ExpectedVersion::Exact(StreamVersion::NONE)];
            return match change {
                StreamChange::Delete(_) if none.contains(&expected) => Ok(()),
                _ => Err(Error::stream_not_found(stream_id.clone())),
            };
        };
        if stream.state.is_deleted() {
            return Err(Error::stream_deleted(stream_id.clone()));
        }
        let refused = |conflict| Error::conflict(stream_id.clone(), conflict);
        expected.check(stream.version).map_err(refused)?;
        let mut gone = Vec::new();
        match change {
            StreamChange::Archive => stream.state = StreamState::Archived,
            StreamChange::Delete(Delete::Soft) => stream.state = StreamState::SoftDeleted,
            StreamChange::Delete(Delete::Hard) => {
                stream.state = StreamState::HardDeleted;
                gone.append(&mut stream.events);
                stream.links = stream.links.take().map(|_| BTreeMap::new());
                self.snapshots.forget(tenant, stream_id);
            }
            StreamChange::TruncateBefore(first) => {
                if first > stream.version.next() {
                    let before = StreamVersion::new(first.get() - 1);
                    let expected = ExpectedVersion::Exact(before);
                    return Err(refused(Conflict { expected, actual: stream.version }));
                }
                stream.first_version = stream.first_version.max(first);
                let kept = stream.events.partition_point(|event| event.stream_version() < first);
                gone.extend(stream.events.drain(..kept));
                if let Some(links) = &mut stream.links {
                    links.retain(|version, _| *version >= first);
                }
            }
        }
        for event in gone {
            self.log.remove(&event.position());
            self.ids.remove(&(tenant.clone(), event.event_id()));
        }
        Ok(())
    }
}
