//! Reading worlds from TOML.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use chat_hub::World;
use chat_hub::world::WorldError;

/// The text of the world a server starts with when it is given no other. Its head explains the
/// form.
pub const BUILTIN: &str = include_str!("../worlds/default.toml");

/// Why a world file is of no use. Its author is to blame. Never shows a password or a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldFileError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is no TOML, or does not have the form of a world.
    #[error("{}:{line}:{column}: {what}", Origin(path.as_deref()))]
    Form {
        /// The file; `None` for a text.
        path: Option<PathBuf>,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The world contradicts itself.
    #[error("{}: {source}", Origin(path.as_deref()))]
    Content {
        /// The file; `None` for a text.
        path: Option<PathBuf>,
        /// What is wrong.
        source: WorldError,
    },
}

/// The world of [`BUILTIN`].
///
/// # Panics
///
/// Never: the text is part of this crate and a test reads it.
#[must_use]
pub fn builtin() -> World {
    from_toml(BUILTIN).expect("the world that comes with this crate is valid")
}

/// Reads a world from TOML and checks it.
///
/// # Errors
///
/// Tells line, column and what is wrong: syntax, unknown or missing members, values of the wrong
/// type, ids that occur twice, references that lead nowhere.
pub fn from_toml(text: &str) -> Result<World, WorldFileError> {
    read(text, None)
}

/// Reads a world from a TOML file and checks it. Blocks.
///
/// # Errors
///
/// The file cannot be read, or as [`from_toml`], with the name of the file.
pub fn load(path: impl AsRef<Path>) -> Result<World, WorldFileError> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .map_err(|source| WorldFileError::Read { path: path.to_owned(), source })?;
    read(&text, Some(path))
}

fn read(text: &str, path: Option<&Path>) -> Result<World, WorldFileError> {
    let path = path.map(Path::to_owned);
    let world: World = match toml::from_str(text) {
        Ok(world) => world,
        Err(error) => return Err(malformed(text, path, &error)),
    };
    match world.validate() {
        Ok(()) => Ok(world),
        Err(source) => Err(WorldFileError::Content { path, source }),
    }
}

fn malformed(text: &str, path: Option<PathBuf>, error: &toml::de::Error) -> WorldFileError {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let whole = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    // The parser quotes values of the wrong type, and what it quotes here may be a secret.
    let secret = whole.contains("password") || whole.contains("secret");
    let what = if secret && !error.message().starts_with("unknown field") {
        "a secret must be a string in quotes, or something before it is wrong".to_owned()
    } else {
        error.message().trim().replace('\n', ", ")
    };
    let line = before.matches('\n').count() + 1;
    let column = before.get(start..).map_or(0, |part| part.chars().count()) + 1;
    WorldFileError::Form { path, line, column, what }
}

struct Origin<'a>(Option<&'a Path>);

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str("world"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn the_builtin_world_is_what_the_documentation_says() {
        let world = builtin();
        let numbers: Vec<_> = world.tenants[0]
            .extensions
            .iter()
            .map(|it| (it.number.as_str(), it.user_id, it.password.expose()))
            .collect();
        assert_eq!(world.tenants[0].domain, "pbx.example.com");
        assert_eq!(
            numbers,
            [
                ("101", 804_252_613_548_777_777, "demo-101"),
                ("102", 804_252_613_548_703_744, "demo-102"),
                ("103", 901_636_310_534_455_296, "demo-103"),
            ]
        );
        let keys: Vec<_> =
            world.c2c.accounts.iter().map(|it| (it.api_key.as_str(), it.secret.expose())).collect();
        assert_eq!(
            keys,
            [
                ("demo-merchant-key", "demo-merchant-secret"),
                ("demo-buyer-key", "demo-buyer-secret"),
            ]
        );
        assert_eq!(world.c2c.orders[0].order_no, "20476365073825144832");
        assert_eq!(world.faults, chat_hub::world::Faults::default());
        // Every switch is explained.
        let switches = serde_json::to_value(&world.faults).unwrap();
        let faults = BUILTIN.split("\n[faults]\n").nth(1).unwrap();
        for name in switches.as_object().unwrap().keys() {
            assert!(faults.contains(&format!("\n{name} = ")), "{name}");
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(
            wrong("[[tenants]]\ndomain = \"a\"\ncolour = 1\n"),
            "world:3:1: unknown field `colour`, expected one of `domain`, `extensions`, `channels`"
        );
        assert!(wrong("[[tenants]]\n").starts_with("world:1:1: missing field `domain`"));
        assert!(wrong("x =").starts_with("world:1:"), "{}", wrong("x ="));
        let twice = "[[tenants]]\ndomain = \"a\"\n[[tenants]]\ndomain = \"A\"\n";
        assert_eq!(wrong(twice), "world: domain 'a' occurs twice");
    }

    #[test]
    fn errors_show_no_secret() {
        let number = "[[tenants]]\ndomain = \"a\"\n[[tenants.extensions]]\nnumber = \"1\"\n\
                      user_id = 1\npassword = 8675309\n";
        let text = wrong(number);
        assert!(text.starts_with("world:6:") && !text.contains("8675309"), "{text}");
    }

    #[test]
    fn a_file_is_named() {
        let error = load("no/such/file.toml").unwrap_err().to_string();
        assert!(error.starts_with("no/such/file.toml: "), "{error}");
    }
}
