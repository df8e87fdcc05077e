//! [`Sessions`]: who a browser is. A session is a random id with a signature, kept by the browser in a cookie, so that the
//! console keeps nothing and 10 000 visitors cost no memory. The key is drawn when the console starts: a restart ends all
//! sessions.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::ConsoleError;

/// The name of the cookie.
pub(crate) const COOKIE: &str = "event_console";
/// How long a session lasts.
const LIFETIME: Duration = Duration::from_hours(12);

/// Issues and checks sessions.
pub(crate) struct Sessions {
    key: [u8; 64],
}

/// A session whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The value of the cookie.
    pub(crate) cookie: String,
    /// Whether it began with the token.
    pub(crate) is_signed_in: bool,
}

impl Sessions {
    pub(crate) fn new() -> Result<Self, ConsoleError> {
        Ok(Self { key: random()? })
    }

    /// A new session.
    pub(crate) fn begin(&self, is_signed_in: bool) -> Result<Session, ConsoleError> {
        let id: [u8; 16] = random()?;
        let kind = if is_signed_in { 't' } else { 'v' };
        let body = format!("{kind}.{}.{}", now() + LIFETIME.as_secs(), hex(&id));
        let cookie = format!("{body}.{}", hex(&self.sign("session", &body)));
        Ok(Session { cookie, is_signed_in })
    }

    /// The session of a cookie; `None` if it is not of this console, or has ended.
    pub(crate) fn read(&self, cookie: &str) -> Option<Session> {
        let (body, signature) = cookie.rsplit_once('.')?;
        if !self.holds("session", body, signature) {
            return None;
        }
        let mut parts = body.split('.');
        let is_signed_in = parts.next()? == "t";
        let ends: u64 = parts.next()?.parse().ok()?;
        (now() < ends).then(|| Session { cookie: cookie.to_owned(), is_signed_in })
    }

    /// The token that each form of a session carries.
    pub(crate) fn form_token(&self, session: &Session) -> String {
        hex(&self.sign("form", &session.cookie))
    }

    /// Whether a form carries the token of the session.
    pub(crate) fn is_form_token(&self, session: &Session, token: &str) -> bool {
        self.holds("form", &session.cookie, token)
    }

    /// Whether two secrets are equal, in a time that does not tell where they differ.
    pub(crate) fn is_equal(&self, secret: &str, given: &str) -> bool {
        self.holds("secret", given, &hex(&self.sign("secret", secret)))
    }

    fn sign(&self, purpose: &str, text: &str) -> [u8; 32] {
        self.mac(purpose, text).finalize().into_bytes().into()
    }

    fn holds(&self, purpose: &str, text: &str, signature: &str) -> bool {
        unhex(signature).is_some_and(|it| self.mac(purpose, text).verify_slice(&it).is_ok())
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac
    }
}

fn random<const N: usize>() -> Result<[u8; N], ConsoleError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| ConsoleError::NoRandom(error.to_string()))?;
    Ok(bytes)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |byte: u8| char::from_digit(u32::from(byte), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 128 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_of_this_console_is_read() {
        let (ours, theirs) = (Sessions::new().unwrap(), Sessions::new().unwrap());
        let session = ours.begin(true).unwrap();
        assert_eq!(ours.read(&session.cookie), Some(session.clone()));
        assert_eq!(theirs.read(&session.cookie), None);
        let forged = session.cookie.replacen('t', "v", 1);
        assert_eq!(ours.read(&forged), None);
        for cookie in ["", ".", "t.1.aa", "t.99999999999.aa.zz", "é.é"] {
            assert_eq!(ours.read(cookie), None, "{cookie}");
        }
    }

    #[test]
    fn a_form_token_belongs_to_one_session() {
        let sessions = Sessions::new().unwrap();
        let (one, other) = (sessions.begin(false).unwrap(), sessions.begin(false).unwrap());
        let token = sessions.form_token(&one);
        assert!(sessions.is_form_token(&one, &token));
        assert!(!sessions.is_form_token(&other, &token));
        assert!(!sessions.is_form_token(&one, ""));
    }

    #[test]
    fn secrets_are_compared_whole() {
        let sessions = Sessions::new().unwrap();
        assert!(sessions.is_equal("a-long-secret", "a-long-secret"));
        assert!(!sessions.is_equal("a-long-secret", "a-long-secre"));
    }
}
