//! The users of the IM, as the world names them.

use std::collections::{BTreeMap, BTreeSet};

use chat_sign::Secret;

use crate::world::World;

/// A user of the IM.
#[derive(Debug)]
pub(crate) struct Account {
    /// Index of the tenant.
    pub(crate) tenant: usize,
    pub(crate) number: String,
    pub(crate) password: Secret,
    pub(crate) name: String,
    pub(crate) suspended: bool,
}

/// Extensions by user id and by login.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    by_user: BTreeMap<u64, Account>,
    /// By lower-case domain, then by extension.
    by_login: BTreeMap<String, BTreeMap<String, u64>>,
    /// Agents of the channels for SMS and WhatsApp, but for users' own.
    channels: BTreeMap<u64, BTreeSet<u64>>,
    /// Whether the PBX can be asked about tokens.
    pub(crate) pbx_available: bool,
}

impl Accounts {
    /// From a world that is valid.
    pub(crate) fn new(world: &World) -> Self {
        let pbx_available = !world.faults.pbx_unavailable;
        let mut accounts = Self { pbx_available, ..Self::default() };
        for (tenant, it) in world.tenants.iter().enumerate() {
            let logins = accounts.by_login.entry(it.domain.to_ascii_lowercase()).or_default();
            for extension in &it.extensions {
                logins.insert(extension.number.clone(), extension.user_id);
                let account = Account {
                    tenant,
                    number: extension.number.clone(),
                    password: extension.password.clone(),
                    name: extension.name.clone(),
                    suspended: extension.suspended,
                };
                accounts.by_user.insert(extension.user_id, account);
            }
            for channel in &it.channels {
                let agents = channel.agents.iter().filter_map(|agent| logins.get(agent).copied());
                accounts.channels.insert(channel.id, agents.collect());
            }
        }
        accounts
    }

    pub(crate) fn get(&self, user: u64) -> Option<&Account> {
        self.by_user.get(&user)
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = (u64, &Account)> {
        self.by_user.iter().map(|(user, account)| (*user, account))
    }

    /// The user of an extension; the domain without regard to case.
    pub(crate) fn find(&self, number: &str, domain: &str) -> Option<u64> {
        self.by_login.get(&domain.to_ascii_lowercase())?.get(number).copied()
    }

    /// Whether `user` belongs to a channel for SMS and WhatsApp; `None` where there is none.
    pub(crate) fn in_channel(&self, user: u64, channel: u64) -> Option<bool> {
        if self.by_user.contains_key(&channel) {
            return Some(channel == user);
        }
        self.channels.get(&channel).map(|agents| agents.contains(&user))
    }

    /// The user of `extension@domain`, or of an extension that only one tenant has.
    pub(crate) fn find_login(&self, login: &str) -> Option<u64> {
        if let Some((number, domain)) = login.rsplit_once('@') {
            return self.find(number, domain);
        }
        let mut found = self.by_login.values().filter_map(|numbers| numbers.get(login));
        let first = found.next()?;
        found.next().is_none().then_some(*first)
    }

    /// Whether `user` exists where `viewer` can see them.
    pub(crate) fn visible(&self, viewer: u64, user: u64) -> bool {
        match (self.get(viewer), self.get(user)) {
            (Some(viewer), Some(user)) => viewer.tenant == user.tenant,
            _ => false,
        }
    }
}
