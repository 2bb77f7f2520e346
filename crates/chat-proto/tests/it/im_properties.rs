//! Laws of the frames of topic chat.

use chat_proto::codec::Wire;
use chat_proto::im::down::{
    Acs, AcsChange, Ctrl, Data, DelInfo, Desc, Info, Meta, Pres, Seen, Subscription,
};
use chat_proto::im::up::{
    Acc, Cred, Defacs, Del, Get, GetOpts, GetQuery, Hi, Leave, Login, Note, Pub, SeqRange, Set,
    SetDesc, SetQuery, SetSub, Sub, UpExtra, Verb, recover_id,
};
use chat_proto::im::{Down, Params, Prepared, Stamp, Up};
use chat_proto::json::{Extra, Raw, Str};
use chat_proto::machine::Text;
use chat_proto::rng::Rng;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::im_fixtures::fixtures;
use crate::same_cases_each_run;

/// Written where a secret goes; nothing else that is generated contains it.
const SECRET: &str = "Zm9yIG5vIGV5ZXM=";

/// Text with everything that needs escaping, decoded or as it stood in a frame.
fn text() -> BoxedStrategy<Str<'static>> {
    prop_oneof![
        3 => Just(Str::default()),
        3 => "[a-z0-9]{1,8}".prop_map(Str::from),
        1 => any::<String>().prop_map(Str::from),
        1 => prop::sample::select(vec![
            r#""\u00fc\n""#, r#""\ud83d""#, r#""\/\"\\""#, r#""\ud83d\ude00 x""#,
        ])
        .prop_map(|written| serde_json::from_str::<Str<'static>>(written).unwrap()),
    ]
    .boxed()
}

/// JSON whose objects have one member, so that shuffling cannot change it.
fn json() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""\ud83d\/""#.to_owned()),
        Just("1.50e+3".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            inner.prop_map(|item| format!("{{\"k\":{item}}}")),
        ]
    })
    .boxed()
}

fn raw() -> BoxedStrategy<Raw<'static>> {
    json().prop_map(|json| Raw::new(&json).unwrap().detach()).boxed()
}

fn extra() -> BoxedStrategy<Extra<'static>> {
    let member = ("x_[a-zü\"\n]{0,3}", prop_oneof![Just(Raw::NULL), raw()]);
    prop_oneof![
        6 => Just(Vec::new()),
        1 => member.prop_map(|(name, value)| vec![(name.into(), value)]),
    ]
    .boxed()
}

fn list<T: std::fmt::Debug + Clone + 'static>(
    of: BoxedStrategy<T>,
) -> BoxedStrategy<Option<Vec<T>>> {
    prop::option::of(prop::collection::vec(of, 0..3)).boxed()
}

/// Any of the values a type's `Default` and its fields allow: one strategy a field.
macro_rules! strategies {
    ($( fn $name:ident() -> $type:ident $(<$lt:lifetime>)? { $( $field:ident: $of:expr, )* } )*) => { $(
        fn $name() -> BoxedStrategy<$type $(<$lt>)?> {
            let mut strategy = extra()
                .prop_map(|extra| $type { extra, ..$type::default() })
                .boxed();
            $(
                // Boxed step by step: a tuple of all fields would be too wide.
                strategy = (strategy, $of)
                    .prop_map(|(value, $field)| $type { $field, ..value })
                    .boxed();
            )*
            strategy
        }
    )* };
}

fn opt<T: std::fmt::Debug + 'static>(of: BoxedStrategy<T>) -> BoxedStrategy<Option<T>> {
    prop::option::of(of).boxed()
}

fn boxed<T: std::fmt::Debug + 'static>(of: BoxedStrategy<T>) -> BoxedStrategy<Option<Box<T>>> {
    prop::option::of(of.prop_map(Box::new)).boxed()
}

fn stamp() -> BoxedStrategy<Stamp<'static>> {
    text().prop_map(Stamp::from).boxed()
}

fn number() -> BoxedStrategy<u64> {
    prop_oneof![Just(0), Just(u64::MAX), any::<u64>()].boxed()
}

fn secret() -> BoxedStrategy<chat_proto::json::SecretStr<'static>> {
    Just(SECRET.into()).boxed()
}

fn params() -> BoxedStrategy<Params<'static>> {
    let token = format!(r#"{{"token":"{SECRET}"}}"#);
    prop_oneof![
        Just(Params::from(Raw::new(&token).unwrap().detach())),
        raw().prop_map(Params::from),
    ]
    .boxed()
}

strategies! {
    fn seq_range() -> SeqRange { low: number(), hi: number(), }
    fn cred() -> Cred<'static> {
        meth: text(), val: text(), resp: secret(), params: opt(raw()), done: any::<bool>(),
    }
    fn defacs() -> Defacs<'static> { auth: text(), anon: text(), }
    fn set_desc() -> SetDesc<'static> {
        defacs: opt(defacs()), public: opt(raw()), trusted: opt(raw()), private: opt(raw()),
    }
    fn set_sub() -> SetSub<'static> { mode: text(), user: text(), }
    fn set_query() -> SetQuery<'static> {
        desc: opt(set_desc()), sub: opt(set_sub()), tags: list(text()), cred: opt(cred()),
        aux: opt(raw()),
    }
    fn get_opts() -> GetOpts<'static> {
        ims: text(), user: text(), topic: text(), before: opt(number()), limit: opt(number()),
        since: opt(number()), ranges: list(seq_range()),
    }
    fn get_query() -> GetQuery<'static> {
        what: text(), desc: opt(get_opts()), sub: opt(get_opts()), data: opt(get_opts()),
        del: opt(get_opts()),
    }
    fn up_pub() -> Pub<'static> {
        id: text(), topic: text(), noecho: opt(any::<bool>().boxed()), head: opt(raw()),
        content: opt(raw()),
    }
    fn up_sub() -> Sub<'static> {
        id: text(), topic: text(), set: opt(set_query()), get: opt(get_query()), what: text(),
    }
    fn up_leave() -> Leave<'static> {
        id: text(), topic: text(), unsub: opt(any::<bool>().boxed()),
    }
    fn up_hi() -> Hi<'static> {
        id: text(), ver: text(), ua: text(), dev: text(), lang: text(), platf: text(),
        bkg: any::<bool>(),
    }
    fn up_login() -> Login<'static> {
        id: text(), scheme: text(), secret: secret(), cred: list(cred()),
    }
    fn up_get() -> Get<'static> {
        desc: opt(get_opts()), sub: opt(get_opts()), data: opt(get_opts()), del: opt(get_opts()),
        id: text(), topic: text(), what: text(),
    }
    fn up_set() -> Set<'static> {
        id: text(), topic: text(), desc: opt(set_desc()), sub: opt(set_sub()), tags: list(text()),
        cred: opt(cred()), aux: opt(raw()),
    }
    fn up_del() -> Del<'static> {
        id: text(), topic: text(), user: text(), what: text(), delseq: list(seq_range()),
        cred: opt(cred()), hard: any::<bool>(),
    }
    fn up_acc() -> Acc<'static> {
        id: text(), user: text(), tmpscheme: text(), tmpsecret: secret(), status: text(),
        authlevel: text(), scheme: text(), secret: secret(), login: any::<bool>(),
        tags: list(text()), desc: opt(set_desc()), cred: list(cred()),
    }
    fn up_note() -> Note<'static> {
        topic: text(), what: text(), seq: number(), unread: number(), event: text(),
        payload: opt(raw()),
    }
    fn up_extra() -> UpExtra<'static> {
        attachments: list(text()), obo: text(), authlevel: text(),
    }

    fn acs() -> Acs<'static> { want: text(), given: text(), mode: text(), }
    fn acs_change() -> AcsChange<'static> { want: text(), given: text(), }
    fn seen() -> Seen<'static> { when: stamp(), ua: text(), }
    fn del_info() -> DelInfo { clear: number(), delseq: list(seq_range()), }
    fn desc() -> Desc<'static> {
        created: stamp(), updated: stamp(), touched: stamp(), state: text(), online: any::<bool>(),
        chan: any::<bool>(), seen: opt(seen()), defacs: opt(defacs()), acs: opt(acs()),
        seq: number(), read: number(), recv: number(), clear: number(), subcnt: number(),
        public: opt(raw()), trusted: opt(raw()), private: opt(raw()),
    }
    fn subscription() -> Subscription<'static> {
        updated: stamp(), deleted: stamp(), online: any::<bool>(), acs: opt(acs()),
        read: number(), recv: number(), public: opt(raw()), trusted: opt(raw()),
        private: opt(raw()), user: text(), topic: text(), touched: stamp(), seq: number(),
        clear: number(), subcnt: number(), seen: opt(seen()),
    }
    fn down_ctrl() -> Ctrl<'static> {
        id: text(), topic: text(), params: opt(params()), code: any::<u32>(), text: text(),
        ts: stamp(),
    }
    fn down_data() -> Data<'static> {
        topic: text(), from: text(), ts: stamp(), deleted: stamp(), seq: number(),
        head: opt(raw()), content: opt(raw()), reqid: text(),
    }
    fn down_meta() -> Meta<'static> {
        id: text(), topic: text(), ts: stamp(), desc: boxed(desc()), sub: list(subscription()),
        del: opt(del_info()), tags: list(text()), cred: list(cred()), aux: opt(raw()),
    }
    fn down_pres() -> Pres<'static> {
        topic: text(), src: text(), what: text(), ua: text(), seq: number(), clear: number(),
        delseq: list(seq_range()), tgt: text(), act: text(), dacs: opt(acs_change()),
    }
    fn down_info() -> Info<'static> {
        topic: text(), src: text(), from: text(), what: text(), seq: number(), event: text(),
        payload: opt(raw()),
    }
}

fn up() -> impl Strategy<Value = Up<'static>> {
    let verb = Union::new([
        up_pub().prop_map(Verb::Pub).boxed(),
        up_sub().prop_map(|it| Verb::Sub(it.into())).boxed(),
        up_leave().prop_map(Verb::Leave).boxed(),
        up_hi().prop_map(Verb::Hi).boxed(),
        up_login().prop_map(Verb::Login).boxed(),
        up_get().prop_map(|it| Verb::Get(it.into())).boxed(),
        up_set().prop_map(|it| Verb::Set(it.into())).boxed(),
        up_del().prop_map(Verb::Del).boxed(),
        up_acc().prop_map(|it| Verb::Acc(it.into())).boxed(),
        up_note().prop_map(Verb::Note).boxed(),
        ("novel[ü\"]?", raw()).prop_map(|(name, body)| Verb::Other(name.into(), body)).boxed(),
    ]);
    (verb, boxed(up_extra())).prop_map(|(verb, extra)| Up { verb, extra })
}

fn down() -> impl Strategy<Value = Down<'static>> {
    Union::new([
        down_ctrl().prop_map(Down::Ctrl).boxed(),
        down_data().prop_map(Down::Data).boxed(),
        down_meta().prop_map(|it| Down::Meta(it.into())).boxed(),
        down_pres().prop_map(Down::Pres).boxed(),
        down_info().prop_map(Down::Info).boxed(),
        ("novel[ü\"]?", raw()).prop_map(|(name, body)| Down::Other(name.into(), body)).boxed(),
    ])
}

/// The same JSON with the members of every object in another order, and strings and numbers as they
/// were written.
fn shuffled(text: &str, rng: &mut Rng) -> String {
    let raw: &serde_json::value::RawValue = serde_json::from_str(text).unwrap();
    let text = raw.get();
    if text.starts_with('[') {
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
        let items: Vec<_> = items.iter().map(|item| shuffled(item.get(), rng)).collect();
        return format!("[{}]", items.join(","));
    }
    if !text.starts_with('{') {
        return text.to_owned();
    }
    let mut members: Vec<(String, String)> = members(text);
    for at in (1..members.len()).rev() {
        let bound = u64::try_from(at + 1).unwrap();
        members.swap(at, usize::try_from(rng.below(bound)).unwrap());
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| {
            format!("{}:{}", serde_json::to_string(name).unwrap(), shuffled(value, rng))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Names and values of an object, as they were written.
fn members(text: &str) -> Vec<(String, String)> {
    struct Members(Vec<(String, String)>);

    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;

            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    while let Some(name) = map.next_key::<String>()? {
                        let value = map.next_value::<&serde_json::value::RawValue>()?;
                        members.push((name, value.get().to_owned()));
                    }
                    Ok(Members(members))
                }
            }

            deserializer.deserialize_map(Visitor)
        }
    }

    serde_json::from_str::<Members>(text).unwrap().0
}

/// Changes some characters: what arrives is text, however wrong.
fn mutated(text: &str, rng: &mut Rng) -> String {
    const SPICE: [&str; 12] =
        ["\"", "\\", "{", "}", "[", "]", ",", ":", "null", "\\ud83d", "-1e9", "\"id\":"];
    let mut letters: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=rng.below(4) {
        let at = usize::try_from(rng.below(letters.len().max(1) as u64)).unwrap();
        let spice = SPICE[usize::try_from(rng.below(SPICE.len() as u64)).unwrap()].to_owned();
        match rng.below(4) {
            _ if letters.is_empty() => letters.push(spice),
            0 => letters[at] = spice,
            1 => letters.insert(at, spice),
            2 => drop(letters.remove(at)),
            _ => letters.truncate(at),
        }
    }
    letters.concat()
}

/// Whatever decodes comes out as something that decodes to the same, and nothing panics.
fn survives(text: &str) {
    let _ = recover_id(text);
    if let Ok(frame) = Up::decode(text) {
        let again = frame.encode();
        assert_eq!(Up::decode(again.as_str()).unwrap().encode(), again, "{text}");
    }
    if let Ok(frame) = Down::decode(text) {
        let again = frame.encode();
        assert_eq!(Down::decode(again.as_str()).unwrap().encode(), again, "{text}");
    }
}

proptest! {
    #![proptest_config(same_cases_each_run())]

    #[test]
    fn a_frame_to_the_server_reads_back(frame in up(), seed: u64) {
        let text = frame.encode();
        let read = Up::decode(text.as_str()).unwrap();
        prop_assert_eq!(&read, &frame);
        prop_assert_eq!(read.encode(), text.clone());
        let shared = read.share(&text);
        prop_assert_eq!(&shared, &frame);
        let other = shuffled(text.as_str(), &mut Rng::new(seed));
        prop_assert_eq!(&Up::decode(&other).unwrap(), &frame);
    }

    #[test]
    fn a_frame_to_the_client_reads_back(frame in down(), seed: u64) {
        let text = frame.encode();
        let read = Down::decode(text.as_str()).unwrap();
        prop_assert_eq!(&read, &frame);
        prop_assert_eq!(read.encode(), text.clone());
        let shared = read.share(&text);
        prop_assert_eq!(&shared, &frame);
        let other = shuffled(text.as_str(), &mut Rng::new(seed));
        prop_assert_eq!(&Down::decode(&other).unwrap(), &frame);
    }

    #[test]
    fn a_shared_frame_outlives_its_text(frame in down()) {
        let shared = {
            let text = frame.encode();
            Down::decode(text.as_str()).unwrap().share(&text)
        };
        prop_assert_eq!(shared, frame);
    }

    #[test]
    fn a_prepared_frame_is_what_each_encoding_gives(
        data in down_data(),
        pres in down_pres(),
        info in down_info(),
        topic in text(),
    ) {
        let name = topic.decode().into_owned();
        let topic = Str::from(name.clone());
        for (prepared, frame, under_name) in [
            (
                Prepared::data(data.clone()),
                Down::Data(data.clone()),
                Down::Data(Data { topic: topic.clone(), ..data }),
            ),
            (
                Prepared::pres(pres.clone()),
                Down::Pres(pres.clone()),
                Down::Pres(Pres { topic: topic.clone(), ..pres }),
            ),
            (
                Prepared::info(info.clone()),
                Down::Info(info.clone()),
                Down::Info(Info { topic, ..info }),
            ),
        ] {
            prop_assert_eq!(prepared.text(), frame.encode());
            prop_assert_eq!(prepared.for_topic(&name), under_name.encode());
        }
    }

    #[test]
    fn debug_shows_no_secret(up in up(), down in down()) {
        let shown = format!("{up:?} {up:#?} {down:?} {down:#?}");
        prop_assert!(!shown.contains(SECRET), "{}", shown);
    }

    #[test]
    fn broken_frames_are_errors_and_no_panics(up in up(), down in down(), seed: u64) {
        let mut rng = Rng::new(seed);
        survives(&mutated(up.encode().as_str(), &mut rng));
        survives(&mutated(down.encode().as_str(), &mut rng));
    }

    #[test]
    fn any_text_is_an_error_or_a_frame(text: String, braces in "[{}\\[\\]\":,a0\\\\]{0,24}") {
        survives(&text);
        survives(&braces);
    }
}

#[test]
fn broken_fixtures_are_errors_and_no_panics() {
    for (name, text) in fixtures("im/up").into_iter().chain(fixtures("im/down")) {
        for seed in 0..40 {
            survives(&mutated(&text, &mut Rng::new(seed ^ name.len() as u64)));
        }
        for (at, _) in text.char_indices() {
            survives(&text[..at]);
        }
    }
}

/// The secret is in what is written, or the test above could not fail.
#[test]
fn the_secret_is_there_to_be_shown() {
    let login = Login { secret: SECRET.into(), ..Login::default() };
    let text = Text::from(Up::new(Verb::Login(login)).encode().as_str());
    assert!(text.as_str().contains(SECRET));
}
