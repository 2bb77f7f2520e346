//! Seeds from the fixtures, and what libFuzzer wants of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chat_fuzz::TARGETS;
use chat_fuzz::seeds::{self, FOUND, Seed};
use chat_proto::rng::Rng;
use chat_sign::{DEFAULT_RECV_WINDOW_MS, HmacSigner, Query, Secret, Sign};

/// Writes the archive of a target; what was found and added by hand stays.
pub(crate) fn pack(target: &str) -> Result<(), String> {
    let mut packed = match target {
        "decode_im" => [fixtures("im/up")?, fixtures("im/down")?].concat(),
        "decode_c2c" => [
            fixtures("c2c/up")?,
            fixtures("c2c/down")?,
            fixtures("c2c/rest")?,
            system_contents()?,
            pictures(),
        ]
        .concat(),
        "oracle" => [
            fixtures("im/up")?,
            fixtures("im/down")?,
            fixtures("c2c/up")?,
            fixtures("c2c/down")?,
            fixtures("c2c/rest")?,
            oddities(),
        ]
        .concat(),
        "round_trip" => recipes(),
        "canonical" => queries(),
        "proxy" => proxies(),
        "inlet" => frames(),
        "im_session" | "c2c_session" | "server_session" => drills(),
        "pair" | "hub" => schedules(),
        other => return Err(format!("nothing is known about seeds of `{other}`")),
    };
    let path = seeds::path(target);
    if path.exists() {
        packed.extend(seeds::load(target)?.into_iter().filter(|seed| seed.name.starts_with(FOUND)));
    }
    let count = packed.len();
    let archive = seeds::write(packed);
    println!("{target:<12} {count:>4} seeds {:>7} bytes", archive.len());
    fs::write(&path, archive).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes each seed of a target to a file of its name.
pub(crate) fn unpack(target: &str, folder: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(wrong)?;
    for seed in seeds::load(target)? {
        fs::write(folder.join(seed.name.replace('/', "-")), seed.bytes).map_err(wrong)?;
    }
    Ok(())
}

/// Writes a dictionary: what JSON is made of, and every member name in the seeds.
pub(crate) fn dictionary(file: &Path) -> Result<(), String> {
    let mut words: BTreeSet<String> =
        ["null", "true", "false", "{}", "[]", "\\u", "\\ud83d", "1e", "\u{feff}"]
            .map(str::to_owned)
            .into();
    for target in TARGETS {
        for seed in seeds::load(target.name)? {
            let Ok(text) = String::from_utf8(seed.bytes) else { continue };
            // Between every two quotes that a colon follows there is a name.
            let parts: Vec<&str> = text.split('"').collect();
            let names = parts.windows(2).filter(|pair| pair[1].starts_with(':'));
            words.extend(names.map(|pair| format!("\"{}\":", pair[0])));
        }
    }
    let mut out = String::new();
    for word in words.iter().filter(|word| word.len() <= 32) {
        let bytes: String = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        out.push_str(&format!("\"{bytes}\"\n"));
    }
    fs::write(file, out).map_err(|error| format!("{}: {error}", file.display()))
}

/// The samples of one folder of fixtures.
fn fixtures(folder: &str) -> Result<Vec<Seed>, String> {
    let path = seeds::package().join("../crates/chat-proto/tests/it/fixtures").join(folder);
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut seeds = Vec::new();
    for entry in fs::read_dir(&path).map_err(wrong)? {
        let file: PathBuf = entry.map_err(wrong)?.path();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let bytes = fs::read(&file).map_err(wrong)?;
        seeds.push(Seed { name: format!("{folder}/{stem}"), bytes });
    }
    Ok(seeds)
}

fn seed(name: &str, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed { name: name.to_owned(), bytes: bytes.into() }
}

/// The JSON inside the text of system messages, on its own.
fn system_contents() -> Result<Vec<Seed>, String> {
    let mut contents = Vec::new();
    for frame in fixtures("c2c/down")? {
        let value: serde_json::Value = serde_json::from_slice(&frame.bytes)
            .map_err(|error| format!("{}: {error}", frame.name))?;
        if let Some(text) = value["content"].as_str().filter(|text| text.starts_with('{')) {
            contents.push(seed(&format!("{}/content", frame.name), text));
        }
    }
    Ok(contents)
}

/// Headers of pictures.
fn pictures() -> Vec<Seed> {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\xd0\0\0\x05\x00\x08\x02\0\0\0";
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\x05\0\x02\xd0\x03\x01\x22\0";
    vec![seed("picture/png", &png[..]), seed("picture/jpeg", &jpeg[..])]
}

/// What two readers of JSON are likely to disagree about.
fn oddities() -> Vec<Seed> {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"pub":{{"content":{open}1{close}}}}}"#)
    };
    let texts: Vec<(&str, String)> = [
        ("bom", "\u{feff}{\"note\":{\"topic\":\"a\",\"what\":\"kp\"}}"),
        ("case", r#"{"Note":{"topic":"a"},"note":{"Topic":"b","topic":"c","TOPIC":"d"}}"#),
        ("control", "{\"note\":{\"topic\":\"a\u{1}\"}}"),
        ("duplicates", r#"{"ctrl":{"code":200,"id":"a","code":404,"id":null,"ts":"x","ts":"y"}}"#),
        ("empty-names", r#"{"":1,"data":{"":2,"seq":1},"":3}"#),
        ("escaped-names", r#"{"\u0070ub":{"\u0074opic":"a","conten\u0074":"\u0000"}}"#),
        ("escapes", r#"{"pub":{"topic":"\"\\\/\b\f\n\r\t\u00fc\uD83D\uDE00"}}"#),
        ("exponents", r#"{"data":{"seq":1e3,"content":[1E+2,-0.0,0e0,1e999]}}"#),
        ("float-for-whole", r#"{"data":{"seq":7.0}}"#),
        ("invalid-escape", r#"{"pub":{"topic":"\x41"}}"#),
        ("leading-zero", r#"{"data":{"seq":07}}"#),
        (
            "lone-surrogates",
            r#"{"pub":{"topic":"\ud83d","content":"\ude00 \ud83dx \ud83d\ud83d"}}"#,
        ),
        ("minus", r#"{"data":{"seq":-0},"ctrl":{"code":-1}}"#),
        ("no-kind", r#"{"ctrl":null,"x":null}"#),
        (
            "nulls",
            r#"{"ctrl":{"id":null,"topic":null,"params":null,"code":null,"text":null,"ts":null}}"#,
        ),
        ("range", r#"{"data":{"seq":18446744073709551615},"ctrl":{"code":4294967295}}"#),
        ("range-beyond", r#"{"data":{"seq":18446744073709551616}}"#),
        ("range-beyond-u32", r#"{"ctrl":{"code":4294967296}}"#),
        (
            "several-kinds",
            r#"{"note":{"what":"kp"},"pub":{"topic":"a"},"data":{"seq":1},"ctrl":{}}"#,
        ),
        ("spaces", " \t\r\n{ \"note\" : { \"topic\" : \"a\" , \"seq\" : 1 } } \n"),
        ("spaces-other", "\u{b}{\"note\":{}}\u{a0}"),
        ("trailing-bytes", r#"{"note":{"topic":"a"}}x"#),
        ("trailing-comma", r#"{"note":{"topic":"a",}}"#),
        ("two-texts", r#"{"note":{}}{"note":{}}"#),
        ("wrong-kinds", r#"{"pub":[],"sub":"","leave":1,"login":true}"#),
        ("c2c-batch", r#"[{"type":"text"},{"type":"mark","markIds":[1,"2"]},{}]"#),
        ("c2c-bare", r#"{"type":"text","id":1e3,"orderNo":{"a":1},"createTime":1.5,"width":"7"}"#),
        ("c2c-wrapped", r#"{"data":{"type":"text"},"data":{"type":"image","self":null}}"#),
        ("c2c-page-twice", r#"{"code":"000000","success":true,"data":[],"data":[{"id":1}]}"#),
    ]
    .into_iter()
    .map(|(name, text)| (name, text.to_owned()))
    .chain([("deep-98", deep(98)), ("deep-126", deep(126)), ("deep-200", deep(200))])
    .collect();
    texts.into_iter().map(|(name, text)| seed(&format!("odd/{name}"), text)).collect()
}

/// Bytes that lead the generator of frames to each kind, with members of every sort.
fn recipes() -> Vec<Seed> {
    // Numbers the generator reads as "present", "a text of five", "with escapes" by turns.
    let fill: Vec<u8> = [1, 5, b'h', b'e', b'l', b'l', b'o', 3, 1, 2, 4, 7, 0, 0xC3, 0xBC, 1]
        .into_iter()
        .cycle()
        .take(192)
        .collect();
    let recipe = |frame: u8, kind: u8| {
        seed(&format!("recipe/{frame}-{kind:02}"), [&[frame, kind][..], &fill].concat())
    };
    let kinds = [(0, 11), (2, 6), (4, 3), (5, 4), (6, 2), (7, 4)];
    // A text of all control characters.
    let controls: Vec<u8> = [0, 0, 1, 31].into_iter().chain(1..32).collect();
    kinds
        .iter()
        .flat_map(|&(frame, kinds)| (0..kinds).map(move |kind| (frame, kind)))
        .map(|(frame, kind)| recipe(frame, kind))
        .chain([seed("recipe/controls", controls)])
        .collect()
}

/// A scheme, where to cut, a host or a configuration, then what the proxy answers.
fn proxies() -> Vec<Seed> {
    let seed = |name: &str, scheme: u8, host: &str, answer: &[u8]| {
        let length = u8::try_from(host.len()).unwrap_or_default();
        let bytes = [&[scheme, 6, length], host.as_bytes(), answer].concat();
        Seed { name: name.to_owned(), bytes }
    };
    let reply = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38";
    vec![
        seed("connect/ok", 0, "a.example.com", b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"),
        seed("connect/interim", 1, "::1", b"HTTP/1.1 103 x\r\n\r\nHTTP/1.0 200 x\n\n"),
        seed("connect/login", 1, "h", b"HTTP/1.1 407 Login\r\n\r\n"),
        seed("connect/early", 0, "h", b"HTTP/1.1 200 x\r\n\r\n\x16\x03\x01"),
        seed("socks/ok", 2, "a.example.com", &[b"\x05\x00", &reply[..]].concat()),
        seed("socks/login", 3, "fd00::1", &[b"\x05\x02\x01\x00", &reply[..]].concat()),
        seed("socks/name", 2, "10.0.0.1", b"\x05\x00\x05\x00\x00\x03\x03abc\x00\x01"),
        seed("socks/refused", 2, "h", b"\x05\x00\x05\x05\x00"),
        seed("config/proxy", 0, "socks5://u%40:p@[::1]:1080/", b""),
        seed("config/except", 0, "10.0.0.0/8,.a.com:80 *.b [::1]:9", b""),
    ]
}

/// How long the pieces are, less one, and how many bytes come with the answer to the upgrade; then frames.
fn frames() -> Vec<Seed> {
    let seed = |name: &str, size: u8, frames: &[&[u8]]| Seed {
        name: name.to_owned(),
        bytes: [&[size, 3], &frames.concat()[..]].concat(),
    };
    let long = [&[0x81, 126, 1, 44], &[b'x'; 300][..]].concat();
    vec![
        seed("texts", 255, &[b"\x81\x03one", b"\x81\x00", &long, b"\x81\x05\xc3\xa9two"]),
        seed("cut", 0, &[b"\x81\x03one", &long, b"\x81\x03two", b"\x81\x05cut"]),
        seed("control", 6, &[b"\x89\x04ping", b"\x81\x03one", b"\x8a\x00", b"\x88\x05\x03\xe8bye"]),
        seed(
            "parts",
            40,
            &[b"\x01\x03in ", b"\x89\x00", b"\x00\x00", b"\x80\x05parts", b"\x81\x01x"],
        ),
        seed("binary", 3, &[b"\x82\x02\x00\xff", b"\x02\x01a", b"\x80\x01b", b"\x81\x01x"]),
        seed("wrong", 99, &[b"\x81\x01a", b"\x81\x01\xff"]),
        seed("masked", 99, &[b"\x81\x83\x01\x02\x03\x04abc"]),
        seed("large", 99, &[b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"]),
        seed("reserved", 99, &[b"\xc1\x01a", b"\x83\x01a", b"\x09\x01a"]),
        seed("after", 9, &[b"\x88\x02\x03\xe8", b"\x81\x01a"]),
    ]
}

/// A key, a time, a window, bits to flip, then names and values; and queries as they arrive.
fn queries() -> Vec<Seed> {
    let key = HmacSigner::new(&Secret::new("k"));
    let built = |window: [u8; 4], params: &[(&str, &str)]| {
        let mut bytes = vec![1, b'k', 0, 0, 0, 0x68, 0xE5, 0xCF, 0x8B, 1];
        bytes.extend_from_slice(&window);
        bytes.extend_from_slice(&[0, 0, 1, 2, 3, 5, 8, 13]);
        for text in params.iter().flat_map(|(name, value)| [name, value]) {
            bytes.push(u8::try_from(text.len() % 32).unwrap_or_default());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    };
    let window = (DEFAULT_RECV_WINDOW_MS << 15).to_le_bytes();
    let order = ("orderNo", "20476365073825144832");
    let arrived = |query: &str| [&[1, b'k'][..], query.as_bytes()].concat();
    let signed =
        key.sign_query(Query::new().with("page", 1), 1_700_000_000_000, DEFAULT_RECV_WINDOW_MS);
    vec![
        seed("built/none", built(window, &[])),
        seed("built/page", built(window, &[order, ("page", "1"), ("rows", "50")])),
        seed("built/escapes", built(window, &[("a b/é", "ü&=%+"), ("q", "\u{1}")])),
        seed("built/twice", built(window, &[order, order])),
        seed("built/reserved", built(window, &[("timestamp", "1")])),
        seed("built/no-name", built(window, &[("", "1")])),
        seed("built/long-window", built([0xFF; 4], &[order])),
        seed("arrived/signed", arrived(signed.as_str())),
        seed("arrived/plain", arrived("orderNo=1&timestamp=1700000000000")),
        seed("arrived/window", arrived("recvWindow=60000&timestamp=1700000000999&a=%c3%BC+%2B")),
        seed("arrived/broken", arrived("a=%zz&=1&b&&timestamp=-1&signature=&recvWindow=60001")),
    ]
}

/// Steps of three bytes behind a byte of flags: to where a session is ready and on, and some from a
/// generator.
fn drills() -> Vec<Seed> {
    let ready = [0_u8; 3].repeat(10);
    // A verb, what the peer makes of it, and something that goes wrong.
    let then = |steps: &[[u8; 3]]| [&[1][..], &ready, &steps.concat(), &[0; 9]].concat();
    let cut = [26, 1, 200];
    let mut seeds = vec![
        seed("drill/ready", then(&[])),
        seed("drill/subscribe", then(&[[8, 0, 1], [0, 0, 0], [13, 8, 1], [13, 8, 65]])),
        seed("drill/publish", then(&[[8, 0, 1], [0, 0, 0], [8, 3, 1], [13, 0, 0], [13, 9, 0]])),
        seed("drill/cut", then(&[[8, 0, 1], [0, 0, 0], [8, 3, 1], cut, [0, 0, 1], [0, 0, 1]])),
        seed("drill/gap", then(&[[8, 0, 1], [0, 0, 0], [13, 10, 0x51], [13, 8, 0xe1]])),
        seed("drill/corrupted", then(&[[13, 8, 1], [21, 40, 90], [21, 128, 0], [22, 3, 0]])),
        seed("drill/cancel", then(&[[8, 3, 1], [30, 0, 0], [28, 1, 7], [31, 64, 9]])),
        seed("drill/close", then(&[[8, 3, 1], [31, 0, 0], [25, 0, 1]])),
        seed("drill/silence", then(&[[25, 0, 1], [25, 0, 1], [25, 0, 1], [25, 0, 1]])),
    ];
    let mut rng = Rng::new(0x5EED);
    seeds.extend((0..12).map(|n| {
        let bytes: Vec<u8> = (0..20).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
        seed(&format!("random/{n:02}"), bytes)
    }));
    seeds
}

/// A seed, flags, the network's pace and the life of tokens, then operations of six bytes: when, what,
/// whose, and three numbers.
fn schedules() -> Vec<Seed> {
    const HEAD: [u8; 4] = [7, 8, 20, 60];
    let group = [60, 0, 0, 8, 0, 0];
    let join = |client| [20, 0, client, 0, 0, 0];
    let publish = |client| [12, 0, client, 200, 0, 0];
    let last = |client| [12, 0, client, 5, 0, 0];
    let built = |ops: &[[u8; 6]]| [&HEAD[..], &ops.concat()].concat();
    let fault = |fault, b, c| [3, 10, 0, fault, b, c];
    let mut seeds = vec![
        seed("talk", built(&[group, join(0), join(1), publish(0), publish(1), publish(0)])),
        seed("orders", built(&[last(1), publish(1), last(4), publish(4), publish(5)])),
    ];
    for kind in 0..10 {
        let hurt = |nth: u8| fault(kind + nth * 10, 30, 100);
        let ops = [group, join(0), join(1), publish(0), hurt(0), publish(1), last(4), hurt(1)];
        let more = [publish(0), publish(4), hurt(2), publish(1)];
        seeds.push(seed(&format!("faults/{kind}"), built(&[&ops[..], &more].concat())));
    }
    let mut rng = Rng::new(0x5EED);
    seeds.extend((0..4).map(|n| {
        let bytes: Vec<u8> = (0..15).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
        seed(&format!("random/{n:02}"), bytes)
    }));
    seeds
}
