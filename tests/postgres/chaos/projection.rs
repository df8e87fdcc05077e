//! A projection of all events in tables, run until it is stopped.

use std::sync::Arc;
use std::time::Duration;

use event_core::error::BoxError;
use event_core::{Error, Event, RecordedEvent, Result};
use event_postgres::{PgAdapter, PgProjection};
use event_testing::Noted;
use sqlx::PgConnection;
use tokio::task::JoinHandle;

use super::world::World;

pub(super) const NAME: &str = "chaos";

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

/// Each event's position and id, in the order of application. There is no unique key, so that duplicates show.
struct Seen;

impl PgProjection for Seen {
    type Event = Notes;
    const NAME: &'static str = NAME;
    const BUILD: u32 = 1;

    async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        let table =
            "CREATE TABLE seen (turn bigserial, position bigint NOT NULL, event_id uuid NOT NULL)";
        sqlx::raw_sql(table).execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        let mut positions = Vec::new();
        let mut ids = Vec::new();
        for (Notes::Noted(_), recorded) in &events {
            positions.push(i64::try_from(recorded.position().get())?);
            ids.push(recorded.event_id().as_uuid());
        }
        sqlx::query("INSERT INTO seen (position, event_id) SELECT * FROM unnest($1, $2)")
            .bind(positions)
            .bind(ids)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Runs the projection; an end of it that is no other log is a violation.
pub(super) fn project(url: String, world: Arc<World>) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            match open_and_run(&url, &world).await {
                Err(error @ Error::LogDiverged { .. }) => {
                    world.ended("projection", &error);
                    if let Ok(adapter) = PgAdapter::connect(&url).await {
                        let _ = adapter.drop_projection(NAME, 1).await;
                    }
                }
                Err(error) if !error.is_transient() => world.ended("projection", &error),
                Ok(()) | Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
}

/// Transient errors are those of opening.
async fn open_and_run(url: &str, world: &World) -> Result<()> {
    let adapter = Arc::new(PgAdapter::connect(url).await?);
    let mut projector = adapter.projector(Seen).await?;
    match projector.run().await {
        Err(error) if error.is_transient() => {
            world.ended("projection", &error);
            Ok(())
        }
        ended => ended,
    }
}
