//! The clients on one runtime.

/// Gives an adapter the typed clients on its runtime: the modules `im` and `c2c`, which are those of
/// this crate with the runtime filled in. Name the runtime from the root: `crate::MyRuntime`.
#[macro_export]
macro_rules! clients {
    ($runtime:path) => {
        $crate::clients!(
            im,
            $runtime,
            ImClient,
            ImConnection,
            "A client of PortSIP PBX IM, or of its relative Tinode: [`runtime_core::im`] on this \
             runtime."
        );
        $crate::clients!(
            c2c,
            $runtime,
            C2cClient,
            C2cConnection,
            "A client of Binance C2C order chat: [`runtime_core::c2c`] on this runtime."
        );
    };
    ($service:ident, $runtime:path, $client:ident, $connection:ident, $doc:literal) => {
        #[doc = $doc]
        pub mod $service {
            pub use $crate::$service::*;

            /// A session in a task of its own: cheap to clone, `async` verbs.
            pub type $client = $crate::$service::$client<$runtime>;

            /// A session that the application polls.
            pub type $connection = $crate::$service::$connection<$runtime>;

            /// Connects and waits until the session can be used.
            ///
            /// Cancel safety: dropping the future gives the session up.
            ///
            /// # Errors
            ///
            /// The first attempt failed, or the credentials are not accepted.
            pub async fn connect(config: Config) -> Result<$client, NotReady> {
                $crate::$service::connect(config).await
            }

            /// The same without waiting: the session connects, and connects again, in its task.
            #[must_use]
            pub fn start(config: Config) -> $client {
                $crate::$service::start(config)
            }

            /// A session for the application to poll.
            #[must_use]
            pub fn open(config: Config) -> $connection {
                $crate::$service::open(config)
            }

            const _: () = {
                const fn is_shared<T: Clone + Send + Sync>() {}
                const fn is_sent<T: Send>() {}
                is_shared::<$client>();
                is_sent::<$connection>();
            };
        }
    };
}
