//! Who there is in a simulated world.

use std::time::Duration;

use chat_hub::world::{C2cAccount, C2cOrder, C2cWorld, Extension, Faults, Tenant};
use chat_hub::{HubConfig, PublicUrls, World};
use chat_proto::c2c::Api;
use chat_proto::c2c::client::C2cConfig;
use chat_sign::Secret;

use crate::model::Limits;
use crate::observe::{Chat, Row, order_user, topic_user};

/// The domain of all users of topic chat.
pub const DOMAIN: &str = "pbx.example.com";
/// Orders between the merchant and each buyer.
pub const ORDERS: [&str; 2] = ["20476365073825144832", "22000000000000000002"];
/// Users of topic chat.
pub const USERS: usize = 4;
/// Accounts of order chat: the merchant, then buyers.
pub const ACCOUNTS: usize = 3;

const FIRST_USER: u64 = 804_252_613_548_700_000;
const FIRST_TRADER: u64 = 11;

/// A user of topic chat.
#[must_use]
pub fn user(n: usize) -> String {
    topic_user(FIRST_USER + n as u64)
}

/// The extension a user logs in with.
#[must_use]
pub fn number(n: usize) -> String {
    format!("{}", 101 + n)
}

/// The password of an extension.
#[must_use]
pub fn password(n: usize) -> String {
    format!("demo-password-{n}")
}

/// An account of order chat.
#[must_use]
pub fn trader(n: usize) -> String {
    order_user(Some(FIRST_TRADER + n as u64))
}

/// The public half of an account's key.
#[must_use]
pub fn api_key(n: usize) -> String {
    format!("trader-{n}-key")
}

fn api_secret(n: usize) -> String {
    format!("trader-{n}-secret")
}

/// What no transcript may show.
pub fn secrets() -> impl Iterator<Item = String> {
    (0..USERS).map(password).chain((0..ACCOUNTS).flat_map(|n| [api_secret(n), api_key(n)]))
}

/// The orders an account is a side of.
#[must_use]
pub fn orders_of(account: usize) -> &'static [&'static str] {
    match account {
        0 => &ORDERS,
        n => &ORDERS[(n - 1).min(ORDERS.len() - 1)..n.min(ORDERS.len())],
    }
}

/// Who may read each order, for a model: the hub stores no such rows.
#[must_use]
pub fn sides() -> Vec<Row> {
    let side = |order: &str, account| {
        let access = Some(("JRW".to_owned(), "JRW".to_owned()));
        Row::Member { chat: Chat::Order(order.to_owned()), user: trader(account), access }
    };
    ORDERS.iter().zip(1..).flat_map(|(order, taker)| [side(order, 0), side(order, taker)]).collect()
}

/// Keys and address of an account.
///
/// # Panics
///
/// Never: the parts are constants.
#[must_use]
pub fn api(n: usize) -> Api {
    let api = Api::new(&api_key(n).into(), &api_secret(n).into());
    let api = api.and_then(|api| api.base_url("https://c2c.example.com"));
    api.expect("constant keys and a constant address")
}

/// The hub's world.
#[must_use]
pub fn world() -> World {
    let extensions = (0..USERS).map(|n| Extension {
        number: number(n),
        password: Secret::new(password(n)),
        user_id: FIRST_USER + n as u64,
        name: String::new(),
        suspended: false,
    });
    let accounts = (0..ACCOUNTS).map(|n| C2cAccount {
        api_key: api_key(n),
        secret: Secret::new(api_secret(n)),
        nickname: format!("trader {n}"),
        user_id: FIRST_TRADER + n as u64,
    });
    let orders = ORDERS.iter().zip(1..).map(|(order_no, taker)| C2cOrder {
        order_no: (*order_no).to_owned(),
        maker: api_key(0),
        taker: api_key(taker),
        maker_buys: false,
        auto_reply: (taker == 1).then(|| "Welcome!".to_owned()),
    });
    World {
        tenants: vec![Tenant {
            domain: DOMAIN.to_owned(),
            extensions: extensions.collect(),
            channels: Vec::new(),
        }],
        c2c: C2cWorld { accounts: accounts.collect(), orders: orders.collect() },
        faults: Faults::default(),
    }
}

/// The hub's addresses.
#[must_use]
pub fn config() -> HubConfig {
    HubConfig {
        urls: PublicUrls {
            im: "wss://pbx.example.com:8887/im".to_owned(),
            pbx: "https://pbx.example.com:8887".to_owned(),
            c2c: "https://c2c.example.com".to_owned(),
            chat: "wss://c2c.example.com/chat".to_owned(),
            images: "https://images.example.com".to_owned(),
        },
        ..HubConfig::default()
    }
}

/// What a model must know of this world.
#[must_use]
pub fn limits() -> Limits {
    let config = chat_proto::client::SessionConfig::default();
    Limits {
        answer_within: config.request_timeout,
        echo_within: C2cConfig::default().session.request_timeout,
        resolve_within: Duration::from_secs(120),
        max_fill: 10_000,
        secrets: secrets().collect(),
    }
}
