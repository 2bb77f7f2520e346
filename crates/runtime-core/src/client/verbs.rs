//! Verbs of both forms, from one list.

/// Writes the verbs of a service for [`Polled`](super::Polled) and [`Client`](super::Client).
///
/// A line is `name(&borrowed: Type, …; owned: Type, …) => Answer via take;` where `take` makes the
/// answer's type of a request's id and its answer, and gives `None` for an answer to another question.
macro_rules! verbs {
    ($service:ty; $(
        $(#[$doc:meta])*
        $verb:ident($(&$lent:ident: $lent_type:ty),*; $($given:ident: $given_type:ty),*)
            => $answer:ty, via $take:expr;
    )*) => {
        impl<R: $crate::Runtime> $crate::client::Polled<$service, R> {$(
            $(#[$doc])*
            ///
            /// Ends in one [`Event::Completed`](chat_proto::client::Event::Completed) with this id.
            ///
            /// # Errors
            ///
            /// The session has ended, too many requests wait, or the call makes no sense; nothing is
            /// sent then.
            pub fn $verb(
                &mut self,
                $($lent: &$lent_type,)*
                $($given: $given_type,)*
            ) -> Result<chat_proto::client::RequestId, chat_proto::error::CallError> {
                self.with(|session, now| session.$verb($($lent,)* $($given,)* now))
            }
        )*}

        impl<R: $crate::Runtime> $crate::client::Client<$service, R> {$(
            $(#[$doc])*
            ///
            /// Cancel safety: dropped before it is polled, nothing is requested; dropped later, the
            /// request is made once all the same, and its end comes as an event.
            ///
            /// # Errors
            ///
            /// See [`SendError`](crate::client::SendError).
            pub async fn $verb(
                &self,
                $($lent: &$lent_type,)*
                $($given: $given_type,)*
            ) -> Result<$answer, $crate::client::SendError> {
                $(let $lent = $lent.to_owned();)*
                let (id, answer) = self
                    .request(move |session, now| session.$verb($(&$lent,)* $($given,)* now))
                    .await?;
                let take: fn(_, _) -> Option<$answer> = $take;
                // A session answers a question with its own kind of answer.
                take(id, answer).ok_or(chat_proto::error::RequestError::Unknown.into())
            }
        )*}
    };
}

pub(crate) use verbs;
