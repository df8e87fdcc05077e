//! [`PoolerMode`]: what is between this program and the server.

use std::fmt;
use std::str::FromStr;

/// What is between this program and the server.
///
/// | mode | for | one statement costs |
/// |---|---|---|
/// | `Direct` | the server itself, or a pooler that keeps a server for each session | one round trip |
/// | `Transaction` | pgbouncer with `pool_mode = transaction`, any version | four round trips |
/// | `TransactionPrepared` | pgbouncer 1.21 or newer with `max_prepared_statements` | three round trips |
///
/// Behind a pooler every statement is a transaction of its own that brings its settings along, and nothing is left in a
/// session. Opening a store tests that the mode fits and refuses if it does not: a prepared statement that reaches
/// another server returns the rows of another client's statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PoolerMode {
    /// Nothing, or a pooler that keeps a server for each session.
    #[default]
    Direct,
    /// A pooler that may give each transaction another server.
    Transaction,
    /// The same, with support for prepared statements: the pooler prepares them where they are missing.
    TransactionPrepared,
}

impl PoolerMode {
    /// Whether a server is only ours for a transaction.
    pub(crate) const fn is_pooled(self) -> bool {
        !matches!(self, Self::Direct)
    }

    /// Whether statements are prepared by name and used again.
    pub(crate) const fn prepares(self) -> bool {
        !matches!(self, Self::Transaction)
    }
}

impl FromStr for PoolerMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "direct" => Ok(Self::Direct),
            "transaction" => Ok(Self::Transaction),
            "transaction_prepared" => Ok(Self::TransactionPrepared),
            _ => Err("`pooler_mode` is `direct`, `transaction` or `transaction_prepared`".into()),
        }
    }
}

impl fmt::Display for PoolerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Transaction => "transaction",
            Self::TransactionPrepared => "transaction_prepared",
        })
    }
}
