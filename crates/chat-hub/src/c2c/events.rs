//! Names of system messages: who gets which.
//!
//! Most names begin with the role of **the one who reads it**, not of the one who acted. Some reach
//! one side only. (field reports, several that agree)

use chat_proto::c2c::system::Role;

/// Who gets a system message, and what is put around its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Both, each with its own role in front.
    Both,
    /// One side, with its role in front.
    Only(Role),
}

/// A side of an order, as names of system messages tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) role: Role,
    pub(super) is_maker: bool,
}

/// Events whose name begins with the role of the reader.
const WITH_ROLE: &[(&str, Reach)] = &[
    ("merchant_trading", Reach::Both),
    ("user_trading", Reach::Both),
    ("payed", Reach::Both),
    ("payed_name_mismatch", Reach::Only(Role::Seller)),
    ("completed", Reach::Both),
    ("quick_completed", Reach::Both),
    ("force_released", Reach::Only(Role::Seller)),
    ("cancelled", Reach::Both),
    ("force_cancelled", Reach::Only(Role::Buyer)),
    ("appeal_completed", Reach::Both),
    ("cancel_appeal_completed", Reach::Both),
    ("system_cancel_appeal", Reach::Both),
    ("reason_agree", Reach::Only(Role::Seller)),
    ("reason_disagree", Reach::Only(Role::Seller)),
    ("reason_expired", Reach::Only(Role::Seller)),
    ("reason_confirm_pending", Reach::Only(Role::Seller)),
    ("reason_buyer_requested", Reach::Only(Role::Seller)),
];

/// Events whose name tells no role.
const PLAIN: &[&str] = &[
    "order_created",
    "cash_trade_order_created",
    "cancelled_by_system",
    "risk_alert",
    "risk_reminder",
];

/// Checks of identity: which side of the advertisement reads, and for two of them whether it buys or
/// sells, stands behind the name.
const KYC: &[&str] = &[
    "order_created_with_additional_kyc",
    "maker_verified_additional_kyc",
    "liveness_check_complete",
];

/// What may stand behind any name.
const SUFFIXES: [&str; 2] = ["_with_ref", "_fiat_trade"];

/// The events that a script can name without a role.
pub(super) fn with_role() -> impl Iterator<Item = &'static str> {
    WITH_ROLE.iter().map(|(name, _)| *name)
}

/// The events whose name tells no role.
pub(super) fn plain() -> impl Iterator<Item = &'static str> {
    PLAIN.iter().copied()
}

/// The checks of identity.
pub(super) fn kyc() -> impl Iterator<Item = &'static str> {
    KYC.iter().copied()
}

/// Whether a name has the suffix that comes with a reference.
pub(super) fn has_reference(name: &str) -> bool {
    base(name).1.contains("_with_ref")
}

/// What a side reads of an event that is named without its role; `None` when it reads nothing. A
/// name nobody knows goes to both.
pub(super) fn read_by(event: &str, side: Side) -> Option<String> {
    let (known, _) = base(event);
    let reach = WITH_ROLE.iter().find(|(name, _)| *name == known).map(|(_, reach)| *reach);
    let for_side = match reach {
        Some(Reach::Only(role)) => role == side.role,
        Some(Reach::Both) | None => true,
    };
    for_side.then(|| format!("{}_{event}", role_name(side.role)))
}

/// What a side reads of a check of identity.
pub(super) fn kyc_read_by(event: &str, side: Side) -> String {
    let (known, rest) = base(event);
    let (known, disclaimer) = match known.strip_suffix("_disclaimer") {
        Some(known) => (known, "_disclaimer"),
        None => (known, ""),
    };
    let party = if side.is_maker { "maker" } else { "taker" };
    if known == "liveness_check_complete" {
        return format!("{known}_{party}{disclaimer}{rest}");
    }
    let trade = if side.role == Role::Buyer { "buy" } else { "sell" };
    format!("{known}_{party}_{trade}{disclaimer}{rest}")
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Seller => "seller",
        Role::Buyer => "buyer",
    }
}

/// A name without its suffixes, and the suffixes.
fn base(name: &str) -> (&str, &str) {
    let mut known = name;
    while let Some(rest) = SUFFIXES.iter().find_map(|suffix| known.strip_suffix(suffix)) {
        known = rest;
    }
    name.split_at(known.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELLER: Side = Side { role: Role::Seller, is_maker: true };
    const BUYER: Side = Side { role: Role::Buyer, is_maker: false };

    #[test]
    fn the_role_is_that_of_the_reader() {
        assert_eq!(read_by("payed", SELLER).as_deref(), Some("seller_payed"));
        assert_eq!(read_by("payed", BUYER).as_deref(), Some("buyer_payed"));
        let both = "payed_with_ref_fiat_trade";
        assert_eq!(read_by(both, BUYER).as_deref(), Some("buyer_payed_with_ref_fiat_trade"));
    }

    #[test]
    fn some_events_reach_one_side() {
        assert_eq!(read_by("force_released_with_ref", BUYER), None);
        assert_eq!(read_by("force_cancelled", SELLER), None);
        assert_eq!(read_by("waved", SELLER).as_deref(), Some("seller_waved"));
    }

    #[test]
    fn checks_name_the_side_of_the_advertisement() {
        let created = "order_created_with_additional_kyc";
        assert_eq!(kyc_read_by(created, SELLER), format!("{created}_maker_sell"));
        let name = kyc_read_by(&format!("{created}_disclaimer_fiat_trade"), BUYER);
        assert_eq!(name, format!("{created}_taker_buy_disclaimer_fiat_trade"));
        assert_eq!(kyc_read_by("liveness_check_complete", BUYER), "liveness_check_complete_taker");
    }

    #[test]
    fn references_are_told_by_the_suffix() {
        assert!(has_reference("payed_with_ref_fiat_trade") && has_reference("payed_with_ref"));
        assert!(!has_reference("payed_fiat_trade") && !has_reference("_with_ref_x"));
    }
}
