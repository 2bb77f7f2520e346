//! Sizes, limits and delays.

use std::time::Duration;

use tungstenite::protocol::WebSocketConfig;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Longest span of time that is waited.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The buffers and limits of one WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsConfig {
    /// The largest incoming message, in bytes. A larger one ends the connection with 1009.
    pub max_message_bytes: usize,
    /// What may wait to be written, in bytes: one outgoing message must fit. It also bounds the
    /// pongs that a peer can make us hold by pinging without reading.
    pub max_write_bytes: usize,
    /// Bytes asked of the transport at a time. Allocated per socket from the start.
    pub read_buffer_bytes: usize,
    /// Small writes are gathered up to this many bytes; a read that would block sends them before.
    pub cork_bytes: usize,
}

impl WsConfig {
    /// For a client: 1 MiB messages, 16 KiB buffers (as fast as larger ones, measured).
    #[must_use]
    pub const fn client() -> Self {
        Self {
            max_message_bytes: MIB,
            max_write_bytes: 4 * MIB,
            read_buffer_bytes: 16 * KIB,
            cork_bytes: 16 * KIB,
        }
    }

    /// For a server, which holds many sockets: 4 KiB to read into.
    #[must_use]
    pub const fn server() -> Self {
        Self { read_buffer_bytes: 4 * KIB, ..Self::client() }
    }

    /// Accepts messages of up to `bytes`, and allows writing as large ones.
    #[must_use]
    pub const fn with_max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        let room = bytes.saturating_add(64 * KIB);
        if self.max_write_bytes < room {
            self.max_write_bytes = room;
        }
        self
    }

    /// The same for tungstenite, whose own defaults are 128 KiB a socket, 64 MiB a message and no
    /// limit on what waits to be written.
    #[must_use]
    pub fn to_tungstenite(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(self.read_buffer_bytes)
            .write_buffer_size(self.cork_bytes)
            // Tungstenite panics unless this is the larger one.
            .max_write_buffer_size(self.max_write_bytes.max(self.cork_bytes.saturating_add(1)))
            .max_message_size(Some(self.max_message_bytes))
            .max_frame_size(Some(self.max_message_bytes))
    }
}

impl Default for WsConfig {
    fn default() -> Self {
        Self::client()
    }
}

/// The limits of an HTTP exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// The largest body of an answer, in bytes.
    pub max_body_bytes: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { max_body_bytes: 16 * MIB }
    }
}

/// How a [`Connection`](crate::Connection) works. Spans of time count for a day at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// For the sockets that are dialled. An accepted socket brings its own.
    pub ws: WsConfig,
    /// For the exchanges that a machine asks for.
    pub http: HttpLimits,
    /// How long a peer that has sent its close frame may keep the transport open.
    pub close_timeout: Duration,
    /// How long a socket that is let go may take to deliver our last bytes.
    pub linger: Duration,
    /// How many calls of a [`Handle`](crate::Handle) may wait.
    pub call_queue: usize,
    /// How many events may wait to be taken from a [`Handle`](crate::Handle).
    pub event_queue: usize,
    /// How many more may wait in a typed [`client`](crate::client) while a call waits for its answer,
    /// which may stand behind them.
    pub event_slack: usize,
}

impl Options {
    /// A point in time is counted from now: a span without an end would overflow it.
    pub(crate) fn bounded(mut self) -> Self {
        self.close_timeout = self.close_timeout.min(LONGEST);
        self.linger = self.linger.min(LONGEST);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ws: WsConfig::client(),
            http: HttpLimits::default(),
            close_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(1),
            call_queue: 64,
            event_queue: 256,
            event_slack: 1024,
        }
    }
}
