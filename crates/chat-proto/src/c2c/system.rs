//! System messages: events in the life of an order.
//!
//! The content of a `system` frame is JSON *as text*. Its `type` starts, for most events, with the
//! role of **the one who reads it**, not of the one who acted: `seller_payed` reaches the seller and
//! says that the *buyer* has marked the order as paid; `buyer_payed` is what that buyer gets.
//! (field reports, several that agree)

use std::borrow::Cow;

use crate::c2c::value::{Loose, OrderNo};
use crate::codec::from_text;
use crate::json::{Share, Str, frame};
use crate::machine::Text;

/// A side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Gives the coins and releases them.
    Seller,
    /// Pays the money and marks the order as paid.
    Buyer,
}

impl Role {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Seller => Self::Buyer,
            Self::Buyer => Self::Seller,
        }
    }
}

frame! {
    /// The content of a system message. Every member may be absent. (field reports)
    pub struct SystemContent<'a> {
        /// Name of the event: see [`SystemContent::event`].
        type_name: Str<'a> => "type", always;
        /// Name of the other side, masked.
        nick_name: Str<'a> => "nickName";
        /// Legal name of the other side.
        real_name: Str<'a> => "realName";
        /// The order.
        order_no: OrderNo<'a> => "orderNo";
        /// The coin.
        symbol: Str<'a> => "symbol";
        /// What it refers to; may itself be JSON text, or the text `null`.
        ref_message: Option<Loose<'a>> => "refMessage";
        /// Title of a notice.
        alert_title: Str<'a> => "alertTitle";
        /// Text of a notice.
        alert_content: Str<'a> => "alertContent";
        /// Weight of a notice.
        alert_level: Loose<'a> => "alertLevel";
        /// How an approval ended.
        approval_result: Loose<'a> => "approvalResult";
        /// By how much the time for payment was extended.
        extend_pay_time_limit: Option<Loose<'a>> => "extendPayTimeLimit";
    }
}

impl SystemContent<'static> {
    /// Reads the content of a system message; `None` when it is plain text.
    #[must_use]
    pub fn parse(content: &str) -> Option<Self> {
        if !content.trim_ascii_start().starts_with('{') {
            return None;
        }
        let text = Text::from(content);
        let parsed = from_text::<SystemContent<'_>>(text.as_str(), usize::MAX).ok()?;
        Some(parsed.share(&text))
    }
}

impl SystemContent<'_> {
    /// What happened.
    #[must_use]
    pub fn event(&self) -> SystemEvent {
        SystemEvent::parse(&self.type_name.decode())
    }
}

/// The name of a system message, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemEvent {
    /// The name without its suffixes.
    pub name: String,
    /// What it means.
    pub event: OrderEvent,
    /// The name had the suffix `_with_ref`.
    pub with_ref: bool,
    /// The name had the suffix `_fiat_trade`.
    pub fiat_trade: bool,
}

impl SystemEvent {
    /// Reads a name such as `seller_payed_with_ref_fiat_trade`.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let mut base: Cow<'_, str> = Cow::Borrowed(name);
        if base.bytes().any(|byte| byte.is_ascii_uppercase()) {
            base = Cow::Owned(base.to_ascii_lowercase());
        }
        let mut base = &*base;
        let (mut with_ref, mut fiat_trade) = (false, false);
        loop {
            if let Some(rest) = base.strip_suffix("_with_ref") {
                (base, with_ref) = (rest, true);
            } else if let Some(rest) = base.strip_suffix("_fiat_trade") {
                (base, fiat_trade) = (rest, true);
            } else {
                break;
            }
        }
        let event = OrderEvent::of_name(base);
        Self { name: base.to_owned(), event, with_ref, fiat_trade }
    }
}

/// What a system message says. `reader` is always the role of the account that got the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OrderEvent {
    /// A new order.
    Opened {
        /// Who reads; not every name tells.
        reader: Option<Role>,
    },
    /// The buyer marked the order as paid.
    Paid {
        /// Who reads: `seller_payed` reaches the seller.
        reader: Role,
        /// The payer's name is not that of the account.
        name_mismatch: bool,
    },
    /// The coins were released.
    Completed {
        /// Who reads.
        reader: Role,
        /// How.
        how: Completion,
    },
    /// The order was cancelled.
    Cancelled {
        /// Who reads; not every name tells.
        reader: Option<Role>,
        /// How.
        how: Cancellation,
    },
    /// Something about an appeal.
    Appeal {
        /// Who reads; not every name tells.
        reader: Option<Role>,
        /// What.
        step: AppealStep,
    },
    /// The seller's answer to a wish to cancel; the name tells which.
    SellerReason,
    /// Additional identity checks; the name tells which.
    Kyc,
    /// A warning of the service.
    Risk,
    /// Anything else: the set is open.
    Other,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OrderState {
    /// Waits for the payment.
    Open,
    /// Marked as paid: the seller is to release the coins.
    Paid,
    /// One side appealed.
    InAppeal,
    /// The coins were released.
    Completed,
    /// It will not be completed.
    Cancelled,
}

/// How an order was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Completion {
    /// The seller released the coins.
    Released,
    /// The same by the quick way.
    Quick,
    /// The service released them.
    Forced,
}

/// How an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cancellation {
    /// By one of the two: the name does not say by whom.
    ByUser,
    /// By the system, mostly when the time was up.
    BySystem,
    /// By the service.
    Forced,
}

/// A step of an appeal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AppealStep {
    /// The reader appealed.
    Submitted,
    /// The other side appealed.
    Received,
    /// The appeal is over.
    Completed,
    /// The appeal was withdrawn.
    Withdrawn,
    /// The system withdrew it.
    WithdrawnBySystem,
}

impl OrderEvent {
    /// Who acted, where the event tells: only a buyer pays, only a seller releases.
    #[must_use]
    pub const fn actor(self) -> Option<Role> {
        match self {
            Self::Paid { .. } => Some(Role::Buyer),
            Self::Completed { how: Completion::Released | Completion::Quick, .. } => {
                Some(Role::Seller)
            }
            Self::SellerReason => Some(Role::Seller),
            Self::Opened { .. }
            | Self::Completed { .. }
            | Self::Cancelled { .. }
            | Self::Appeal { .. }
            | Self::Kyc
            | Self::Risk
            | Self::Other => None,
        }
    }

    /// The role of the account that got the message, where the name tells.
    #[must_use]
    pub const fn reader(self) -> Option<Role> {
        match self {
            Self::Paid { reader, .. } | Self::Completed { reader, .. } => Some(reader),
            Self::Opened { reader }
            | Self::Cancelled { reader, .. }
            | Self::Appeal { reader, .. } => reader,
            Self::SellerReason | Self::Kyc | Self::Risk | Self::Other => None,
        }
    }

    /// Where the order stands after it, where the event tells. So the state of an order can be
    /// followed, and a new one noticed, without asking for it. (field reports)
    #[must_use]
    pub const fn order_state(self) -> Option<OrderState> {
        match self {
            Self::Opened { .. } => Some(OrderState::Open),
            Self::Paid { .. } => Some(OrderState::Paid),
            Self::Completed { .. } => Some(OrderState::Completed),
            Self::Cancelled { .. } => Some(OrderState::Cancelled),
            Self::Appeal { step: AppealStep::Submitted | AppealStep::Received, .. } => {
                Some(OrderState::InAppeal)
            }
            // What the order goes back to is not said.
            Self::Appeal { .. } | Self::SellerReason | Self::Kyc | Self::Risk | Self::Other => None,
        }
    }

    fn of_name(name: &str) -> Self {
        let (reader, rest) = match name.split_once('_') {
            Some(("seller", rest)) => (Some(Role::Seller), rest),
            Some(("buyer", rest)) => (Some(Role::Buyer), rest),
            _ => (None, name),
        };
        let appeal = |step| Self::Appeal { reader, step };
        match (reader, rest) {
            (Some(_), "merchant_trading" | "user_trading")
            | (None, "order_created" | "cash_trade_order_created") => Self::Opened { reader },
            (Some(reader), "payed") => Self::Paid { reader, name_mismatch: false },
            (Some(reader), "payed_name_mismatch") => Self::Paid { reader, name_mismatch: true },
            (Some(reader), "completed") => Self::Completed { reader, how: Completion::Released },
            (Some(reader), "quick_completed") => Self::Completed { reader, how: Completion::Quick },
            (Some(reader), "force_released") => Self::Completed { reader, how: Completion::Forced },
            (Some(_), "cancelled") => Self::Cancelled { reader, how: Cancellation::ByUser },
            (Some(_), "force_cancelled") => Self::Cancelled { reader, how: Cancellation::Forced },
            (None, "cancelled_by_system") => {
                Self::Cancelled { reader, how: Cancellation::BySystem }
            }
            (None, "submit_appeal") => appeal(AppealStep::Submitted),
            (None, "be_appeal") => appeal(AppealStep::Received),
            (Some(_), "appeal_completed") => appeal(AppealStep::Completed),
            (Some(_), "cancel_appeal_completed") => appeal(AppealStep::Withdrawn),
            (Some(_), "system_cancel_appeal") => appeal(AppealStep::WithdrawnBySystem),
            (Some(Role::Seller), rest) if rest.starts_with("reason_") => Self::SellerReason,
            (None, "risk_alert" | "risk_reminder") => Self::Risk,
            (None, rest) if rest.contains("_kyc_") || rest.starts_with("liveness_check") => {
                Self::Kyc
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_reader_and_the_buyer_is_who_paid() {
        for (name, reader) in [("seller_payed", Role::Seller), ("buyer_payed", Role::Buyer)] {
            let event = SystemEvent::parse(name).event;
            assert_eq!(event, OrderEvent::Paid { reader, name_mismatch: false });
            assert_eq!(event.actor(), Some(Role::Buyer));
            assert_eq!(event.reader(), Some(reader));
        }
        let event = SystemEvent::parse("buyer_completed").event;
        assert_eq!((event.reader(), event.actor()), (Some(Role::Buyer), Some(Role::Seller)));
    }

    #[test]
    fn the_state_of_an_order_follows_from_its_events() {
        let state = |name| SystemEvent::parse(name).event.order_state();
        let told: Vec<_> = [
            "seller_merchant_trading",
            "seller_payed_fiat_trade",
            "be_appeal",
            "seller_appeal_completed",
            "risk_alert",
            "seller_completed",
        ]
        .into_iter()
        .filter_map(state)
        .collect();
        use OrderState::{Completed, InAppeal, Open, Paid};
        assert_eq!(told, [Open, Paid, InAppeal, Completed]);
        assert_eq!(state("cancelled_by_system"), Some(OrderState::Cancelled));
    }

    #[test]
    fn suffixes_come_off_in_any_order() {
        for name in [
            "seller_payed_with_ref_fiat_trade",
            "seller_payed_fiat_trade_with_ref",
            "SELLER_PAYED_WITH_REF_FIAT_TRADE",
        ] {
            let event = SystemEvent::parse(name);
            assert_eq!((event.with_ref, event.fiat_trade), (true, true));
            assert_eq!(event.name, "seller_payed");
            assert!(matches!(event.event, OrderEvent::Paid { .. }));
        }
    }

    #[test]
    fn every_known_name_has_a_meaning() {
        for name in [
            "seller_merchant_trading buyer_merchant_trading seller_user_trading buyer_user_trading",
            "order_created cash_trade_order_created seller_payed buyer_payed",
            "seller_payed_name_mismatch seller_completed buyer_completed seller_quick_completed",
            "buyer_quick_completed seller_force_released seller_cancelled buyer_cancelled",
            "cancelled_by_system buyer_force_cancelled submit_appeal be_appeal",
            "seller_appeal_completed buyer_cancel_appeal_completed buyer_system_cancel_appeal",
            "seller_reason_agree seller_reason_disagree seller_reason_expired",
            "order_created_with_additional_kyc_maker_buy liveness_check_complete_taker",
            "maker_verified_additional_kyc_taker_sell risk_alert risk_reminder",
        ]
        .iter()
        .flat_map(|line| line.split(' '))
        {
            assert_ne!(SystemEvent::parse(name).event, OrderEvent::Other, "{name}");
        }
        assert_eq!(SystemEvent::parse("seller_dances").event, OrderEvent::Other);
        assert_eq!(SystemEvent::parse("").event, OrderEvent::Other);
    }

    #[test]
    fn content_is_json_in_a_string_or_plain_text() {
        let content = SystemContent::parse(
            r#"{"type":"seller_payed","nickName":"Pat***","realName":"PAT DOE","orderNo":"22000000000000000001","symbol":"USDT","new":1}"#,
        )
        .unwrap();
        assert_eq!(content.real_name, "PAT DOE");
        assert_eq!(content.extra.len(), 1);
        assert_eq!(SystemContent::parse("The order was paid."), None);
        assert_eq!(SystemContent::parse("{broken"), None);
    }
}
