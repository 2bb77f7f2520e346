//! The folder of uploaded files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chat_hub::FileKey;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

/// Marks files that are not whole.
const PART: &str = ".part";

/// The folder of uploaded files: one file a key, and those under way with [`PART`] behind.
#[derive(Clone, Debug)]
pub(crate) struct FileStore {
    folder: Arc<Path>,
}

impl FileStore {
    /// Makes the folder if need be and removes what an earlier run left unfinished.
    pub(crate) async fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder).await?;
        let mut entries = fs::read_dir(&folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            if entry.file_name().to_str().is_some_and(|name| name.ends_with(PART)) {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(Self { folder: folder.into() })
    }

    /// Begins a file.
    pub(crate) async fn create(&self, key: &FileKey) -> io::Result<Partial> {
        let whole = self.folder.join(key.as_str());
        let part = self.folder.join(format!("{}{PART}", key.as_str()));
        let file = File::create_new(&part).await?;
        Ok(Partial { file, part, whole, size: 0 })
    }

    /// Opens a whole file; gives its length as well.
    pub(crate) async fn read(&self, key: &FileKey) -> io::Result<(File, u64)> {
        let file = File::open(self.folder.join(key.as_str())).await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    }

    /// Removes a file, if it is there.
    pub(crate) async fn remove(&self, key: &FileKey) {
        if let Err(error) = fs::remove_file(self.folder.join(key.as_str())).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a file could not be removed");
        }
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    size: u64,
}

impl Partial {
    /// Bytes so far.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) async fn write(&mut self, bytes: &Bytes) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Makes it a whole file, on disk for good: the hub will tell people that it is there.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        let done = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            fs::rename(&self.part, &self.whole).await
        };
        let done = done.await;
        if done.is_err() {
            self.discard().await;
        }
        done
    }

    pub(crate) async fn discard(self) {
        drop(self.file);
        if let Err(error) = fs::remove_file(&self.part).await {
            tracing::warn!(%error, "an unfinished file could not be removed");
        }
    }
}
