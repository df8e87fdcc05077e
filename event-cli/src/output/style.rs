//! [`Style`]: the few colours that the commands use.

/// How a text looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    #[default]
    Plain,
    /// Titles of columns, names.
    Title,
    /// Beside the point.
    Dim,
    Good,
    Warning,
    Bad,
    /// What a reader looks for: types of events.
    Accent,
}

impl Style {
    /// The code of the terminal's sequence.
    pub(crate) const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Title => Some("1"),
            Self::Dim => Some("2"),
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("31"),
            Self::Accent => Some("36"),
        }
    }
}

/// Whether a terminal gets colours: <https://no-color.org>.
pub(crate) fn wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
