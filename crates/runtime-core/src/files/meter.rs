//! What a transfer tells while it goes on, and how it is noticed that it does not.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};

use super::error::TransferError;
use super::options::{Progress, Report};
use crate::runtime::Runtime;

/// Shared between an upload and its body, which the connection owns.
#[derive(Clone)]
pub(super) struct Meter(Arc<Shared>);

struct Shared {
    report: Mutex<Option<Report>>,
    steps: AtomicU64,
    failure: Mutex<Option<TransferError>>,
}

impl Meter {
    pub(super) fn new(report: Option<Report>) -> Self {
        let (report, failure) = (Mutex::new(report), Mutex::new(None));
        Self(Arc::new(Shared { report, steps: AtomicU64::new(0), failure }))
    }

    /// Something has moved.
    pub(super) fn step(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn report(&self, progress: Progress) {
        if let Some(report) = lock(&self.0.report).as_mut() {
            report(progress);
        }
    }

    /// Keeps why the body failed: the connection would make a text of it.
    pub(super) fn fail(&self, error: TransferError) {
        *lock(&self.0.failure) = Some(error);
    }

    /// Why the body failed, if it has.
    pub(super) fn failure(&self) -> Option<TransferError> {
        lock(&self.0.failure).take()
    }

    /// Gives `work` up when nothing has moved for `patience`.
    pub(super) async fn watch<R: Runtime, T, E: Into<TransferError>>(
        &self,
        runtime: &R,
        patience: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, TransferError> {
        let mut work = Box::pin(work);
        loop {
            let before = self.0.steps.load(Ordering::Relaxed);
            let timer = pin!(runtime.sleep_until(runtime.now().mono + patience));
            match select(work, timer).await {
                Either::Left((result, _)) => {
                    return result.map_err(|error| self.failure().unwrap_or_else(|| error.into()));
                }
                Either::Right((_, rest)) => work = rest,
            }
            if self.0.steps.load(Ordering::Relaxed) == before {
                return Err(TransferError::Stalled { after: patience });
            }
        }
    }
}

/// A report that panics must not hide why.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
