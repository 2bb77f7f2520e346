//! HTTP exchanges as data.
