//! Ids and tokens that cannot be guessed, from one secret key and a counter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat_proto::time::UnixMillis;
use chat_sign::{HmacSigner, Secret, TokenKey};

/// Milliseconds from 1970 to 2018, where the snowflakes of the published samples begin.
const SNOWFLAKE_EPOCH_MS: u64 = 1_514_764_800_000;

/// Draws from HMAC(key, start of the run and counter): deterministic for a test that fixes both,
/// unpredictable without the key.
#[derive(Debug)]
pub(crate) struct Ids {
    mac: HmacSigner,
    file_tokens: TokenKey,
    started: u64,
    drawn: u64,
    last_flake: u64,
}

impl Ids {
    pub(crate) fn new(key: &[u8; 32], now: UnixMillis) -> Self {
        Self {
            mac: HmacSigner::from_bytes(key),
            file_tokens: TokenKey::new(key).expect("the key has the 32 bytes that are asked for"),
            started: now.as_millis(),
            drawn: 0,
            last_flake: 0,
        }
    }

    /// 64 hex digits nobody can predict.
    fn draw(&mut self) -> String {
        self.drawn += 1;
        self.mac.sign_hex(format!("draw {} {}", self.started, self.drawn).as_bytes())
    }

    /// 64 bits nobody can predict.
    pub(crate) fn number(&mut self) -> u64 {
        u64::from_str_radix(&self.draw()[..16], 16).expect("hex digits are a number")
    }

    /// 32 lower-case hex digits nobody can predict: 128 bits.
    pub(crate) fn hex32(&mut self) -> String {
        let mut hex = self.draw();
        hex.truncate(32);
        hex
    }

    /// An OAuth token of 48 characters from `[A-F0-9]`: 192 bits.
    pub(crate) fn oauth_token(&mut self) -> Secret {
        let mut hex = self.draw();
        hex.truncate(48);
        hex.make_ascii_uppercase();
        Secret::new(hex)
    }

    /// A file id as in the published sample: 16 bytes nobody can predict and a snowflake, as 32
    /// base64url characters.
    pub(crate) fn file_id(&mut self, now: UnixMillis) -> String {
        let mut bytes = [0; 24];
        let (random, flake) = bytes.split_at_mut(16);
        let (high, low) = random.split_at_mut(8);
        high.copy_from_slice(&self.number().to_le_bytes());
        low.copy_from_slice(&self.number().to_le_bytes());
        flake.copy_from_slice(&self.snowflake(now).to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A number above all before it in this run, whose upper bits are the time.
    pub(crate) fn snowflake(&mut self, now: UnixMillis) -> u64 {
        let since = now.as_millis().saturating_sub(SNOWFLAKE_EPOCH_MS);
        self.last_flake = (since << 22).max(self.last_flake + 1);
        self.last_flake
    }

    /// What is stored in place of a token. The same after a restart with the same key.
    pub(crate) fn digest(&self, token: &str) -> String {
        self.mac.sign_hex(format!("digest {token}").as_bytes())
    }

    /// The key of file tokens.
    pub(crate) fn file_tokens(&self) -> &TokenKey {
        &self.file_tokens
    }
}
