//! Where a download goes.

use bytes::Bytes;
use futures_util::io::{AsyncWrite, AsyncWriteExt};

use super::error::TransferError;
use super::resume::Known;
use crate::runtime::Runtime;

/// Takes the bytes of a download in order.
pub(super) trait Target: Send {
    /// Whether what was written can be taken back.
    const CAN_RESTART: bool;

    /// What is there from an earlier call: how many bytes, of which file.
    fn start<R: Runtime>(
        &mut self,
        runtime: &R,
    ) -> impl Future<Output = Result<Option<(u64, Known)>, TransferError>> + Send;

    /// The file comes from its first byte on.
    fn restart(
        &mut self,
        known: Option<&Known>,
    ) -> impl Future<Output = Result<(), TransferError>> + Send;

    /// The next bytes.
    fn write(&mut self, piece: Bytes) -> impl Future<Output = Result<(), TransferError>> + Send;

    /// Waits until what was given is written.
    fn settle(&mut self) -> impl Future<Output = Result<(), TransferError>> + Send;

    /// The file is whole.
    fn finish(&mut self) -> impl Future<Output = Result<(), TransferError>> + Send;

    /// What is there is of no use for a later call.
    fn spoil(&mut self) {}
}

/// A writer of the application's.
pub(super) struct Writer<'a, W> {
    writer: &'a mut W,
    is_dirty: bool,
}

impl<'a, W> Writer<'a, W> {
    pub(super) const fn new(writer: &'a mut W) -> Self {
        Self { writer, is_dirty: false }
    }
}

impl<W: AsyncWrite + Send + Unpin> Target for Writer<'_, W> {
    const CAN_RESTART: bool = false;

    async fn start<R: Runtime>(&mut self, _: &R) -> Result<Option<(u64, Known)>, TransferError> {
        Ok(None)
    }

    async fn restart(&mut self, _: Option<&Known>) -> Result<(), TransferError> {
        if self.is_dirty { Err(TransferError::Changed) } else { Ok(()) }
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), TransferError> {
        self.is_dirty = true;
        self.writer.write_all(&piece).await.map_err(TransferError::Writer)
    }

    async fn settle(&mut self) -> Result<(), TransferError> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), TransferError> {
        self.writer.flush().await.map_err(TransferError::Writer)
    }
}
