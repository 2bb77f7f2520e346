//! REST calls of the application.

use bytes::Bytes;
use http::Response;

use crate::c2c::answer::{self, Refusal};
use crate::c2c::client::{Answer, HistoryPage, calls};
use crate::c2c::rest::{Api, HistoryQuery, UploadSlot};
use crate::error::{CallError, RequestError};
use crate::json::Raw;
use crate::machine::HttpRequest;
use crate::time::UnixMillis;

/// A REST call of the application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Rest {
    /// A page of history.
    History(HistoryQuery),
    /// `markOrderMessagesAsRead`.
    MarkOrder {
        /// The order.
        order_no: String,
        /// The user whose messages were read.
        user_id: Option<i64>,
    },
    /// `markUserMessagesAsRead`.
    MarkUser {
        /// The user whose messages were read.
        user_id: Option<i64>,
    },
    /// `image/pre-signed-url`.
    PreSignedUrl {
        /// Name of the file with its extension.
        image_name: String,
    },
    /// `getRiskWarningTips`.
    RiskTips {
        /// The order.
        order_no: String,
        /// The currency paid in.
        fiat: String,
        /// Where the tips are shown.
        scene: String,
    },
}

/// A REST call and whether it was started.
#[derive(Debug)]
pub struct RestAsk {
    pub(super) call: Rest,
    pub(super) started: bool,
}

impl RestAsk {
    pub(super) const fn new(call: Rest) -> Self {
        Self { call, started: false }
    }

    /// How it ends without an answer: what was not started had no effect, nor has a read.
    pub(super) const fn without_answer(&self) -> RequestError {
        if self.started && self.call.has_effect() {
            RequestError::Unknown
        } else {
            RequestError::TimedOut
        }
    }

    /// How it ends when it is cut short.
    pub(super) const fn cut_short(&self) -> RequestError {
        if self.started { self.without_answer() } else { RequestError::Cancelled }
    }
}

impl Rest {
    /// `None` for what [`Rest::check`] refuses.
    pub(super) fn build(&self, api: &Api, at: UnixMillis) -> Option<HttpRequest> {
        Some(match self {
            Self::History(query) => api.history(query, at).ok()?,
            Self::MarkOrder { order_no, user_id } => api.mark_order_read(order_no, *user_id, at),
            Self::MarkUser { user_id } => api.mark_user_read(*user_id, at),
            Self::PreSignedUrl { image_name } => api.pre_signed_url(image_name, at),
            Self::RiskTips { order_no, fiat, scene } => {
                api.risk_warning_tips(order_no, fiat, scene, at)
            }
        })
    }

    /// Whether it can be asked.
    pub(super) fn check(&self) -> Result<(), CallError> {
        match self {
            Self::History(query) => query.check().map_err(|_| {
                CallError::Invalid("the order number or a filter is empty or too long")
            }),
            Self::MarkOrder { order_no, .. } | Self::RiskTips { order_no, .. } => {
                calls::check_order(order_no)
            }
            Self::MarkUser { .. } | Self::PreSignedUrl { .. } => Ok(()),
        }
    }

    /// Whether it changes anything. A pre-signed URL that nobody uses is forgotten.
    pub(super) const fn has_effect(&self) -> bool {
        matches!(self, Self::MarkOrder { .. } | Self::MarkUser { .. })
    }

    pub(super) const fn is_pre_signed_url(&self) -> bool {
        matches!(self, Self::PreSignedUrl { .. })
    }

    /// Reads the answer.
    pub(super) fn read(&self, response: &Response<Bytes>) -> Result<Answer, Refusal> {
        Ok(match self {
            Self::History(query) => {
                let (rows, total) = calls::rows(response)?;
                let mut page = HistoryPage { items: Vec::new(), foreign: 0, unreadable: 0, total };
                for row in rows {
                    match row.item {
                        Some(item) if calls::is_of(&item, &query.order_no) => page.items.push(item),
                        Some(_) => page.foreign += 1,
                        None => page.unreadable += 1,
                    }
                }
                Answer::History(page)
            }
            Self::MarkOrder { .. } | Self::MarkUser { .. } => {
                answer::classify(response)?;
                Answer::Marked
            }
            Self::PreSignedUrl { .. } => Answer::Upload(UploadSlot::read(response)?),
            Self::RiskTips { .. } => {
                let data = answer::classify(response)?.data;
                Answer::Data(data.map_or(Raw::NULL, |data| data.detach()))
            }
        })
    }
}
