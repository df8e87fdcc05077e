//! `browse`: the store on the whole terminal.

use clap::Args;
use event_core::store::without_password;

use crate::browse;
use crate::failure::Failure;
use crate::output::style;
use crate::session::{Common, Session, scoped};

/// The arguments of `browse`.
#[derive(Debug, Args)]
pub struct Browse {
    /// Begins with the events of this stream.
    stream: Option<String>,
    /// Only this tenant; without it every tenant is shown.
    #[arg(long, value_name = "TENANT", env = "EVENT_TENANT")]
    tenant: Option<String>,
}

impl Browse {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let common = Common { tenant: self.tenant, ..Common::default() };
        let name = without_password(&session.url()?);
        let (store, stream) = match &self.stream {
            None => (session.reader(&common).await?, None),
            Some(stream) => {
                let (store, info) = session.stream(&common, stream).await?;
                (scoped(&store, common.tenant()?), Some(info))
            }
        };
        browse::browse(store, name, stream, style::wanted()).await
    }
}
