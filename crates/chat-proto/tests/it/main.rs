//! Integration tests of the protocol core.

mod c2c_fixtures;
mod c2c_laws;
mod c2c_session;
mod im_fixtures;
