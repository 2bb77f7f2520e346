//! Limits, patience and progress.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// The largest file, in bytes, unless another limit is set (choice).
pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;

/// How long no byte may move, unless set otherwise (choice).
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest span of time that is waited.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that were handed to the connection, or were read from it.
    pub done: u64,
    /// Bytes of the whole file, where that is known.
    pub total: Option<u64>,
}

/// Told of progress.
pub(super) type Report = Box<dyn FnMut(Progress) + Send>;

/// How an upload works.
pub struct UploadOptions {
    pub(super) max_bytes: u64,
    pub(super) stall_timeout: Duration,
    pub(super) report: Option<Report>,
}

impl UploadOptions {
    /// Refuses a file of more than `bytes` before anything is sent. 1 GiB unless set.
    #[must_use]
    pub const fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Gives up when no piece of the file (64 KiB) leaves for so long, or no answer comes after the
    /// last one. A minute unless set, a day at most.
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout.min(LONGEST);
        self
    }

    /// Calls `report` after each piece. What the connection has taken may still wait in buffers of
    /// this machine. A redirect starts again at zero.
    #[must_use]
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, stall_timeout: STALL_TIMEOUT, report: None }
    }
}

impl fmt::Debug for UploadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadOptions")
            .field("max_bytes", &self.max_bytes)
            .field("stall_timeout", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}

/// Whether a host may be asked.
pub(super) type Allow = Box<dyn Fn(&http::Uri) -> bool + Send + Sync>;

/// How a download works.
pub struct DownloadOptions {
    pub(super) max_bytes: u64,
    pub(super) stall_timeout: Duration,
    pub(super) attempts: NonZeroU32,
    pub(super) pause: Duration,
    pub(super) resume_later: bool,
    pub(super) report: Option<Report>,
    pub(super) allow: Option<Allow>,
}

impl DownloadOptions {
    /// Refuses a file of more than `bytes`: before its first byte where the server names the length,
    /// else as soon as more have come. 1 GiB unless set.
    #[must_use]
    pub const fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Counts a link as lost when nothing comes for so long. A minute unless set, a day at most.
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout.min(LONGEST);
        self
    }

    /// How often the server is asked in one call: after a lost link the rest is asked for again.
    /// Five times unless set.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long to wait after the first lost link; twice as long after each further one, a minute at
    /// most. A second unless set.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause.min(LONGEST);
        self
    }

    /// Keeps the temporary file when the call fails or is dropped, and goes on from one that an
    /// earlier call has left. It is kept only where the server gave a validator, and is used only if
    /// it is of the same URL (its query aside) and the server says that the file is still the same.
    ///
    /// A second file beside it holds what must be remembered: a hash of the URL, the length, and the
    /// validator. Its name and that of the temporary file follow from the name of the target, so two
    /// such downloads to one target exclude each other.
    #[must_use]
    pub const fn resume_later(mut self, keep: bool) -> Self {
        self.resume_later = keep;
        self
    }

    /// Calls `report` after each piece. The count goes back where a download has to start again.
    #[must_use]
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Asks `allow` before a redirect is followed.
    #[must_use]
    pub fn allow_redirect(
        mut self,
        allow: impl Fn(&http::Uri) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.allow = Some(Box::new(allow));
        self
    }
}

impl Default for DownloadOptions {
    fn default() -> Self {
        const FIVE: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");
        Self {
            max_bytes: DEFAULT_MAX_BYTES,
            stall_timeout: STALL_TIMEOUT,
            attempts: FIVE,
            pause: Duration::from_secs(1),
            resume_later: false,
            report: None,
            allow: None,
        }
    }
}

impl fmt::Debug for DownloadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadOptions")
            .field("max_bytes", &self.max_bytes)
            .field("stall_timeout", &self.stall_timeout)
            .field("attempts", &self.attempts)
            .field("pause", &self.pause)
            .field("resume_later", &self.resume_later)
            .finish_non_exhaustive()
    }
}
