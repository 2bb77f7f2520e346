//! Files up and down, over the same connector as everything else.
//!
//! * [`upload()`] sends a [`Source`] (a file, bytes, a reader, a stream) with its exact length.
//! * [`download()`] fetches into a file, through a temporary one; [`download_into()`] into a writer.
//! * [`im`] and [`c2c`] do both as each service wants it.
//!
//! Every one is a future that is driven by whoever awaits it; dropping it ends the transfer and closes
//! its connection. There is no deadline for the whole, only patience with a connection on which nothing
//! moves; put [`timeout_at`](crate::timeout_at) around it for one.
//!
//! What may block, reading and writing files, is done in a thread that lives as long as the transfer,
//! so no executor waits for a disk and no runtime's own files are needed. Memory does not grow with the
//! file: about a megabyte a transfer, wherever it is slow.
//!
//! ```
//! use runtime_core::files::{self, DownloadOptions, Source, TransferError, UploadOptions};
//! use runtime_core::Runtime;
//! # use chat_proto::im::rest::ImHost;
//! # use chat_sign::FileToken;
//!
//! async fn there_and_back<R: Runtime>(
//!     runtime: &R,
//!     host: &ImHost,
//!     token: &FileToken,
//! ) -> Result<(), TransferError> {
//!     let source = Source::open("holiday.jpg").await?;
//!     let options = UploadOptions::default().on_progress(|it| println!("{} bytes", it.done));
//!     let file = files::im::upload(runtime, host, token, "1", source, options).await?;
//!     let options = DownloadOptions::default().with_max_bytes(50 << 20);
//!     files::im::download(runtime, host, token, &file, "copy.jpg", options).await?;
//!     Ok(())
//! }
//! ```

pub mod c2c;
pub mod im;

mod download;
mod error;
mod meter;
mod note;
mod options;
mod partial;
mod redirect;
mod resume;
mod source;
mod target;
mod upload;
mod worker;

pub use download::{Downloaded, download, download_into};
pub use error::{Answer, RedirectError, TransferError};
pub use options::{DEFAULT_MAX_BYTES, DownloadOptions, Progress, UploadOptions};
pub use source::Source;
pub use upload::upload;
