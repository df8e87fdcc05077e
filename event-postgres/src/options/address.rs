//! [`UrlAddress`]: what stands before the keys of a URL: credentials, hosts with ports, database; as libpq reads it.

use super::hosts::{self, Host};

const PORT: u16 = 5432;

/// The part of a URL before its keys, and the keys that replace its hosts.
pub(super) struct UrlAddress<'u> {
    /// `user:password`, as it stands in the URL.
    credentials: Option<&'u str>,
    database: &'u str,
    names: Vec<String>,
    ports: Vec<String>,
    addresses: Vec<String>,
}

impl<'u> UrlAddress<'u> {
    /// Reads the part before the question mark; no message contains any of it.
    pub(super) fn read(address: &'u str) -> Result<Self, String> {
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme))
            .ok_or("it does not start with `postgres://`")?;
        // A password may hold a bare `/` or `@`: the last `@` ends the credentials.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let (list, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in list.split(',').filter(|_| !list.is_empty()) {
            // The last colon outside of the brackets of an address is that of the port.
            let (name, port) = match host.rsplit_once(':') {
                Some((name, port)) if !port.contains(']') => (name, port),
                _ => (host, ""),
            };
            names.push(decoded(name).ok_or("a host is no text in percent-encoding")?);
            ports.push(port.to_owned());
        }
        Ok(Self { credentials, database, names, ports, addresses: Vec::new() })
    }

    /// Replaces what a key names: `host`, `hostaddr` or `port`, each a list with commas.
    pub(super) fn set(&mut self, key: &str, list: &str) {
        let list = list.split(',').map(str::to_owned).collect();
        match key {
            "host" => {
                // The ports before the database belong to the hosts there.
                if self.names.len() > 1 {
                    self.ports.clear();
                }
                self.names = list;
            }
            "hostaddr" => self.addresses = list,
            _ => self.ports = list,
        }
    }

    /// The hosts in their order; those of the environment, or the one of this machine, where none is named.
    pub(super) fn hosts(&self) -> Result<Vec<Host>, String> {
        let of = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let list = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let is_named = |names: &[String]| names.iter().any(|name| !name.is_empty());
        let local = sqlx::postgres::PgConnectOptions::new_without_pgpass();
        let mut names =
            if is_named(&self.addresses) { &self.addresses } else { &self.names }.clone();
        if !is_named(&names) {
            names = of("PGHOSTADDR").or_else(|| of("PGHOST")).map_or_else(Vec::new, list);
        }
        if names.is_empty() {
            names.push(local.get_host().to_owned());
        }
        for name in names.iter_mut().filter(|name| name.is_empty()) {
            local.get_host().clone_into(name);
        }
        let mut ports = self.ports.clone();
        if !is_named(&ports) {
            ports = of("PGPORT").map_or_else(Vec::new, list);
        }
        hosts::pair(&names, &ports, PORT)
    }

    /// A URL with one host that the driver can read: the first that is no socket, which the password file may name.
    pub(super) fn driver_url(&self, hosts: &[Host], keys: &str) -> String {
        let name = hosts.iter().find(|host| !host.is_socket()).map_or("localhost", Host::name);
        let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        // What would end the authority of a URL is encoded.
        let credentials = self.credentials.map_or_else(String::new, |credentials| {
            let encoded = credentials.replace('/', "%2F").replace('@', "%40").replace('#', "%23");
            format!("{encoded}@")
        });
        format!("postgres://{credentials}{name}/{}?{keys}", self.database)
    }
}

/// A text without its percent-encoding.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(address: &str, keys: &[(&str, &str)]) -> Vec<String> {
        let mut address = UrlAddress::read(address).unwrap();
        for (key, list) in keys {
            address.set(key, list);
        }
        address.hosts().unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hosts_are_read_as_libpq_reads_them() {
        assert_eq!(hosts("postgres://u@h1:1,h2:2/db", &[]), ["h1:1", "h2:2"]);
        assert_eq!(hosts("postgres://h1,h2:2", &[]), ["h1:5432", "h2:2"]);
        assert_eq!(hosts("postgresql://u:p@[::1]:7/db", &[]), ["[::1]:7"]);
        assert_eq!(hosts("postgresql://[::1]/db", &[]), ["[::1]:5432"]);
        assert_eq!(hosts("postgres://%2Frun%2Fpg:6/db", &[]), ["/run/pg:6"]);
        assert_eq!(hosts("postgres://u@/db", &[("host", "/run/pg")]), ["/run/pg:5432"]);
        assert_eq!(hosts("postgres:///db", &[("host", "a,b"), ("port", "1,2")]), ["a:1", "b:2"]);
        assert_eq!(hosts("postgres:///db", &[("host", "a,b"), ("port", "7")]), ["a:7", "b:7"]);
        assert_eq!(hosts("postgres://a:3/db", &[("host", "b")]), ["b:3"]);
        assert_eq!(hosts("postgres://a/db", &[("hostaddr", "10.0.0.1")]), ["10.0.0.1:5432"]);
        assert_eq!(hosts("postgres://u:p/w@d@h:1/db", &[]), ["h:1"]);
    }

    #[test]
    fn contradicting_lists_are_refused() {
        let mut address = UrlAddress::read("postgres:///db").unwrap();
        address.set("host", "a,b,c");
        address.set("port", "1,2");
        assert_eq!(address.hosts().unwrap_err(), "2 ports for 3 hosts");
        assert!(UrlAddress::read("postgres://h:99999/db").unwrap().hosts().is_err());
    }
}
