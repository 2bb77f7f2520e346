//! One connection, seen from the server.
