//! Limits and addresses of a hub.

use std::time::Duration;

use chat_proto::server::ServerConfig;
use chat_sign::Secret;

/// Where clients reach the server. No trailing slashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicUrls {
    /// WebSocket of the IM, e.g. `wss://host:8887/im`.
    pub im: String,
    /// REST of the PBX, e.g. `https://host:8887`.
    pub pbx: String,
    /// REST of the C2C service.
    pub c2c: String,
    /// WebSocket of the C2C chat without the listen key, e.g. `wss://host:8887/chat`.
    pub chat: String,
    /// Host of C2C images, for upload and download.
    pub images: String,
}

/// What a hub allows. Everything has a default from the services' documentation or from a choice of
/// ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubConfig {
    /// Addresses that appear in answers.
    pub urls: PublicUrls,
    /// Limits of one connection.
    pub session: ServerConfig,
    /// API keys that Tinode's clients must show; with none, any key and no key will do. (choice)
    pub api_keys: Vec<Secret>,
    /// Connections at one time: 65 536. (choice)
    pub max_connections: usize,
    /// Largest upload in bytes: 100 MiB. (choice)
    pub max_file_bytes: u64,
    /// Bytes of files a user may have stored: 1 GiB. (portsip-docs)
    pub file_quota: u64,
    /// Bytes of files the users of a tenant may have stored together: no limit. (portsip-docs)
    pub tenant_file_quota: Option<u64>,
    /// How long a file is kept that nothing names: for ever. A client may name its files where only
    /// its peers can read it, so this is for servers whose clients do not. (choice)
    pub unlinked_file_for: Option<Duration>,
    /// Uploads under way at one time: 1024. (choice)
    pub max_uploads: usize,
    /// Members of a group: 1000. (portsip-docs)
    pub max_members: usize,
    /// Topics a user is subscribed to: 4096. (choice)
    pub max_topics: usize,
    /// Messages kept for a topic: 100 000. The oldest goes when one more is published; numbers are
    /// not given out again, and to history it is as if it had been deleted. (choice)
    pub max_messages: usize,
    /// What these messages may take for a topic, in bytes with 128 for each: 64 MiB. The oldest go
    /// as above. (choice)
    pub max_topic_bytes: usize,
    /// Deletions of messages kept apart for a topic and each who deleted: 64. With one more the
    /// oldest two become one. (choice)
    pub max_deletions: usize,
    /// What the messages of all topics may take, in bytes: 1 GiB. A publication beyond it gets 503.
    /// (choice)
    pub max_history_bytes: usize,
    /// Messages kept for a C2C order, in the same way: 10 000. (choice)
    pub max_order_messages: usize,
    /// Messages in one page of history: 1000. (seed)
    pub max_page: usize,
    /// Messages in a page when no limit is asked for: 100. (tinode-code)
    pub default_page: usize,
    /// Bytes after which a page of history ends early: 4 MiB. (choice)
    pub max_page_bytes: usize,
    /// Rows in one list of subscriptions: 1024. (tinode-code)
    pub max_rows: usize,
    /// Ids of `{pub}` remembered for each topic, so that a repeated one gets its first answer:
    /// 1024. (choice)
    pub remembered_pubs: usize,
    /// Life of an OAuth access token: 1800 s. (portsip-docs)
    pub access_token_for: Duration,
    /// Life of an OAuth refresh token: 30 days. (choice)
    pub refresh_token_for: Duration,
    /// OAuth tokens a user may hold; the oldest goes: 64. (choice)
    pub max_tokens: usize,
    /// Life of a file token: 24 h. (choice; the published sample has 365 days)
    pub file_token_for: Duration,
    /// Whether a download needs credentials: yes. (choice)
    pub download_auth: bool,
    /// How long a user stays online after the last session left: 4 s. (tinode-code)
    pub offline_after: Duration,
    /// How long after a client called itself something else its peers hear of it: 5 s.
    /// (tinode-code)
    pub rename_after: Duration,
    /// Inputs whose answers wait for a commit; beyond it the hub answers that it is busy: 65 536.
    /// (choice)
    pub max_held: usize,
    /// Length of the frames among them, in bytes: 64 MiB. (choice)
    pub max_held_bytes: usize,
    /// Tags of a user or a group: 16. (tinode-doc)
    pub max_tags: usize,
}

impl Default for HubConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            urls: PublicUrls::default(),
            session: ServerConfig::default(),
            api_keys: Vec::new(),
            max_connections: 1 << 16,
            max_file_bytes: 100 << 20,
            file_quota: 1 << 30,
            tenant_file_quota: None,
            unlinked_file_for: None,
            max_uploads: 1024,
            max_members: 1000,
            max_topics: 4096,
            max_messages: 100_000,
            max_topic_bytes: 64 << 20,
            max_history_bytes: 1 << 30,
            max_deletions: 64,
            max_order_messages: 10_000,
            max_page: 1000,
            default_page: 100,
            max_page_bytes: 4 << 20,
            max_rows: 1024,
            remembered_pubs: 1024,
            access_token_for: Duration::from_secs(1800),
            refresh_token_for: DAY * 30,
            max_tokens: 64,
            file_token_for: DAY,
            download_auth: true,
            offline_after: Duration::from_secs(4),
            rename_after: Duration::from_secs(5),
            max_held: 1 << 16,
            max_held_bytes: 64 << 20,
            max_tags: 16,
        }
    }
}
