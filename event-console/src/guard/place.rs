//! Where a request comes from and where it goes to: the path that the console is mounted at, host, origin, peer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use crate::links::Links;
use crate::settings::Settings;

/// The links below the path that the console is mounted at: what routers around it took off the request's path.
pub(crate) fn base_of(settings: &Settings, request: &Request) -> Links {
    if let Some(base) = &settings.base_path {
        return Links::new(base.clone());
    }
    let original = request.extensions().get::<OriginalUri>().map(|it| it.0.path());
    let path = request.uri().path();
    let base = original.and_then(|original| {
        // A nested router sees `/` where its own path was asked for.
        original.strip_suffix(path).or_else(|| (path == "/").then_some(original))
    });
    Links::new(base.unwrap_or_default().trim_end_matches('/').to_owned())
}

/// Whether the console is asked under a name of its own. A page of another site that lets its name point to this machine
/// always sends that name; addresses and `localhost` are nobody's.
pub(super) fn is_known_host(settings: &Settings, request: &Request) -> bool {
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let Some(host) = host.or_else(|| request.uri().host()) else {
        // Every browser sends it.
        return true;
    };
    let name = without_port(host).to_ascii_lowercase();
    let is_address = name.parse::<IpAddr>().is_ok()
        || name
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'))
            .is_some_and(|it| it.parse::<Ipv6Addr>().is_ok());
    is_address
        || name == "localhost"
        || name.ends_with(".localhost")
        || settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) && !name.is_empty() => {
            if name.contains(':') && !name.ends_with(']') {
                host
            } else {
                name
            }
        }
        _ => host,
    }
}

/// Whether the request comes from this machine, as far as the server says.
pub(super) fn is_near(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.is_none_or(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
}

/// Whether a form comes from a page of the host that it is sent to. Browsers send the origin with every form.
pub(crate) fn has_own_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else { return false };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_names_of_its_own_and_addresses_are_answered() {
        let settings = Settings { hosts: vec!["ops.example".into()], ..Settings::default() };
        let asked = |host: &str| {
            let request =
                Request::builder().uri("/").header(HOST, host).body(Body::empty()).unwrap();
            is_known_host(&settings, &request)
        };
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:4200",
            "[::1]:4200",
            "[::1]",
            "ops.example:443",
        ] {
            assert!(asked(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "::1:"]
        {
            assert!(!asked(host), "{host}");
        }
    }

    #[test]
    fn a_form_of_another_origin_is_told() {
        let of = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "127.0.0.1:4200".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            has_own_origin(&headers)
        };
        assert!(of(Some("http://127.0.0.1:4200")) && of(Some("https://127.0.0.1:4200")));
        for other in
            [None, Some("null"), Some("http://127.0.0.1:4201"), Some("http://evil.example")]
        {
            assert!(!of(other), "{other:?}");
        }
    }
}
