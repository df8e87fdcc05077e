//! [`Stage`]: the view on a store in memory, with a screen that a test reads.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_core::{
    Clock, Event, EventId, EventStore, ExpectedVersion, Filter, MemoryAdapter, Metadata, NewEvent,
    StreamId,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::browse::model::Model;
use crate::browse::request::{Effect, Message};
use crate::browse::screens::{Kind, StreamsScreen};
use crate::browse::update::update;
use crate::browse::view::draw;
use crate::browse::worker::Worker;

/// An order before there were channels.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "browse_order_placed", version = 1)]
pub(super) struct OrderPlacedV1 {
    customer: String,
    total: u32,
}

/// An order.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "browse_order_placed", version = 2, from = OrderPlacedV1)]
pub(super) struct OrderPlaced {
    customer: String,
    cents: u32,
    channel: String,
}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(old: OrderPlacedV1) -> Self {
        Self { customer: old.customer, cents: old.total * 100, channel: "shop".into() }
    }
}

/// The end of an order.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "browse_order_shipped", version = 1)]
pub(super) struct OrderShipped {
    parcels: u32,
}

impl OrderShipped {
    pub(super) const fn new(parcels: u32) -> Self {
        Self { parcels }
    }
}

/// A message of any kind that a test waits for at most so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Stage {
    pub(super) model: Model,
    pub(super) store: EventStore,
    pub(super) quit: bool,
    /// The effects so far.
    pub(super) effects: Vec<Effect>,
    worker: Worker,
    messages: mpsc::Receiver<Message>,
    runtime: Runtime,
}

impl Stage {
    /// A store of 250 streams; `order-007` has events of two types and versions, and ids.
    pub(super) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let start: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let store = EventStore::new(MemoryAdapter::new().clock(Clock::fixed(start))).unwrap();
        runtime.block_on(fill(&store));
        let (sender, messages) = mpsc::channel(64);
        let worker = Worker::new(store.all_tenants(), runtime.handle().clone(), sender);
        let first = Kind::Streams(StreamsScreen::new(None)).into();
        let model = Model::new("memory:".to_owned(), (80, 24), first);
        let mut stage =
            Self { model, store, quit: false, effects: Vec::new(), worker, messages, runtime };
        stage.take(Message::Tick);
        stage.settle();
        stage
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Gives the view a message, and carries out what comes of it.
    pub(super) fn take(&mut self, message: Message) {
        for effect in update(&mut self.model, message) {
            self.quit |= effect == Effect::Quit;
            self.effects.push(effect.clone());
            self.worker.carry_out(effect);
        }
    }

    /// Waits for one message of the worker.
    pub(super) fn wait(&mut self) {
        let received = async { tokio::time::timeout(PATIENCE, self.messages.recv()).await };
        let message = self.runtime.block_on(received).unwrap().unwrap();
        self.take(message);
    }

    /// Waits until nothing is on its way.
    pub(super) fn settle(&mut self) {
        while self.model.screen().is_loading()
            || !self.model.acting.is_empty()
            || self.model.types_ticket.is_some() && self.model.types.is_empty()
        {
            self.wait();
        }
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(super) fn shows(&mut self, text: &str) {
        let mut patience = 200;
        while !self.screen().contains(text) {
            patience -= 1;
            assert!(patience > 0, "{text:?} does not come up:\n{}", self.screen());
            self.wait();
        }
    }

    /// Presses keys: `<enter>`, `<esc>`, and others by their name; all else is typed.
    pub(super) fn press(&mut self, keys: &str) {
        self.press_only(keys);
        self.settle();
    }

    /// Presses keys without waiting for what they ask for, except between them.
    pub(super) fn press_only(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = NAMED.iter().find(|(name, _)| rest.starts_with(name));
            let (code, length) =
                named.map_or((KeyCode::Char(c), c.len_utf8()), |(name, code)| (*code, name.len()));
            rest = &rest[length..];
            self.take(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
            if !rest.is_empty() {
                self.settle();
            }
        }
    }

    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.take(Message::Resize(columns, rows));
        self.settle();
    }

    /// What is on the screen.
    pub(super) fn screen(&self) -> String {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(&self.model, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let lines = buffer.content.chunks(usize::from(columns).max(1)).map(|row| {
            row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

const NAMED: [(&str, KeyCode); 8] = [
    ("<enter>", KeyCode::Enter),
    ("<esc>", KeyCode::Esc),
    ("<tab>", KeyCode::Tab),
    ("<up>", KeyCode::Up),
    ("<down>", KeyCode::Down),
    ("<pgdn>", KeyCode::PageDown),
    ("<end>", KeyCode::End),
    ("<home>", KeyCode::Home),
];

async fn fill(store: &EventStore) {
    for number in 1..=250_u32 {
        let stream = StreamId::new(format!("order-{number:03}")).unwrap();
        let placed = OrderPlacedV1 { customer: format!("customer {number}"), total: number };
        let id = uuid(number);
        let metadata = Metadata::new().with_correlation_id(format!("request-{}", number % 10));
        let event = NewEvent::from(placed).with_id(id).with_metadata(metadata);
        store.append(&stream, ExpectedVersion::NoStream, [event]).await.unwrap();
        if number == 7 {
            let shipped = NewEvent::from(OrderShipped { parcels: 3 }).with_id(uuid(1_007));
            store.append(&stream, ExpectedVersion::Any, [shipped]).await.unwrap();
        }
    }
    let mail = store.subscription("mail").filter(Filter::all().category("order"));
    mail.open().await.unwrap().close().await.unwrap();
}

fn uuid(number: u32) -> EventId {
    let id = format!("00000000-0000-7000-8000-{number:012}");
    id.parse().unwrap()
}
