//! The async runtime under the demo's clients, chosen when it starts.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::machine::HttpResult;
use chat_proto::{Machine, Now};
use clap::ValueEnum;
#[cfg(feature = "async-std")]
use runtime_async_std::AsyncStdRuntime;
#[cfg(feature = "smol")]
use runtime_async_std::SmolRuntime;
use runtime_core::{Connection, HttpLimits, Network, Options, Runtime, http, timeout_at};
use runtime_tokio::TokioRuntime;

/// What `--runtime` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// tokio
    Tokio,
    /// async-std, which is discontinued upstream (RUSTSEC-2025-0052)
    #[cfg(feature = "async-std")]
    AsyncStd,
    /// smol
    #[cfg(feature = "smol")]
    Smol,
}

impl Kind {
    /// Runs the demo to its end. Its server is always on tokio, in threads of its own.
    pub(crate) fn block_on<T>(
        self,
        tokio: &tokio::runtime::Runtime,
        demo: impl Future<Output = T>,
    ) -> T {
        match self {
            Self::Tokio => tokio.block_on(demo),
            #[cfg(feature = "async-std")]
            Self::AsyncStd => {
                let _server = tokio.enter();
                AsyncStdRuntime::block_on(demo)
            }
            #[cfg(feature = "smol")]
            Self::Smol => {
                let _server = tokio.enter();
                SmolRuntime::block_on(demo)
            }
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            #[cfg(feature = "async-std")]
            Self::AsyncStd => "async-std",
            #[cfg(feature = "smol")]
            Self::Smol => "smol",
        }
    }
}

/// One of the runtimes.
#[derive(Clone, Debug)]
pub(crate) enum AnyRuntime {
    Tokio(TokioRuntime),
    #[cfg(feature = "async-std")]
    AsyncStd(AsyncStdRuntime),
    #[cfg(feature = "smol")]
    Smol(SmolRuntime),
}

/// The same for whichever runtime it is.
macro_rules! each {
    ($any:expr, $runtime:ident => $do:expr) => {
        match $any {
            AnyRuntime::Tokio($runtime) => $do,
            #[cfg(feature = "async-std")]
            AnyRuntime::AsyncStd($runtime) => $do,
            #[cfg(feature = "smol")]
            AnyRuntime::Smol($runtime) => $do,
        }
    };
}

impl AnyRuntime {
    pub(crate) fn new(kind: Kind, network: Network) -> Self {
        match kind {
            Kind::Tokio => Self::Tokio(network.into()),
            #[cfg(feature = "async-std")]
            Kind::AsyncStd => Self::AsyncStd(network.into()),
            #[cfg(feature = "smol")]
            Kind::Smol => Self::Smol(network.into()),
        }
    }

    pub(crate) fn now(&self) -> Now {
        each!(self, runtime => runtime.now())
    }

    pub(crate) fn seed(&self) -> u64 {
        each!(self, runtime => runtime.seed())
    }

    /// One HTTP exchange.
    pub(crate) async fn exchange(
        &self,
        request: ::http::Request<Bytes>,
        time: Duration,
    ) -> HttpResult {
        let (deadline, limits) = (self.now().mono + time, HttpLimits::default());
        each!(self, runtime => http::exchange(runtime, request, deadline, &limits).await)
    }

    /// What `work` gives within `time`.
    pub(crate) async fn within<T>(
        &self,
        time: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let end = self.now().mono + time;
        each!(self, runtime => timeout_at(runtime, end, work).await)
    }

    /// A machine on this runtime's network.
    pub(crate) fn connection<M>(&self, machine: M) -> Box<dyn Driven<M>>
    where
        M: Machine + Send + 'static,
        M::Event: Send,
    {
        each!(self.clone(), runtime => {
            Box::new(Connection::new(machine, runtime, Options::default()))
        })
    }
}

/// A [`Connection`] on whichever runtime.
pub(crate) trait Driven<M: Machine> {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<M::Event>> + '_>>;

    fn machine(&mut self) -> (&mut M, Now);

    fn get(&self) -> &M;
}

impl<M: Machine, R: Runtime> Driven<M> for Connection<M, R> {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<M::Event>> + '_>> {
        Box::pin(self.next())
    }

    fn machine(&mut self) -> (&mut M, Now) {
        self.machine()
    }

    fn get(&self) -> &M {
        self.get()
    }
}
