//! [`ConsoleError`]: why a console is not served.

use std::io;
use std::net::SocketAddr;

/// Why a console is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// An address that other machines reach, without a token.
    #[error(
        "{address} can be reached from other machines, and no token is set; set one, or listen on a loopback address"
    )]
    TokenNeeded {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// A token that could be guessed.
    #[error("the token has {length} bytes, fewer than {least}; use a random one")]
    ShortToken {
        /// Its length in bytes.
        length: usize,
        /// The least that is accepted.
        least: usize,
    },
    /// A base path that is not one.
    #[error("the base path must start with `/` and must not end with one")]
    InvalidBasePath,
    /// An interval of nothing: the store would be asked without a pause.
    #[error("the store cannot be asked every 0 s; give `sample_every` a longer interval")]
    NoInterval,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The server stopped.
    #[error("the console stopped")]
    Serve(#[source] io::Error),
    /// The system gives no random bytes, so that sessions could be guessed.
    #[error("the system gives no random bytes: {0}")]
    NoRandom(String),
}
