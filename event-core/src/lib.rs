//! Typed, versioned events and the store that keeps them: traits, registry, migrations, facade, adapter seam,
//! recovery.
//!
//! It is no database, no message broker and no ORM: a backend crate (`event-postgres`) or the in-memory adapter
//! stores the events, and this crate does no I/O of its own.

#[cfg(test)]
extern crate self as event_core;

pub mod adapter;
pub mod aggregate;
pub mod envelope;
pub mod error;
pub mod event;
mod memory;
pub mod projection;
pub mod registry;
pub mod shape;
pub mod store;
pub mod subscription;
pub mod transfer;
pub mod value;

/// Events by topics, after they are committed.
pub mod broadcast {
    pub use crate::subscription::broadcast::{
        Broadcast, Cached, Copies, EventCache, Listener, Message,
    };
}
/// What a store says of its state.
pub mod health {
    pub use crate::adapter::health::{Blocker, Health, PoolUse, Stall};
}
/// Sets as sorted lists in JSON.
pub mod plain_set {
    pub use crate::envelope::plain_set::{deserialize, serialize};
}

pub use crate::adapter::Adapter;
pub use crate::adapter::append::{Appended, Outcome};
pub use crate::adapter::request::{AllOptions, Delete, ListOptions, ReadOptions, StreamInfo};
pub use crate::aggregate::Aggregate;
pub use crate::aggregate::report::Recovered;
pub use crate::aggregate::snapshots::Snapshots;
pub use crate::envelope::new_event::NewEvent;
pub use crate::envelope::proof::assert_disjoint;
pub use crate::envelope::recorded::RecordedEvent;
pub use crate::envelope::set::EventSet;
pub use crate::error::{Category, Error, Result};
pub use crate::event::migration::MigrationError;
pub use crate::event::{AnyEvent, Event, InvalidEvent};
pub use crate::memory::MemoryAdapter;
pub use crate::projection::Projection;
pub use crate::registry::Registry;
pub use crate::registry::problem::RegistryErrors;
pub use crate::shape::of::Shape;
pub use crate::store::EventStore;
pub use crate::store::builder::StoreBuilder;
pub use crate::store::event_stream::EventStream;
pub use crate::store::retry::RetryPolicy;
pub use crate::subscription::filter::Filter;
pub use crate::subscription::{StartFrom, Subscription};
pub use crate::value::clock::Clock;
pub use crate::value::expected_version::{Conflict, ExpectedVersion};
pub use crate::value::id::EventId;
pub use crate::value::metadata::Metadata;
pub use crate::value::number::{BatchSize, InvalidBatchSize, Position, StreamVersion};
pub use crate::value::scope::Scope;
pub use crate::value::stream_id::{InvalidStreamId, StreamId, Tenant};
pub use crate::value::version::EventVersion;
#[cfg(feature = "derive")]
pub use event_derive::{Event, Shape};
pub use serde_json;

/// What generated code names; no API.
#[doc(hidden)]
pub mod __private {
    pub use core::clone::Clone;
    pub use core::convert::{From, TryFrom};
    pub use core::option::Option::{self, None, Some};
    pub use core::result::Result::{self, Err, Ok};
    pub use core::{env, file, line};

    pub use chrono::{DateTime, Utc};
    pub use inventory::submit;

    pub use crate::envelope::proof::{
        SetVariant, also_from, assert_distinct, json_chain, json_step, json_step_from, not_in_set,
        reappend, set_variant, typed_step,
    };
    pub use crate::error::Error;
    pub use crate::event::facts::Facts;
    pub use crate::event::history::{Also, History, JsonStep, Typed};
    pub use crate::event::{AnyEvent, Event, InvalidEvent, Origin};
    pub use crate::registry::registration::{ExtraMigration, Registration};
    pub use crate::{__field as field, EventSet, NewEvent, RecordedEvent};
    pub use core::any::type_name;

    pub use crate::EventVersion;
    pub use crate::shape::of::Shape;
    pub use crate::shape::{
        FieldSpec, FieldsSpec, ForeignForm, Form, Probe, Shapes, Spec, Tagging, VariantSpec,
    };
}
