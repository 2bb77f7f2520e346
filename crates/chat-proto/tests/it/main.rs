//! Integration tests of the protocol core.

mod im_fixtures;
mod im_properties;
mod im_rest;
mod im_tolerance;
mod multipart;
