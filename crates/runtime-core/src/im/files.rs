//! Files up and down.

use std::path::PathBuf;

use chat_proto::im::Im;
use chat_proto::im::rest::{FileUrl, ImHost};
use chat_sign::FileToken;

use crate::client::{Client, FileCallError};
use crate::files::{self, DownloadOptions, Downloaded, Source, UploadOptions};
use crate::runtime::Runtime;

impl<R: Runtime> Client<Im, R> {
    /// Uploads a file; the reference goes into a message. The bytes never pass through the session.
    ///
    /// Cancel safety: dropping the future closes the transfer's connection; the service may have stored
    /// the file.
    ///
    /// # Errors
    ///
    /// No login yet, or the transfer failed. A token that the service refuses
    /// ([`FileError::Unauthorized`](chat_proto::im::rest::FileError)) is replaced at the next login.
    pub async fn upload_file(
        &self,
        source: Source,
        options: UploadOptions,
    ) -> Result<FileUrl, FileCallError> {
        let (host, token) = self.file_access().await?;
        let id = format!("{:016x}", self.runtime().seed());
        Ok(files::im::upload(self.runtime(), &host, &token, &id, source, options).await?)
    }

    /// Downloads a file into the file `path`: through a temporary one, which is renamed when all is
    /// there, and resumed where a link was lost.
    ///
    /// Cancel safety: dropping the future closes the transfer's connection and removes the temporary
    /// file, unless [`DownloadOptions::resume_later`].
    ///
    /// # Errors
    ///
    /// As [`Client::upload_file`].
    pub async fn download_file(
        &self,
        file: &FileUrl,
        path: impl Into<PathBuf>,
        options: DownloadOptions,
    ) -> Result<Downloaded, FileCallError> {
        let (host, token) = self.file_access().await?;
        Ok(files::im::download(self.runtime(), &host, &token, file, path, options).await?)
    }

    async fn file_access(&self) -> Result<(ImHost, FileToken), FileCallError> {
        let asked = self.call(|session, _| (session.host().clone(), session.file_token().cloned()));
        let (host, token) = asked.await?;
        Ok((host, token.ok_or(FileCallError::NotLoggedIn)?))
    }
}
