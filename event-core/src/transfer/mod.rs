//! Moving what a store holds: [`Export`] to lines of JSON, [`Import`] from them, [`copy`] without them.
//!
//! All three go page by page over the seam, between any two backends: ids, times, stream versions, metadata and payloads
//! byte for byte, archived and deleted states, truncations and links. What comes in is skipped where it is stored
//! already, so whatever was interrupted is done again from the start.

mod copy;
mod digest;
mod export;
mod import;
mod line;
mod source;

pub use self::copy::{Copied, CopyOptions, CopyProgress, copy, copy_with};
pub use self::digest::Digest;
pub use self::export::{Export, ExportOptions, Exported};
pub use self::import::{Import, ImportOptions};
