//! [`Found`]: what `doctor` found, and what to do about it.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Events can be lost, or nothing works.
    Bad,
    /// It costs speed, or it will be bad.
    Warning,
}

/// What the doctor found, and what to do about it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) severity: Severity,
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Found {
    pub(super) fn bad(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Bad, what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, what: what.into(), remedy: remedy.into() }
    }
}
