//! `gamebot show`: recovers a game from the store and prints it.

use std::io::Write;

use event_core::value::Escaped;
use event_core::{
    Error, EventStore, ReadOptions, Recovered, Scope, StreamId, StreamVersion, Tenant,
};
use game_events::{GameId, GameSession, game_stream};

use crate::board;
use crate::failure::Failure;

/// The arguments of `gamebot show`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Show {
    /// Id of the game.
    pub game: String,
    /// Guild of the game; without it all guilds are searched.
    pub guild: Option<String>,
    /// Lists the events instead of the board.
    pub events: bool,
    /// Shows the state at this stream version instead of the latest.
    pub at: Option<u64>,
    /// Prints the board as JSON.
    pub json: bool,
}

/// Prints the board or the events of a game.
///
/// # Errors
/// [`Failure`] with exit code 1: the game does not exist, exists in several guilds, or has fewer events than `at`; its
/// stream cannot be recovered; the store fails.
pub async fn show(store: &EventStore, args: &Show, out: &mut impl Write) -> Result<(), Failure> {
    let stream = game_stream(&GameId::from(args.game.as_str())).map_err(Error::from)?;
    let store = scoped_to_guild(store, args, &stream).await?;
    if args.events {
        return list_events(&store, &stream, args.at, out).await;
    }
    let recovered = recover(&store, &stream, args).await?;
    let Recovered { state, version, .. } = recovered;
    if args.json {
        writeln!(out, "{}", board::json(&state, version))?;
    } else {
        write!(out, "{}", board::table(&state, version))?;
    }
    Ok(())
}

/// Returns the store in the scope of the game's guild.
pub(crate) async fn scoped_to_guild(
    store: &EventStore,
    args: &Show,
    stream: &StreamId,
) -> Result<EventStore, Failure> {
    if let Some(guild) = &args.guild {
        let tenant = Tenant::new(guild.as_str()).map_err(Error::from)?;
        return Ok(store.with_scope(Scope::tenant(tenant)));
    }
    match store.all_tenants().stream_info(stream).await {
        Ok(info) => Ok(store.with_scope(Scope::tenant(info.tenant))),
        Err(Error::StreamNotFound { .. }) => Err(not_found(args)),
        Err(Error::AmbiguousStream { tenants, .. }) => {
            let guilds: Vec<_> = tenants
                .iter()
                .map(|tenant| format!("\n  --guild {}", Escaped(tenant.as_str())))
                .collect();
            let game = Escaped(&args.game);
            Err(Failure::general(format!(
                "game {game} exists in {} guilds; select one:{}",
                guilds.len(),
                guilds.concat()
            )))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn not_found(args: &Show) -> Failure {
    let guild = args.guild.as_ref().map(|guild| format!(" in guild {}", Escaped(guild)));
    Failure::general(format!(
        "there is no game {}{}; `--store URL` or GAMEBOT_STORE select another store",
        Escaped(&args.game),
        guild.unwrap_or_default()
    ))
}

async fn recover(
    store: &EventStore,
    stream: &StreamId,
    args: &Show,
) -> Result<Recovered<GameSession>, Failure> {
    let until = args.at.map(StreamVersion::new);
    let recover = store.recover::<GameSession>(stream);
    let recover = match until {
        Some(until) => recover.until(until),
        None => recover,
    };
    let recovered = match recover.await {
        Err(Error::StreamNotFound { .. }) => return Err(not_found(args)),
        recovered => recovered?,
    };
    match until {
        Some(until) if recovered.version < until => Err(Failure::general(format!(
            "the game has {} events; there is no version {until}",
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
        // The time in the game, or the time of recording if the event cannot be decoded.
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
