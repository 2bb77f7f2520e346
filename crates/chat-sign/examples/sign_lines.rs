//! Signs and verifies, a line at a time: for comparison with other implementations.
//!
//! Fields are parted by tabs; keys, names and values are in hex, so that anything can be in them.
//!
//! ```text
//! sign    KEY  TIMESTAMP  RECV_WINDOW  NAME=VALUE …   →  the signed query
//! verify  KEY  SERVER_TIME  QUERY                     →  ok  NAME=VALUE …   or   refused  WHY
//! ```

use std::io::{self, BufRead as _, Write as _};

use chat_sign::{HmacSigner, Query, Sign as _, verify_query};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let answer = answer(&line?).ok_or_else(|| {
            io::Error::other(format!("line {} is neither sign nor verify", number + 1))
        })?;
        writeln!(out, "{answer}")?;
    }
    out.flush()
}

fn answer(line: &str) -> Option<String> {
    let mut fields = line.split('\t');
    let what = fields.next()?;
    let key = HmacSigner::from_bytes(&bytes(fields.next()?)?);
    let time: u64 = fields.next()?.parse().ok()?;
    match what {
        "sign" => {
            let window = fields.next()?.parse().ok()?;
            let mut query = Query::new();
            for field in fields {
                let (name, value) = field.split_once('=')?;
                query.push(&text(name)?, text(value)?);
            }
            Some(key.sign_query(query, time, window).into_string())
        }
        "verify" => Some(match verify_query(fields.next()?.as_bytes(), &key, time) {
            Ok(query) => query.params().fold("ok".to_owned(), |line, (name, value)| {
                format!("{line}\t{}={}", hex(name.as_bytes()), hex(value.as_bytes()))
            }),
            Err(error) => format!("refused\t{error}"),
        }),
        _ => None,
    }
}

fn text(hex: &str) -> Option<String> {
    String::from_utf8(bytes(hex)?).ok()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
