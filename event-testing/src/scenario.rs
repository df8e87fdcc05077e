//! Scenarios: given/when/then for the decisions of an aggregate, and stored payloads with the events they decode to.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde_json::Value;
use serde_json::value::to_raw_value;

use event_core::error::with_causes;
use event_core::event::{DecodeError, decode_at};
use event_core::{Aggregate, Event, EventVersion};

/// Starts a scenario: builds the state of an aggregate from past events.
///
/// ```
/// use event_testing::given;
/// # use event_core::{Aggregate, Event};
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Event)]
/// # #[event(type = "coin_put", version = 1, register = false)]
/// # struct CoinPut { cents: u32 }
/// # #[derive(Debug, PartialEq, Event)] enum PurseEvent { CoinPut(CoinPut) }
/// # #[derive(Default)] struct Purse { cents: u32 }
/// # impl Aggregate for Purse {
/// #     type Event = PurseEvent;
/// #     fn apply(&mut self, PurseEvent::CoinPut(coin): PurseEvent) { self.cents += coin.cents; }
/// # }
/// fn put(purse: &Purse, cents: u32) -> Result<[CoinPut; 1], &'static str> {
///     if purse.cents + cents > 100 { Err("the purse is full") } else { Ok([CoinPut { cents }]) }
/// }
///
/// given::<Purse>([CoinPut { cents: 60 }]).when(|purse| put(purse, 40)).then([CoinPut { cents: 40 }]);
/// let reason = given::<Purse>([CoinPut { cents: 60 }]).when(|purse| put(purse, 41)).refused();
/// assert_eq!(reason, "the purse is full");
/// ```
pub fn given<A: Aggregate>(events: impl IntoIterator<Item: Into<A::Event>>) -> Given<A> {
    let mut state = A::default();
    for event in events {
        state.apply(event.into());
    }
    Given { state }
}

/// The state after the given events.
#[derive(Debug)]
pub struct Given<A> {
    state: A,
}

impl<A: Aggregate> Given<A> {
    /// Makes a decision on the state.
    pub fn when<I, E>(self, decide: impl FnOnce(&A) -> Result<I, E>) -> When<A::Event, E>
    where
        I: IntoIterator<Item: Into<A::Event>>,
    {
        let decided = decide(&self.state);
        When { decided: decided.map(|events| events.into_iter().map(Into::into).collect()) }
    }

    /// Returns the state.
    pub fn state(&self) -> &A {
        &self.state
    }
}

/// The outcome of a decision.
#[derive(Debug)]
pub struct When<S, E> {
    decided: Result<Vec<S>, E>,
}

impl<S: Debug + PartialEq, E: Debug> When<S, E> {
    /// Asserts that exactly these events were decided, in this order.
    ///
    /// # Panics
    /// Panics if other events were decided, or the decision was refused.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item: Into<S>>) {
        let expected: Vec<S> = expected.into_iter().map(Into::into).collect();
        match self.decided {
            Ok(events) => assert_eq!(events, expected, "the events that were decided"),
            Err(reason) => panic!("refused ({reason:?}), expected {expected:?}"),
        }
    }

    /// Asserts that the decision was refused, and returns the reason.
    ///
    /// # Panics
    /// Panics if events were decided.
    #[track_caller]
    pub fn refused(self) -> E {
        match self.decided {
            Ok(events) => panic!("expected a refusal, decided were {events:?}"),
            Err(reason) => reason,
        }
    }
}

/// Starts a scenario with a payload that is stored at a version and decoded as `E`.
///
/// ```
/// use event_testing::stored;
/// # use event_core::Event;
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Event)]
/// # #[event(type = "coin_lost", version = 1, register = false)] struct CoinLostV1 { cents: u32 }
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Event)]
/// # #[event(type = "coin_lost", version = 2, from = CoinLostV1, register = false)] struct CoinLost { cents: u32, place: String }
/// # impl From<CoinLostV1> for CoinLost { fn from(old: CoinLostV1) -> Self { Self { cents: old.cents, place: "?".into() } } }
///
/// stored::<CoinLost>(1, serde_json::json!({ "cents": 5 }))
///     .reads_as(&CoinLost { cents: 5, place: "?".into() });
/// stored::<CoinLost>(1, serde_json::json!({ "cents": -5 })).fails("does not fit at `cents`");
/// # use event_core::serde_json;
/// ```
///
/// # Panics
/// Panics if the version is 0.
pub fn stored<E: Event>(version: u32, data: Value) -> Stored<E> {
    Stored { version: EventVersion::new(version), data, event: PhantomData }
}

/// A payload that is stored at a version.
#[derive(Debug)]
pub struct Stored<E> {
    version: EventVersion,
    data: Value,
    event: PhantomData<fn() -> E>,
}

impl<E: Event> Stored<E> {
    fn decode(&self) -> Result<E, DecodeError> {
        let raw = to_raw_value(&self.data).unwrap_or_else(|error| panic!("{error}"));
        decode_at(self.version, &raw)
    }

    /// Asserts that the payload decodes to this event.
    ///
    /// # Panics
    /// Panics if it does not.
    #[track_caller]
    pub fn reads_as(&self, expected: &E)
    where
        E: Debug + PartialEq,
    {
        match self.decode() {
            Ok(event) => assert_eq!(event, *expected, "the event decoded from {}", self.version),
            Err(error) => panic!("{}", with_causes(&error)),
        }
    }

    /// Asserts that the payload does not decode, and that the error or one of its causes contains this text.
    ///
    /// # Panics
    /// Panics if the payload decodes, or the text is missing.
    #[track_caller]
    pub fn fails(&self, text: &str) {
        let Err(error) = self.decode() else { panic!("{} decodes", self.version) };
        let message = with_causes(&error);
        assert!(message.contains(text), "{text:?} is not in {message:?}");
    }
}
