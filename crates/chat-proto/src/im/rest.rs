//! HTTP exchanges of topic chat.
