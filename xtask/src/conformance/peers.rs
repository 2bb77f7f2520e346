//! Clients that nobody here wrote, against our server.
//!
//! What a script finds and what is expected of it:
//!
//! * It lies in `conformance/<service>/` and is called `*.mjs` (Node) or `*.py` (Python); files that
//!   begin with `_` are modules of the scripts, not scripts. Packages from the registries are named
//!   with their exact versions in `conformance/package.json` and `conformance/requirements.txt`;
//!   they are installed under `target/conformance`, and nothing of them is kept here.
//! * Each script has a server of its own, started just before it with
//!   `chat serve --json --listen 127.0.0.1:0`: TLS with a certificate of its own, memory for a
//!   store. The world is the built-in one, or `NAME.toml` where that lies beside `NAME.py`.
//! * The members of the server's ready line are in the environment: `CHAT_IM` (WebSocket of the IM),
//!   `CHAT_PBX` (REST and files of the IM), `CHAT_C2C` (REST of the C2C service), `CHAT_WS` (the
//!   member `chat`: WebSocket of the C2C chat without the listen key), `CHAT_CA` (a PEM file to
//!   trust), and any other under its own name in capitals, e.g. `CHAT_ADMIN` for `admin`. A member
//!   the line does not have is not set.
//! * `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` and `WEBSOCKET_CLIENT_CA_BUNDLE`
//!   name the same PEM file, so Node, `ssl.create_default_context()`, `requests` and
//!   `websocket-client` trust the server without being told to. No script turns verification off.
//! * `CHAT_BIN` is the `chat` binary, for a script that starts and stops a server by itself (without
//!   the variables above: `chat serve` reads some of them as options). `CHAT_PEER` is our own
//!   client, steered by lines on its standard input.
//! * It prints one line a check, `ok WHAT` or `FAIL WHAT: WHY`, and ends with exit code 0 when all
//!   passed. It may take 60 seconds.
