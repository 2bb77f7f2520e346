//! Integration tests of the protocol core.

mod c2c_fixtures;
mod c2c_laws;
mod im_fixtures;
