//! Who there is: accounts, orders and fault switches, given when the server starts.

use std::collections::BTreeSet;

use chat_sign::Secret;
use serde::{Deserialize, Deserializer, de};

pub use crate::faults::{CloseWhen, Faults, MarkSigning, UploadType};

/// Everything a server knows before the first request. Read it from any format serde knows;
/// members that are not named here are refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Domains of the IM service with their extensions.
    pub tenants: Vec<Tenant>,
    /// Accounts and orders of the C2C service.
    pub c2c: C2cWorld,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

/// One tenant of the PBX: its users see each other and nobody else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The SIP domain; compared without regard to case.
    pub domain: String,
    /// Who belongs to it.
    #[serde(default)]
    pub extensions: Vec<Extension>,
    /// Ring groups and queues that have a channel for SMS and WhatsApp. Every user has one of their
    /// own, which is not listed.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

/// A ring group or a queue with a channel for SMS and WhatsApp: the topic `emc…`. (portsip-docs)
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The number behind `emc`. Unique over all tenants, and no user's number.
    #[serde(deserialize_with = "number")]
    pub id: u64,
    /// Extension numbers of the agents.
    #[serde(default)]
    pub agents: Vec<String>,
}

/// A user of the IM service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Extension number or name to log in with: no `@` and no `:`.
    pub number: String,
    /// The password.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
    /// The number behind `usr`. Unique over all tenants. A number or, as some formats have no
    /// unsigned 64-bit numbers, its digits in a string.
    #[serde(deserialize_with = "number")]
    pub user_id: u64,
    /// The name others see; none when empty.
    #[serde(default)]
    pub name: String,
    /// A suspended user gets tokens but cannot log in to the IM.
    #[serde(default)]
    pub suspended: bool,
}

/// Accounts and orders of the C2C service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct C2cWorld {
    /// Who can trade.
    pub accounts: Vec<C2cAccount>,
    /// The orders that two of them share.
    pub orders: Vec<C2cOrder>,
}

/// A trader.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct C2cAccount {
    /// The public half of the API key.
    pub api_key: String,
    /// The key that requests are signed with.
    #[serde(deserialize_with = "secret")]
    pub secret: Secret,
    /// The name others see.
    pub nickname: String,
    /// The account's number. Unique.
    #[serde(deserialize_with = "number")]
    pub user_id: u64,
}

/// An order between two accounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct C2cOrder {
    /// The order number: digits, more than fit into 64 bits.
    pub order_no: String,
    /// API key of the account that advertised.
    pub maker: String,
    /// API key of the account that took the advertisement.
    pub taker: String,
    /// Whether the advertisement was to buy coins. Decides who is buyer and who is seller.
    #[serde(default)]
    pub maker_buys: bool,
    /// What the service answers on the maker's behalf to the taker's first message.
    #[serde(default)]
    pub auto_reply: Option<String>,
}

/// Why a world cannot be served. The file's author is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// Something that must be unique occurs twice.
    #[error("{what} '{value}' occurs twice")]
    Duplicate {
        /// What it is, in words.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A value has the wrong form.
    #[error("{what} '{value}' {why}")]
    Invalid {
        /// What it is, in words.
        what: &'static str,
        /// The value; never a secret.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A channel names an extension that its tenant has not.
    #[error("channel {channel} names the extension '{extension}', which does not exist")]
    UnknownExtension {
        /// The channel.
        channel: u64,
        /// The extension it names.
        extension: String,
    },
    /// An order names an account that there is not.
    #[error("order '{order}' names the account '{account}', which does not exist")]
    UnknownAccount {
        /// The order number.
        order: String,
        /// The API key it names.
        account: String,
    },
}

impl World {
    /// Checks that ids are unique and every reference leads somewhere.
    ///
    /// # Errors
    ///
    /// Names the first thing that is wrong.
    pub fn validate(&self) -> Result<(), WorldError> {
        self.faults.validate()?;
        let (mut domains, mut users) = (BTreeSet::new(), BTreeSet::new());
        for tenant in &self.tenants {
            check(&tenant.domain, "domain", &['@'])?;
            unique(&mut domains, "domain", tenant.domain.to_ascii_lowercase())?;
            let mut numbers = BTreeSet::new();
            for extension in &tenant.extensions {
                check(&extension.number, "extension", &['@', ':'])?;
                unique(&mut numbers, "extension", extension.number.clone())?;
                unique(&mut users, "user id", extension.user_id.to_string())?;
                filled(&extension.password, "password of extension", &extension.number)?;
                if extension.user_id == 0 {
                    return Err(invalid("user id", "0", "is reserved"));
                }
            }
        }
        self.validate_channels(&mut users)?;
        let (mut keys, mut traders) = (BTreeSet::new(), BTreeSet::new());
        for account in &self.c2c.accounts {
            check(&account.api_key, "API key", &[])?;
            unique(&mut keys, "API key", account.api_key.clone())?;
            unique(&mut traders, "C2C user id", account.user_id.to_string())?;
            filled(&account.secret, "secret of API key", &account.api_key)?;
        }
        let mut orders = BTreeSet::new();
        for order in &self.c2c.orders {
            if order.order_no.is_empty() || !order.order_no.bytes().all(|b| b.is_ascii_digit()) {
                return Err(invalid("order", &order.order_no, "is not a row of digits"));
            }
            unique(&mut orders, "order", order.order_no.clone())?;
            if order.maker == order.taker {
                return Err(invalid("order", &order.order_no, "is between one account"));
            }
            for account in [&order.maker, &order.taker] {
                if !keys.contains(account) {
                    let (order, account) = (order.order_no.clone(), account.clone());
                    return Err(WorldError::UnknownAccount { order, account });
                }
            }
        }
        Ok(())
    }
}

impl World {
    /// Channels and users share one space of numbers: a user's own channel has the user's.
    fn validate_channels(&self, taken: &mut BTreeSet<String>) -> Result<(), WorldError> {
        for tenant in &self.tenants {
            for channel in &tenant.channels {
                unique(taken, "channel", channel.id.to_string())?;
                if channel.id == 0 {
                    return Err(invalid("channel", "0", "is reserved"));
                }
                for agent in &channel.agents {
                    if tenant.extensions.iter().all(|it| it.number != *agent) {
                        let (channel, extension) = (channel.id, agent.clone());
                        return Err(WorldError::UnknownExtension { channel, extension });
                    }
                }
            }
        }
        Ok(())
    }
}

fn unique(
    seen: &mut BTreeSet<String>,
    what: &'static str,
    value: String,
) -> Result<(), WorldError> {
    if seen.insert(value.clone()) { Ok(()) } else { Err(WorldError::Duplicate { what, value }) }
}

fn check(value: &str, what: &'static str, forbidden: &[char]) -> Result<(), WorldError> {
    if value.is_empty() {
        return Err(invalid(what, value, "is empty"));
    }
    if value.contains(forbidden) || value.contains(char::is_whitespace) {
        return Err(invalid(what, value, "holds a character that may not be in it"));
    }
    Ok(())
}

fn filled(secret: &Secret, what: &'static str, of: &str) -> Result<(), WorldError> {
    if secret.is_empty() { Err(invalid(what, of, "is empty")) } else { Ok(()) }
}

fn invalid(what: &'static str, value: &str, why: &'static str) -> WorldError {
    WorldError::Invalid { what, value: value.to_owned(), why }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Digits;

    impl de::Visitor<'_> for Digits {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number from 0 to 18446744073709551615, or its digits in a string")
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
            u64::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<u64, E> {
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let parsed = if digits { value.parse().ok() } else { None };
            parsed.ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
        }
    }

    deserializer.deserialize_any(Digits)
}
