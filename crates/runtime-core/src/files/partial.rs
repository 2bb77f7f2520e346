//! The temporary file of a download, up to its end under the final name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;

use super::error::TransferError;
use super::meter::lock;
use super::note::Note;
use super::resume::Known;
use super::target::Target;
use super::worker::{Reply, Worker};
use crate::runtime::Runtime;

/// Bytes that are gathered before they are written.
const BATCH_BYTES: usize = 256 << 10;

/// How long to wait for an earlier call that was dropped: its thread lets go of the file once it has
/// written what it was given.
const RELEASE: Duration = Duration::from_secs(1);
/// How often to look in the meantime.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The file that grows. Dropped before its end it goes away, or stays for a later call.
pub(super) struct Partial {
    shared: Arc<Shared>,
    worker: Option<Worker<Disk>>,
    /// What the file must be of, in the words of its note.
    url: String,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    writing: Option<Reply<()>>,
}

/// What the thread and whoever drops the download must agree on.
struct Shared {
    place: Place,
    fate: Mutex<Fate>,
}

/// The three paths.
struct Place {
    target: PathBuf,
    temporary: PathBuf,
    /// What has to be remembered between two calls; `None` where nothing is kept.
    note: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No temporary file is ours.
    Nothing,
    /// There is one; `keep` says whether a later call can use it.
    There { keep: bool },
    /// It has its final name.
    Done,
    /// The download is given up: create nothing, rename nothing.
    Dropped,
}

impl Partial {
    pub(super) fn new(
        target: PathBuf,
        uri: &Uri,
        keep: bool,
        seed: u64,
    ) -> Result<Self, TransferError> {
        let Some(place) = Place::of(target.clone(), keep, seed) else {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
            return Err(TransferError::file("write", target, error));
        };
        let shared = Arc::new(Shared { place, fate: Mutex::new(Fate::Nothing) });
        let url = Note::url(uri);
        Ok(Self { shared, worker: None, url, batch: Vec::new(), batch_bytes: 0, writing: None })
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(io::Error) -> TransferError + use<> {
        let path = self.shared.place.temporary.clone();
        move |error| {
            if error.kind() == io::ErrorKind::ResourceBusy {
                return TransferError::InUse { path };
            }
            TransferError::file(doing, path, error)
        }
    }

    fn worker(&mut self) -> Result<&Worker<Disk>, TransferError> {
        if self.worker.is_none() {
            let disk = Disk { shared: self.shared.clone(), file: None };
            self.worker = Some(Worker::start(disk).map_err(self.failed("write"))?);
        }
        Ok(self.worker.as_ref().expect("it was just started"))
    }

    /// Begins to write the batch, after the one before is written.
    async fn flush(&mut self) -> Result<(), TransferError> {
        self.written().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if !batch.is_empty() {
            self.writing = Some(self.worker()?.begin(move |disk| disk.write(&batch)));
        }
        Ok(())
    }

    async fn written(&mut self) -> Result<(), TransferError> {
        if let Some(writing) = &mut self.writing {
            let result = writing.await;
            self.writing = None;
            result.map_err(self.failed("write"))?;
        }
        Ok(())
    }
}

impl Target for Partial {
    const CAN_RESTART: bool = true;

    async fn start<R: Runtime>(
        &mut self,
        runtime: &R,
    ) -> Result<Option<(u64, Known)>, TransferError> {
        if self.shared.place.note.is_none() {
            return Ok(None);
        }
        let end = runtime.now().mono + RELEASE;
        loop {
            let url = self.url.clone();
            let claimed = self.worker()?.begin(move |disk| disk.claim(&url)).await;
            let now = runtime.now().mono;
            match claimed {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && now < end => {
                    runtime.sleep_until(now + LOOK_EVERY).await;
                }
                other => return other.map_err(self.failed("write")),
            }
        }
    }

    async fn restart(&mut self, known: Option<&Known>) -> Result<(), TransferError> {
        // What was gathered of what came before is of no use.
        self.batch.clear();
        self.batch_bytes = 0;
        self.written().await?;
        let note = known.map(|known| Note { url: self.url.clone(), known: known.clone() });
        let begun = self.worker()?.begin(move |disk| disk.restart(note.as_ref()));
        begun.await.map_err(self.failed("create"))
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), TransferError> {
        self.batch_bytes += piece.len();
        self.batch.push(piece);
        if self.batch_bytes >= BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn settle(&mut self) -> Result<(), TransferError> {
        self.flush().await?;
        self.written().await
    }

    async fn finish(&mut self) -> Result<(), TransferError> {
        self.settle().await?;
        let synced = self.worker()?.begin(|disk| disk.sync());
        synced.await.map_err(self.failed("write"))?;
        let renamed = self.worker()?.begin(|disk| disk.rename());
        let target = self.shared.place.target.clone();
        renamed.await.map_err(|error| TransferError::file("write", target, error))
    }

    fn spoil(&mut self) {
        let mut fate = lock(&self.shared.fate);
        if let Fate::There { keep } = &mut *fate {
            *keep = false;
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // The thread holds the lock while it creates or renames, never while it writes or syncs.
        let mut fate = lock(&self.shared.fate);
        match *fate {
            Fate::There { keep: false } => self.shared.place.remove(),
            Fate::There { keep: true } | Fate::Nothing | Fate::Dropped => {}
            Fate::Done => return,
        }
        *fate = Fate::Dropped;
    }
}

impl Place {
    /// Names that end in `.part` beside the target. One that nobody else has, or, to be found again,
    /// one that follows from the target's.
    fn of(target: PathBuf, keep: bool, seed: u64) -> Option<Self> {
        let name = target.file_name()?;
        let tag = if keep { Note::tag(name) } else { format!("{seed:016x}") };
        // Systems limit names to 255 bytes or so.
        let start: String = name.to_string_lossy().chars().take(32).collect();
        let beside =
            |end: &str| target.with_file_name(OsString::from(format!(".{start}.{tag}.{end}")));
        let (temporary, note) = (beside("part"), keep.then(|| beside("part-note")));
        Some(Self { target, temporary, note })
    }

    fn remove(&self) {
        // Who gives a download up can do nothing about a file that stays.
        let _ = fs::remove_file(&self.temporary);
        if let Some(note) = &self.note {
            let _ = fs::remove_file(note);
        }
    }
}

/// The open file, in its thread.
struct Disk {
    shared: Arc<Shared>,
    file: Option<File>,
}

impl Disk {
    /// Takes what an earlier call has left.
    fn claim(&mut self, url: &str) -> io::Result<Option<(u64, Known)>> {
        let place = &self.shared.place;
        let Some(note) = &place.note else { return Ok(None) };
        let mut fate = lock(&self.shared.fate);
        if *fate == Fate::Dropped {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(mut file) = open_locked(&place.temporary, false)? else { return Ok(None) };
        let have = file.seek(SeekFrom::End(0))?;
        let note = Note::read(note).filter(|note| note.url == url && note.fits(have));
        *fate = Fate::There { keep: note.is_some() };
        self.file = Some(file);
        Ok(note.map(|note| (have, note.known)))
    }

    /// Makes the file empty, or an empty file.
    fn restart(&mut self, note: Option<&Note>) -> io::Result<()> {
        let place = &self.shared.place;
        let mut fate = lock(&self.shared.fate);
        if *fate == Fate::Dropped {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                let file = if place.note.is_some() {
                    open_locked(&place.temporary, true)?.ok_or(io::ErrorKind::ResourceBusy)?
                } else {
                    OpenOptions::new().write(true).create_new(true).open(&place.temporary)?
                };
                empty.insert(file)
            }
        };
        *fate = Fate::There { keep: false };
        // Before the note: no note may stand beside bytes of another file.
        file.set_len(0)?;
        file.rewind()?;
        if let (Some(path), Some(note)) = (&place.note, note) {
            note.write(path)?;
            *fate = Fate::There { keep: true };
        }
        Ok(())
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, batch: &[Bytes]) -> io::Result<()> {
        let file = self.file()?;
        batch.iter().try_for_each(|piece| file.write_all(piece))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_all()
    }

    /// Gives the file its name.
    fn rename(&mut self) -> io::Result<()> {
        let place = &self.shared.place;
        {
            let mut fate = lock(&self.shared.fate);
            if *fate == Fate::Dropped {
                return Err(io::ErrorKind::Interrupted.into());
            }
            fs::rename(&place.temporary, &place.target)?;
            *fate = Fate::Done;
        }
        if let Some(note) = &place.note {
            let _ = fs::remove_file(note);
        }
        sync_folder(&place.target);
        Ok(())
    }
}

/// Opens a file that one download at a time may have: [`io::ErrorKind::ResourceBusy`] where another
/// has it, `None` where there is none and none is to be made.
fn open_locked(path: &Path, create: bool) -> io::Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !create => return Ok(None),
        Ok(_) | Err(_) => {}
    }
    let file =
        OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
    match file.try_lock() {
        // A file system without locks: two downloads of one file are the application's affair.
        Ok(()) | Err(TryLockError::Error(_)) => {}
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::ResourceBusy.into()),
    }
    // Who had it before may have finished, and what was opened is the target by now.
    if is_at(&file, path) { Ok(Some(file)) } else { Err(io::ErrorKind::ResourceBusy.into()) }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |one: &fs::Metadata, other: &fs::Metadata| {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    matches!((file.metadata(), fs::symlink_metadata(path)), (Ok(one), Ok(other)) if same(&one, &other))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Makes the new name last as well. Not every system can.
fn sync_folder(file: &Path) {
    if cfg!(unix)
        && let Some(folder) = file.parent()
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) =
                future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                return value;
            }
            std::thread::yield_now();
        }
    }

    fn partial(target: PathBuf, keep: bool) -> Partial {
        Partial::new(target, &Uri::from_static("http://h/f"), keep, 7).unwrap()
    }

    #[test]
    fn a_name_however_long_has_room_for_ours() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["é".repeat(127), "x".repeat(255)] {
            let target = folder.path().join(&name);
            let mut partial = partial(target.clone(), true);
            wait(partial.restart(None)).unwrap();
            wait(partial.write(Bytes::from_static(b"hello"))).unwrap();
            wait(partial.finish()).unwrap();
            assert_eq!(fs::read(target).unwrap(), b"hello");
        }
        let names = |name: &str| {
            let place = Place::of(folder.path().join(name), true, 7).unwrap();
            (place.temporary, place.note.unwrap())
        };
        let long = "x".repeat(200);
        assert_ne!(names(&format!("{long}1")), names(&format!("{long}2")));
        assert!(Place::of(PathBuf::from("/"), true, 7).is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = partial(folder.path().join("f"), false);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let disk = Disk { shared: partial.shared.clone(), file: Some(full) };
        partial.worker = Some(Worker::start(disk).unwrap());
        wait(partial.write(Bytes::from_static(b"hello"))).unwrap();
        let error = wait(partial.settle()).unwrap_err();
        assert!(error.is_storage_full(), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("cannot write") && text.contains(".f.0000000000000007.part"),
            "{text}"
        );
    }

    #[test]
    fn who_was_given_up_creates_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let partial = partial(folder.path().join("f"), false);
        let mut disk = Disk { shared: partial.shared.clone(), file: None };
        drop(partial);
        let error = disk.restart(None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_was_renamed_meanwhile_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let file = File::create(&old).unwrap();
        assert!(is_at(&file, &old));
        fs::rename(&old, new).unwrap();
        assert!(!is_at(&file, &old));
    }
}
