//! The forms of an event around its payload: new, encoded and recorded; closed sets of events; codecs.

mod cause;
pub(crate) mod codec;
pub(crate) mod new_event;
pub(crate) mod plain_set;
pub(crate) mod proof;
pub(crate) mod recorded;
pub(crate) mod set;

pub(crate) use self::new_event::NewEvent;
pub(crate) use self::recorded::RecordedEvent;
pub(crate) use self::set::EventSet;

pub use self::codec::{Codec, JsonCodec, Serializer, StoredEvent};
pub use self::new_event::{EventData, NewEvents};
pub use self::recorded::RecordedParts;
