//! Integration tests of the protocol core.

mod im_fixtures;
