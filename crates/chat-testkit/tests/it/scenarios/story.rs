//! A transcript as people read it: names for numbers, frames in a few words.

use chat_testkit::observe::{Chat, End, Observation, Row, Verb};
use chat_testkit::{World, people};
use serde_json::Value;

/// Who the clients are.
pub(super) struct Cast<'a>(pub(super) &'a [&'a str]);

impl Cast<'_> {
    fn name(&self, client: usize) -> &str {
        self.0.get(client).copied().unwrap_or("somebody")
    }

    /// Names in place of ids.
    fn rename(&self, text: &str) -> String {
        let users = (0..people::USERS).zip(["Ann", "Bob", "Cid", "Dan"]);
        let mut text =
            users.fold(text.to_owned(), |text, (n, name)| text.replace(&people::user(n), name));
        for (order, name) in people::ORDERS.iter().zip(["order 1", "order 2"]) {
            text = text.replace(order, name);
        }
        text
    }

    /// What happened from one moment to another, in milliseconds; what says nothing new is left out.
    pub(super) fn tell(&self, world: &World, from: u64, to: u64) -> String {
        let lines = world.transcript().iter();
        let lines = lines.take_while(|line| !line.ends_with("everything is mended"));
        let told = lines.filter_map(|line| {
            let (at, text) = line.trim_start().split_once("  ")?;
            let millis: u64 = at.replace('.', "").parse().ok()?;
            let text = self.line(text).filter(|_| (from..=to).contains(&millis))?;
            Some(format!("{at:>7}  {}", self.rename(&text)))
        });
        told.collect::<Vec<_>>().join("\n")
    }

    fn line(&self, line: &str) -> Option<String> {
        if line.starts_with("! Nothing") {
            return None;
        }
        if line.starts_with("the commit is Stored") {
            return Some("the commit is stored".to_owned());
        }
        if let Some(fault) = line.strip_prefix("! ") {
            return Some(format!("! {}", self.about(fault)));
        }
        let Some(rest) = line.strip_prefix("client ") else {
            return (!line.starts_with('*')).then(|| line.to_owned());
        };
        let (client, rest) = rest.split_once(' ')?;
        let name = self.name(client.parse().ok()?);
        let said = if let Some(text) = rest.strip_prefix("→ ") {
            format!("→ {}", frame(text)?)
        } else if let Some(text) = rest.strip_prefix("← ") {
            format!("← {}", frame(text)?)
        } else if let Some(event) = rest.strip_prefix("is told ") {
            format!("is told {}", told(event)?)
        } else if let Some(request) = rest.strip_prefix("asks HttpRequest(") {
            let path = request.split(['?', ',', ')']).next()?.rsplit('/').next()?;
            format!("asks {path}")
        } else if let Some((_, what)) = rest.split_once(": Publish") {
            let content = what.split_once("content: ")?.1.split_once(", no_echo")?.0;
            format!("publishes {}", content.replace("\\\"", ""))
        } else if let Some(what) = rest.strip_prefix("asks ").and_then(|it| it.split_once(": ")) {
            if what.1 == "Other" {
                return None;
            }
            format!("asks for {}", what.1)
        } else if rest.starts_with("dials") {
            "dials".to_owned()
        } else if rest.starts_with("lets go") || rest.starts_with("gives an exchange up") {
            return None;
        } else {
            rest.to_owned()
        };
        Some(format!("{name} {said}"))
    }

    fn about(&self, fault: &str) -> String {
        match fault.split_once(" for client ") {
            Some((fault, client)) => {
                format!("{fault} for {}", client.parse().map_or("somebody", |n| self.name(n)))
            }
            None => fault.to_owned(),
        }
    }

    /// How it ended: what each conversation holds, and what each client was told and answered.
    pub(super) fn end(&self, world: &World) -> String {
        let mut lines = Vec::new();
        let dump = world.observed().iter().rev().find_map(|it| match &it.what {
            Observation::Quiet(dump) => Some(dump),
            _ => None,
        });
        let mut kept: Vec<String> = Vec::new();
        for row in dump.into_iter().flat_map(|dump| &dump.rows) {
            if let Row::Message { chat: Some(chat), seq, message: Some(it), .. } = row {
                kept.push(format!("{}{}", number(chat, *seq), it.content));
            }
        }
        lines.push(format!("history: {}", none_or(&kept)));
        for (client, name) in self.0.iter().enumerate() {
            let mut told: Vec<String> = Vec::new();
            for it in world.observed() {
                match &it.what {
                    Observation::Told { client: of, chat, message, .. } if *of == client => {
                        told.push(format!("{}{}", number(chat, message.seq), message.content));
                    }
                    Observation::Gap { client: of, from, to, .. } if *of == client => {
                        told.push(format!("(gap {from} to {to})"));
                    }
                    _ => {}
                }
            }
            lines.push(format!("{name} was told: {}", none_or(&told)));
            let answers = self.answers(world, client);
            if !answers.is_empty() {
                lines.push(format!("{name}'s messages: {}", answers.join(", ")));
            }
        }
        self.rename(&lines.join("\n"))
    }

    fn answers(&self, world: &World, client: usize) -> Vec<String> {
        let mut asked = std::collections::BTreeMap::new();
        let mut answers = Vec::new();
        for it in world.observed() {
            match &it.what {
                Observation::Asked {
                    client: of,
                    id,
                    verb: Verb::Publish { chat, content, .. },
                } if *of == client => {
                    asked.insert(*id, (chat, content));
                }
                Observation::Ended { client: of, id, end } if *of == client => {
                    let Some((chat, content)) = asked.remove(id) else { continue };
                    answers.push(match end {
                        End::Published(Some(seq)) if !matches!(chat, Chat::Order(_)) => {
                            format!("{content} accepted as {seq}")
                        }
                        End::Published(_) => format!("{content} accepted"),
                        other => format!("{content} {}", format!("{other:?}").to_lowercase()),
                    });
                }
                _ => {}
            }
        }
        answers
    }
}

fn none_or(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// Ids of order chat say nothing to people.
fn number(chat: &Chat, seq: u64) -> String {
    if matches!(chat, Chat::Order(_)) { String::new() } else { format!("{seq} ") }
}

/// A frame in a few words; `None` for what every link has.
fn frame(text: &str) -> Option<String> {
    if text == "login" || text == "logged in" || text.starts_with("close") {
        return Some(text.to_owned());
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        let is_beat = text.starts_with("Ping") || text.starts_with("Pong");
        return (!is_beat).then(|| text.chars().take(60).collect());
    };
    let object = value.as_object()?;
    if let Some(kind) = value["type"].as_str() {
        return Some(format!("{kind} {}", value["content"]));
    }
    let (kind, body) = object.iter().next()?;
    let topic = body["topic"].as_str().unwrap_or_default();
    let about_me = topic == "me" && kind != "pres";
    let said = match kind.as_str() {
        "pub" => format!("pub {}", body["content"]),
        "data" => format!("data {} {}", body["seq"], body["content"]),
        "ctrl" => {
            let seq = &body["params"]["seq"];
            let seq = seq.as_u64().map_or(String::new(), |seq| format!(", seq {seq}"));
            format!("ctrl {} {}{seq}", body["code"], body["text"].as_str().unwrap_or_default())
        }
        "sub" => "sub".to_owned(),
        "get" => {
            let range = ["since", "before"]
                .iter()
                .filter_map(|name| body["data"][*name].as_u64().map(|it| format!(" {name} {it}")));
            let range: String = range.collect();
            format!("get {}{range}", body["what"].as_str().unwrap_or_default())
        }
        "meta" => match body["desc"].as_object() {
            Some(_) => {
                format!("meta: the last number is {}", body["desc"]["seq"].as_u64().unwrap_or(0))
            }
            None => return None,
        },
        "pres" => {
            let what = body["what"].as_str().unwrap_or_default();
            if !matches!(what, "gone" | "acs" | "msg" | "del") {
                return None;
            }
            format!("pres {what}")
        }
        "note" => format!("note {} {}", body["what"].as_str().unwrap_or_default(), body["seq"]),
        "del" => format!(
            "del {} {}",
            body["what"].as_str().unwrap_or_default(),
            body["user"].as_str().unwrap_or_default()
        ),
        other => other.to_owned(),
    };
    (!about_me).then_some(said)
}

/// An event in a few words; `None` for what is of no interest here.
fn told(event: &str) -> Option<String> {
    const DULL: [&str; 8] = [
        "Presence(",
        "Roster",
        "Tokens(",
        "LoggedIn",
        "Notice(",
        "Receipt(",
        "Activity(",
        "Updated(",
    ];
    let event = event.strip_prefix("Service(").unwrap_or(event);
    if DULL.iter().any(|dull| event.starts_with(dull)) {
        return None;
    }
    let field = |name: &str| {
        let (_, rest) = event.split_once(&format!(" {name}: "))?;
        Some(rest.split([',', '}', ')']).next().unwrap_or(rest).trim().to_owned())
    };
    if event.starts_with("Completed") {
        let result = event.split_once("result: ")?.1;
        let seq = field("seq").map_or(String::new(), |seq| format!(" as {seq}"));
        let said = if result.starts_with("Ok(Published(") {
            format!("that it is accepted{seq}")
        } else if result.starts_with("Ok(Accepted(") {
            let how = if event.contains("from_history: true") { ": history has it" } else { "" };
            format!("that it is accepted{how}")
        } else if let Some(why) = result.strip_prefix("Err(") {
            format!("that it ended: {}", why.trim_end_matches([' ', '}', ')']))
        } else {
            return None;
        };
        return Some(said);
    }
    if event.starts_with("Message(") {
        return Some(format!("message {}", field("seq")?));
    }
    if event.starts_with("Push(") {
        return Some("a message of the order".to_owned());
    }
    if event.starts_with("Sending ") {
        return Some(format!("that its message is {}", field("progress")?.to_lowercase()));
    }
    if event.starts_with("Backfilled ") {
        let (order, count) = (field("order_no")?.replace('"', ""), field("count")?);
        return Some(format!("that {order} is up to date, {count} from history"));
    }
    let mut text = event.split_once(", frame").map_or(event, |(before, _)| before).to_owned();
    text = text.replace(" }))", " }").replace(" })", " }").replace("))", ")");
    Some(text.chars().take(110).collect())
}
