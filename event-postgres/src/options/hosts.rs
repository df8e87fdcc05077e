//! [`Host`]: one server of a list, and [`SessionAttrs`]: which of the list may be used. Both as libpq reads them.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// Where a server listens: a name or an address, or the folder of its socket.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Host {
    name: String,
    port: u16,
}

impl Host {
    /// A host of a URL; without brackets around an address.
    pub(super) fn new(name: &str, port: u16) -> Self {
        let name = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        Self { name: name.to_owned(), port }
    }

    /// Whether it is the folder of a socket.
    pub(super) fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }

    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The driver's options for this host.
    pub(super) fn driver(&self, base: &PgConnectOptions) -> PgConnectOptions {
        let base = base.clone().port(self.port);
        if self.is_socket() { base.socket(&self.name) } else { base.host(&self.name) }
    }
}

/// A TCP address: `host:port`, `[address]:port`.
impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':').map(|(host, port)| (host, port.parse()));
        match parts {
            Some((host, Ok(port))) if !host.is_empty() && !host.contains(['/', '@', ',']) => {
                Ok(Self::new(host, port))
            }
            _ => Err(format!("`{}` is no `host:port`", text.escape_debug())),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Pairs names with ports: one port is that of every host, as many as hosts are each one's.
pub(super) fn pair(names: &[String], ports: &[String], default: u16) -> Result<Vec<Host>, String> {
    if ports.len() > 1 && ports.len() != names.len() {
        return Err(format!("{} ports for {} hosts", ports.len(), names.len()));
    }
    let paired = names.iter().enumerate().map(|(index, name)| {
        let port = match ports.get(index).or(ports.first()).map(String::as_str) {
            None | Some("") => default,
            Some(port) => port.parse().map_err(|_| {
                format!("`{}` is not a port, a number from 0 to 65535", port.escape_debug())
            })?,
        };
        Ok(Host::new(name, port))
    });
    paired.collect()
}

/// Which servers of a list may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SessionAttrs {
    /// Any; of several hosts one that takes writes, if there is one.
    #[default]
    Any,
    /// One that takes writes.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    Primary,
    Standby,
    /// A standby, or any if there is none.
    PreferStandby,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) standby: bool,
    pub(crate) read_only: bool,
}

impl SessionAttrs {
    /// Whether a server of this role is wanted.
    pub(crate) const fn accept(self, role: Role) -> bool {
        match self {
            Self::Any => true,
            Self::ReadWrite => !role.standby && !role.read_only,
            Self::ReadOnly => role.standby || role.read_only,
            Self::Primary => !role.standby,
            Self::Standby | Self::PreferStandby => role.standby,
        }
    }

    /// Whether a server that is not wanted serves when there is no other.
    pub(crate) const fn takes_any(self) -> bool {
        matches!(self, Self::Any | Self::PreferStandby)
    }
}

impl FromStr for SessionAttrs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "any" => Self::Any,
            "read-write" => Self::ReadWrite,
            "read-only" => Self::ReadOnly,
            "primary" => Self::Primary,
            "standby" => Self::Standby,
            "prefer-standby" => Self::PreferStandby,
            _ => {
                return Err("`target_session_attrs` is `any`, `read-write`, `read-only`, `primary`, `standby` or \
                            `prefer-standby`"
                    .into());
            }
        })
    }
}

impl fmt::Display for SessionAttrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        })
    }
}
