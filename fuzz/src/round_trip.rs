//! Frames built from bytes, written, read again.

use chat_proto::c2c::answer::Envelope;
use chat_proto::c2c::{HistoryItem, SystemContent};
use chat_proto::codec::{Limits, Wire};
use chat_proto::im::up::AnyObject;
use chat_proto::{c2c, im};

use crate::make::{Make, Source};
use crate::make_frames::{c2c_down, c2c_up};
use crate::oracle;

/// Every frame reads back equal and is written again to the same bytes. In another order of
/// members and with white space between them the codec and serde still agree: as the kind that it
/// is, because reading everything as everything is what `oracle` is for.
///
/// # Panics
///
/// A law is broken.
pub fn round_trip(data: &[u8]) {
    let mut source = Source::new(data);
    let source = &mut source;
    match source.byte() % 8 {
        0 | 1 => frame!(im::Up, im::Up::make(source), source, oracle::IM_UP),
        2 | 3 => frame!(im::Down, im::Down::make(source), source, oracle::IM_DOWN),
        4 => frame!(c2c::Up, c2c_up(source), source, oracle::C2C_UP),
        5 => frame!(c2c::Down, c2c_down(source), source, oracle::C2C_DOWN),
        6 => part!(HistoryItem, source, oracle::HISTORY),
        _ if source.chance() => part!(SystemContent, source, oracle::SYSTEM),
        _ => part!(Envelope, source, oracle::ANSWER),
    }
}

/// A whole frame.
macro_rules! frame {
    ($type:ty, $made:expr, $source:expr, $reading:expr) => {{
        let made: $type = $made;
        let text = Wire::encode(&made);
        let read = <$type>::decode(text.as_str())
            .unwrap_or_else(|error| panic!("{error}: {text:?} of {made:?}"));
        assert_eq!(read, made, "written as {text:?}");
        assert_eq!(Wire::encode(&read), text);
        assert_eq!(Wire::share(read, &text), made, "shared: {text:?}");
        $reading(&rearranged(text.as_str(), $source, 4), Limits::default().max_depth);
    }};
}
use frame;

/// What stands inside an answer or a frame.
macro_rules! part {
    ($type:ident, $source:expr, $reading:expr) => {{
        let made = $type::make($source);
        let text = oracle::written(&made);
        let read: $type<'_> = serde_json::from_str(text.as_str())
            .unwrap_or_else(|error| panic!("{error}: {text:?} of {made:?}"));
        assert_eq!(read, made, "written as {text:?}");
        assert_eq!(oracle::written(&read), text);
        $reading(&rearranged(text.as_str(), $source, 4), Limits::default().max_depth);
    }};
}
use part;

/// The same JSON with members in another order, some of them twice, and white space between them.
fn rearranged(text: &str, source: &mut Source<'_>, deeper: u8) -> String {
    const SPACES: [&str; 6] = ["", "", " ", "\n", "\t\r", "  "];
    let space = |source: &mut Source<'_>| SPACES[usize::from(source.byte()) % SPACES.len()];
    let Some(AnyObject { mut extra }) =
        serde_json::from_str(text).ok().filter(|_| deeper > 0 && text.starts_with('{'))
    else {
        return text.to_owned();
    };
    for at in (1..extra.len()).rev() {
        extra.swap(at, usize::from(source.byte()) % (at + 1));
    }
    if !extra.is_empty() && source.byte() % 8 == 7 {
        extra.push(extra[usize::from(source.byte()) % extra.len()].clone());
    }
    let mut out = String::from("{");
    for (at, (name, value)) in extra.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(space(source));
        out.push_str(oracle::written(name).as_str());
        out.push_str(space(source));
        out.push(':');
        out.push_str(space(source));
        out.push_str(&rearranged(value.as_str(), source, deeper - 1));
        out.push_str(space(source));
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_move_and_double_and_values_stay() {
        let text = r#"{"a":{"x":[1, 2],"y":"}"},"b":1.50,"c":null}"#;
        let plain = rearranged(text, &mut Source::new(&[2, 1, 0, 0, 0, 0, 0]), 4);
        assert_eq!(plain, r#"{"a":{"y":"}","x":[1, 2]},"b":1.50,"c":null}"#);
        let other = rearranged(text, &mut Source::new(&[0, 1, 7, 2, 2, 3, 4, 5]), 4);
        assert_eq!(
            other,
            concat!(
                "{ \"c\"\n:\t\rnull  ,",
                r#""b":1.50,"a":{"y":"}","x":[1, 2]},"a":{"y":"}","x":[1, 2]}}"#
            )
        );
    }
}
