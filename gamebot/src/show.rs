//! `gamebot show`: a game recovered from the store.

use std::io::Write;

use event_core::value::Escaped;
use event_core::{
    Error, EventStore, ReadOptions, Recovered, Scope, StreamId, StreamVersion, Tenant,
};
use game_events::{GameId, GameSession, game_stream};

use crate::board;
use crate::failure::Failure;

/// What to show of a game.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Show {
    /// The game.
    pub game: String,
    /// The guild it is played in; without it all are searched.
    pub guild: Option<String>,
    /// Lists the events instead of the board.
    pub events: bool,
    /// Shows the state at a version instead of the latest.
    pub at: Option<u64>,
    /// Prints the board as JSON.
    pub json: bool,
}

/// Shows a game.
///
/// # Errors
/// [`Failure`] with exit code 1: no such game, several of that name, a version it has not reached, a stream that cannot
/// be recovered, a store that fails.
pub async fn show(store: &EventStore, wanted: &Show, out: &mut impl Write) -> Result<(), Failure> {
    let stream = game_stream(&GameId::from(wanted.game.as_str())).map_err(Error::from)?;
    let store = bound(store, wanted, &stream).await?;
    if wanted.events {
        return list_events(&store, &stream, wanted.at, out).await;
    }
    let recovered = recovered(&store, &stream, wanted).await?;
    let Recovered { state, version, .. } = recovered;
    if wanted.json {
        writeln!(out, "{}", board::json(&state, version))?;
    } else {
        write!(out, "{}", board::table(&state, version))?;
    }
    Ok(())
}

/// The store, bound to the guild of the game.
pub(crate) async fn bound(
    store: &EventStore,
    wanted: &Show,
    stream: &StreamId,
) -> Result<EventStore, Failure> {
    if let Some(guild) = &wanted.guild {
        let tenant = Tenant::new(guild.as_str()).map_err(Error::from)?;
        return Ok(store.with_scope(Scope::tenant(tenant)));
    }
    match store.all_tenants().stream_info(stream).await {
        Ok(info) => Ok(store.with_scope(Scope::tenant(info.tenant))),
        Err(Error::StreamNotFound { .. }) => Err(not_found(wanted)),
        Err(Error::AmbiguousStream { tenants, .. }) => {
            let guilds: Vec<_> = tenants
                .iter()
                .map(|tenant| format!("\n  --guild {}", Escaped(tenant.as_str())))
                .collect();
            let game = Escaped(&wanted.game);
            Err(Failure::general(format!(
                "game {game} is played in {} guilds; choose one:{}",
                guilds.len(),
                guilds.concat()
            )))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn not_found(wanted: &Show) -> Failure {
    let guild = wanted.guild.as_ref().map(|guild| format!(" in guild {}", Escaped(guild)));
    Failure::general(format!(
        "there is no game {}{}; `--store URL` or GAMEBOT_STORE name another store",
        Escaped(&wanted.game),
        guild.unwrap_or_default()
    ))
}

async fn recovered(
    store: &EventStore,
    stream: &StreamId,
    wanted: &Show,
) -> Result<Recovered<GameSession>, Failure> {
    let until = wanted.at.map(StreamVersion::new);
    let recover = store.recover::<GameSession>(stream);
    let recover = match until {
        Some(until) => recover.until(until),
        None => recover,
    };
    let recovered = match recover.await {
        Err(Error::StreamNotFound { .. }) => return Err(not_found(wanted)),
        recovered => recovered?,
    };
    match until {
        Some(until) if recovered.version < until => Err(Failure::general(format!(
            "the game has {} events, there is no version {until}",
            recovered.version
        ))),
        _ => Ok(recovered),
    }
}

async fn list_events(
    store: &EventStore,
    stream: &StreamId,
    until: Option<u64>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    writeln!(out, "version  position  type                            at")?;
    let mut events = store.stream_events(stream, ReadOptions::forward());
    while let Some(event) = events.next().await {
        let event = event?;
        if until.is_some_and(|until| event.stream_version().get() > until) {
            break;
        }
        // The time of the game, where the event can be read; of recording, where it cannot.
        let at = game_events::GameEvent::try_from(&event)
            .map_or_else(|_| event.recorded_at(), |event| event.base().timestamp);
        writeln!(
            out,
            "{:>7}  {:>8}  {:<30}  {}",
            event.stream_version(),
            event.position(),
            format!("{} {}", Escaped(event.event_type()), event.event_version()),
            at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        )?;
    }
    Ok(())
}
