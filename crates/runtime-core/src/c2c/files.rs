//! Pictures from and to files.

use std::path::PathBuf;

use chat_proto::c2c::client::Accepted;
use chat_proto::c2c::frame::ImageRef;
use chat_proto::c2c::rest::DownloadRules;
use chat_proto::c2c::{C2c, ImageInfo};
use futures_util::StreamExt;

use crate::client::{Client, FileCallError};
use crate::files::{self, DownloadOptions, Downloaded, Source, TransferError, UploadOptions};
use crate::runtime::Runtime;

/// Within so many bytes a picture's header must have ended. (choice)
const MAX_HEADER_BYTES: usize = 1 << 20;

impl<R: Runtime> Client<C2c, R> {
    /// Uploads a JPEG or PNG picture from a file and sends it: type and size are read from its first
    /// bytes, the service gives a place, the bytes go there as they are read, and the message that names
    /// it follows. [`Client::send_picture`] does the same with bytes in memory, and tries again with
    /// another place when the upload fails.
    ///
    /// Cancel safety: dropped before the message is queued, nothing shows in the chat; the picture may
    /// have been uploaded. Dropped later, the message is sent once, and its end comes as an event.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no picture, or is larger than the options allow; the transfer
    /// failed; or the message did: see [`SendError`](crate::client::SendError).
    pub async fn send_picture_file(
        &self,
        order_no: &str,
        path: impl Into<PathBuf>,
        options: UploadOptions,
    ) -> Result<Accepted, FileCallError> {
        let mut source = Source::open(path).await?;
        let info = sniff(&mut source).await?;
        // The service takes the type from the name, whatever the file is called here.
        let name = format!("picture.{}", info.format.extension());
        let slot = self.pre_signed_url(&name).await?;
        files::c2c::put(self.runtime(), &slot, info.format.media_type(), source, options).await?;
        let image = ImageRef {
            url: slot.image_url.into(),
            image_type: info.format.extension().into(),
            width: info.width,
            height: info.height,
        };
        Ok(self.send_image(order_no, image).await?)
    }

    /// Downloads a picture into the file `path`, without credentials and only from where `rules` allow:
    /// its address comes from the counterparty.
    ///
    /// Cancel safety: dropping the future closes the connection and removes the temporary file, unless
    /// [`DownloadOptions::resume_later`].
    ///
    /// # Errors
    ///
    /// The rules forbid the address, or the transfer failed.
    pub async fn download_picture(
        &self,
        image_url: &str,
        rules: &DownloadRules,
        path: impl Into<PathBuf>,
        options: DownloadOptions,
    ) -> Result<Downloaded, TransferError> {
        files::c2c::download(self.runtime(), image_url, rules, path, options).await
    }
}

/// Reads as much of the file as its header takes; the upload starts again from the first byte.
async fn sniff(source: &mut Source) -> Result<ImageInfo, FileCallError> {
    let mut pieces = source.pieces()?;
    let mut head = Vec::new();
    while let Some(piece) = pieces.next().await {
        head.extend_from_slice(&piece?);
        if let Some(info) = ImageInfo::sniff(&head) {
            return Ok(info);
        }
        if head.len() > MAX_HEADER_BYTES {
            break;
        }
    }
    Err(FileCallError::NotAPicture)
}
