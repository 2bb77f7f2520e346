//! The exchanges of PortSIP IM: tokens, login, one-to-one chat, history, files.

use std::io::Write;

use chat_proto::client::{Event, Session};
use chat_proto::error::Lost;
use chat_proto::im::client::{
    Answer, Credentials, HistoryQuery, ImConfig, ImEvent, Publish, Query, Receipt, Section,
    Subscribe,
};
use chat_proto::im::rest::{
    FileUrl, Oauth, OauthError, TokenPair, refresh_answer, revoke_answer, token_answer,
    upload_answer,
};
use chat_proto::im::{Im, Seq, TopicName, UserId};
use chat_proto::json::Raw;
use chat_proto::rest::{BaseUrl, FilePart};

use super::client::Client;
use super::report::{Problem, Report};
use super::{Exchange, Place, groups};

/// An extension of the demo's world.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    /// How the output calls it.
    pub(crate) who: &'static str,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) password: chat_sign::Secret,
    pub(crate) user: UserId,
}

/// Everything the exchanges of IM need.
pub(crate) struct Im3 {
    pub(crate) host: BaseUrl,
    pub(crate) people: [Extension; 3],
}

impl Im3 {
    fn config(
        &self,
        who: &Extension,
        credentials: Option<Credentials>,
    ) -> Result<ImConfig, Problem> {
        let credentials = credentials.unwrap_or_else(|| Credentials::Password {
            username: who.name.clone(),
            domain: who.domain.clone(),
            password: who.password.clone(),
        });
        Ok(ImConfig::new(&self.host, credentials)?)
    }

    fn client(
        &self,
        who: &Extension,
        credentials: Option<Credentials>,
        place: &Place,
    ) -> Result<Client<Im>, Problem> {
        let config = self.config(who, credentials)?;
        let session = Session::im(config, place.runtime.seed(), place.runtime.now());
        Ok(Client::new(who.who, session, &place.runtime, &place.journal))
    }
}

/// Runs every exchange of the published IM examples.
pub(crate) async fn run<W: Write>(
    world: &Im3,
    place: &Place,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    tokens(world, place, report).await?;
    let [alice, bob, carol] = &world.people;

    report.begin("WebSocket over TLS, login access_token")?;
    let mut a = world.client(alice, None, place)?;
    let mut b = world.client(bob, None, place)?;
    let mut c = world.client(carol, None, place)?;
    for (client, person) in [(&mut a, alice), (&mut b, bob), (&mut c, carol)] {
        client.connect().await?;
        let user = client.session().user();
        if user != Some(&person.user) {
            return Err(format!("logged in as {user:?}, not {}", person.user).into());
        }
    }
    report.pass(format_args!("three users logged in, {} is {}", alice.who, alice.user))?;

    report.begin("subscribe to `me`")?;
    for client in [&mut a, &mut b, &mut c] {
        subscribe(client, &TopicName::me()).await?;
    }
    report.pass("each user is attached to its own notifications")?;

    chat(world, &mut a, &mut b, report).await?;
    history(bob, &mut a, report).await?;
    groups::run(world, [&mut a, &mut b, &mut c], report).await?;
    files(world, place, &mut a, &mut b, report).await?;

    report.begin("close")?;
    for client in [&mut a, &mut b, &mut c] {
        client.close().await?;
        if !client.is_finished() {
            return Err("the session goes on after its end".into());
        }
    }
    report.pass("close handshake on all three connections")?;
    Ok(())
}

/// Password, wrong password, refresh, revoke.
async fn tokens<W: Write>(
    world: &Im3,
    place: &Place,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let alice = &world.people[0];
    let oauth = Oauth::new(&world.host)?;
    let domain = Some(alice.domain.as_str());
    let http = |request| Exchange { who: alice.who, place }.run(request);

    report.begin("OAuth token by password")?;
    let answer = http(oauth.password(&alice.name, domain, &alice.password)).await?;
    let pair = token_answer(&answer)?;
    report.pass(format_args!("a pair of tokens for {:?}", pair.expires_in))?;

    report.begin("OAuth token by refresh token")?;
    let answer = http(oauth.refresh(&pair.refresh_token)).await?;
    let fresh = refresh_answer(&answer, &pair.refresh_token)?;
    if fresh.access_token == pair.access_token {
        return Err("the refresh gave the old access token".into());
    }
    report.pass("a new pair")?;

    report.begin("OAuth token with a wrong password")?;
    let answer = http(oauth.password(&alice.name, domain, &"not-the-password".into())).await?;
    match token_answer(&answer) {
        Err(OauthError::Unauthorized { message }) if answer.status() == 400 => {
            report.pass(format_args!("HTTP 400 UNAUTHORIZED: {message}"))?;
        }
        other => return Err(format!("expected UNAUTHORIZED, got {other:?}").into()),
    }

    report.begin("OAuth revoke; the token no longer logs in")?;
    let answer = http(oauth.revoke(&fresh.access_token)?).await?;
    revoke_answer(&answer)?;
    let refused = login_with(world, alice, fresh, place).await?;
    report.pass(format_args!("revoked; the login answers {refused}"))?;
    Ok(())
}

/// Logs in with a pair that must be refused; the server's words.
async fn login_with(
    world: &Im3,
    who: &Extension,
    pair: TokenPair,
    place: &Place,
) -> Result<String, Problem> {
    let (username, domain) = (who.name.clone(), who.domain.clone());
    let credentials = Credentials::Tokens { username, domain, pair };
    let mut client = world.client(who, Some(credentials), place)?;
    client.tell(Session::connect);
    let why = client
        .expect("the refusal", |event| match event {
            Event::Lost { reason: Lost::Refused(why), .. } => Some(Ok(why.to_string())),
            Event::Ready { .. } => Some(Err("a revoked token logged in")),
            _ => None,
        })
        .await??;
    // The session tries its refresh token, which died with the access token, and gives up.
    client
        .expect("the request for credentials", |event| {
            matches!(event, Event::CredentialsNeeded { .. }).then_some(())
        })
        .await?;
    client.close().await?;
    Ok(why)
}

/// One-to-one: subscribe, publish, echo, the peer's copy.
async fn chat<W: Write>(
    world: &Im3,
    a: &mut Client<Im>,
    b: &mut Client<Im>,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let [alice, bob, _] = &world.people;
    let (to_bob, to_alice) = (TopicName::p2p(&bob.user), TopicName::p2p(&alice.user));

    report.begin("subscribe to the P2P topic, from both sides")?;
    subscribe(a, &to_bob).await?;
    subscribe(b, &to_alice).await?;
    report
        .pass(format_args!("{} calls it {to_bob}, {} calls it {to_alice}", alice.who, bob.who))?;

    report
        .begin("publish: ctrl 202 with seq, echo, and the peer's copy under its own topic name")?;
    let receipt = publish(a, &to_bob, Publish::text("test test test")).await?;
    let echo = message(a, &to_bob, receipt.seq).await?;
    let copy = message(b, &to_alice, receipt.seq).await?;
    if copy.from != *alice.user.as_str() || copy.content != echo.content {
        return Err("the peer's copy differs from the echo".into());
    }
    if copy.ts != receipt.ts || copy.reqid.is_empty() {
        return Err("the copy's ts or reqid is not that of the publish".into());
    }
    report.pass(format_args!("seq {} to both, same ts, reqid is the publish's id", receipt.seq))?;

    report.begin("get sub")?;
    let query = Query::of(&[Section::Sub]).changed_after("2024-01-03T07:38:56.304Z");
    let meta = meta(a, &to_bob, query).await?;
    let users = meta.sub.ok_or("no list of subscribers")?;
    if users.len() != 2 {
        return Err(format!("{} subscribers, not 2", users.len()).into());
    }
    let rights: Vec<_> = users
        .iter()
        .map(|row| {
            let given = row.acs.as_ref().map(|acs| acs.given.decode().into_owned());
            format!("{} given {}", row.user, given.unwrap_or_default())
        })
        .collect();
    report.pass(rights.join(", "))?;

    report.begin("get desc")?;
    let query = Query::of(&[Section::Desc]).changed_after("2024-01-03T07:38:56.304Z");
    let desc = self::meta(a, &to_bob, query).await?.desc.ok_or("no description")?;
    if desc.seq != receipt.seq {
        return Err(format!("the topic ends at {}, not {}", desc.seq, receipt.seq).into());
    }
    report.pass(format_args!("{} messages, {} read", desc.seq, desc.read))?;
    Ok(())
}

/// Pages back to the start.
async fn history<W: Write>(
    bob: &Extension,
    a: &mut Client<Im>,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let to_bob = TopicName::p2p(&bob.user);
    report.begin("get data, paged to the end marker")?;
    let mut last = 0;
    for number in 1..=4 {
        let text = format!("message {number} for the history");
        last = publish(a, &to_bob, Publish::text(&text)).await?.seq.get();
    }
    let (mut next, mut pages, mut seqs) = (Some(HistoryQuery::newest(2)), 0, Vec::new());
    while let Some(query) = next {
        let answer = a.ask("history", |im, now| im.history(&to_bob, query, now)).await?;
        let Answer::History(page) = answer else { return Err("not a page of history".into()) };
        pages += 1;
        seqs.splice(0..0, page.messages.iter().map(|message| message.seq));
        next = page.older();
    }
    if seqs != (1..=last).collect::<Vec<_>>() {
        return Err(format!("history has {seqs:?}, not 1 to {last}").into());
    }
    a.forget();
    report.pass(format_args!("{last} messages on {pages} pages of 2, none missing, none twice"))?;
    Ok(())
}

/// Upload, send the URL, download by the peer.
async fn files<W: Write>(
    world: &Im3,
    place: &Place,
    a: &mut Client<Im>,
    b: &mut Client<Im>,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let [alice, bob, _] = &world.people;
    let host = world.config(alice, None)?.host;
    let content: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();

    report.begin("upload a file, multipart, with the token header")?;
    let token = a.session().file_token().ok_or("no file token")?.clone();
    let part = FilePart::new("numbers.bin", content.len() as u64);
    let upload = host.upload(&token, "upload-1", &part, place.runtime.seed());
    let request = upload.with_body(&content)?;
    let answer = Exchange { who: alice.who, place }.run(request).await?;
    let url = upload_answer(&answer)?;
    report.pass(format_args!("{} bytes are now {}", content.len(), url.as_str()))?;

    report.begin("send the file's URL, the peer downloads it")?;
    let link = Raw::from_value(&FileMessage { file: url.as_str(), name: "numbers.bin" })?;
    let receipt = publish(a, &TopicName::p2p(&bob.user), Publish::content(link)).await?;
    let message = message(b, &TopicName::p2p(&alice.user), receipt.seq).await?;
    let content_raw = message.content.ok_or("the message is empty")?;
    let received: ReceivedFile = content_raw.parse()?;
    let token = b.session().file_token().ok_or("no file token")?.clone();
    let location = host.locate(&FileUrl::new(received.file))?;
    let answer = Exchange { who: bob.who, place }.run(host.download(&location, &token)).await?;
    chat_proto::im::rest::check_download(&answer)?;
    if answer.body() != &content {
        return Err("the downloaded bytes differ".into());
    }
    report.pass(format_args!("{} identical bytes", answer.body().len()))?;
    Ok(())
}

#[derive(serde::Serialize)]
struct FileMessage<'a> {
    file: &'a str,
    name: &'a str,
}

#[derive(serde::Deserialize)]
struct ReceivedFile {
    file: String,
}

/// Subscribes; the name of the topic.
pub(crate) async fn subscribe(
    client: &mut Client<Im>,
    topic: &TopicName,
) -> Result<TopicName, Problem> {
    let what = format!("subscribe to {topic}");
    let how = Subscribe::default();
    match client.ask(&what, |im, now| im.subscribe(topic, how, now)).await? {
        Answer::Subscribed(answer) => Ok(answer.topic),
        other => Err(format!("{what} was answered by {other:?}").into()),
    }
}

pub(crate) async fn publish(
    client: &mut Client<Im>,
    topic: &TopicName,
    message: Publish,
) -> Result<Receipt, Problem> {
    match client.ask("publish", |im, now| im.publish(topic, message, now)).await? {
        Answer::Published(receipt) => Ok(receipt),
        other => Err(format!("a publish was answered by {other:?}").into()),
    }
}

/// Waits for a message of a topic.
pub(crate) async fn message(
    client: &mut Client<Im>,
    topic: &TopicName,
    seq: impl Into<Seq>,
) -> Result<chat_proto::im::down::Data<'static>, Problem> {
    let seq = seq.into();
    let what = format!("message {seq} of {topic}");
    client
        .expect(&what, |event| match event {
            Event::Service(ImEvent::Message(data))
                if data.seq() == seq && data.topic() == *topic.as_str() =>
            {
                Some(data.to_data())
            }
            _ => None,
        })
        .await
}

async fn meta(
    client: &mut Client<Im>,
    topic: &TopicName,
    query: Query,
) -> Result<chat_proto::im::down::Meta<'static>, Problem> {
    match client.ask("get", |im, now| im.get(topic, &query, now)).await? {
        Answer::Meta(meta) => Ok(*meta),
        other => Err(format!("a query was answered by {other:?}").into()),
    }
}
