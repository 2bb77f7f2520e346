//! The exchanges of Binance C2C: ticket, texts, pictures, history, read marks, documented errors.

use std::io::Write;

use bytes::Bytes;
use chat_hub::Script;
use chat_proto::c2c::client::{Answer, C2cConfig, C2cEvent};
use chat_proto::c2c::frame::ImageRef;
use chat_proto::c2c::rest::{self, Api, HistoryQuery, Ticket};
use chat_proto::c2c::{C2c, ImageInfo, Kind, Push, SystemContent, answer};
use chat_proto::client::{Event, Session};
use chat_proto::machine::HttpRequest;
use chat_proto::{Skew, UnixMillis};
use chat_server::{TestServer, Urls, World};
use chat_sign::Secret;

use super::client::Client;
use super::one_dial::one_dial;
use super::report::{Problem, Report};
use super::{Exchange, Place};

/// A picture to send: 8 × 4 pixels.
const PICTURE: &[u8] = include_bytes!("receipt.png");

/// The two sides of one order.
pub(crate) struct Cast {
    order: String,
    merchant: Trader,
    buyer: Trader,
    auto_reply: Option<String>,
}

struct Trader {
    who: &'static str,
    api_key: Secret,
    secret: Secret,
}

/// The sides of the first order of the world; its maker is the merchant.
pub(crate) fn cast(world: &World) -> Result<Cast, Problem> {
    let order = world.c2c.orders.first().ok_or("the demo needs a C2C order")?;
    let trader = |who, key: &str| -> Result<Trader, Problem> {
        let account = world.c2c.accounts.iter().find(|account| account.api_key == key);
        let account = account.ok_or("the order names an unknown account")?;
        let api_key = Secret::new(account.api_key.as_str());
        Ok(Trader { who, api_key, secret: account.secret.clone() })
    };
    Ok(Cast {
        order: order.order_no.clone(),
        merchant: trader("Merchant", &order.maker)?,
        buyer: trader("Buyer", &order.taker)?,
        auto_reply: order.auto_reply.clone(),
    })
}

impl Trader {
    fn api(&self, urls: &Urls) -> Result<Api, Problem> {
        Ok(Api::new(&self.api_key, &self.secret)?.base_url(&urls.c2c)?)
    }

    fn client(&self, urls: &Urls, place: &Place) -> Result<Client<C2c>, Problem> {
        let (seed, now) = (place.runtime.seed(), place.runtime.now());
        let session = Session::c2c(C2cConfig::default(), self.api(urls)?, seed, now);
        Ok(Client::new(self.who, session, &place.runtime, &place.journal))
    }
}

pub(crate) async fn run<W: Write>(
    cast: &Cast,
    urls: &Urls,
    server: &TestServer,
    place: &Place,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let Cast { order, merchant, buyer, .. } = cast;

    report.begin("signed retrieveChatCredential")?;
    let request = merchant.api(urls)?.credential(place.runtime.now().unix);
    let answer = Exchange { who: merchant.who, place }.run(request).await?;
    let ticket = Ticket::read(&answer)?;
    report.pass(format_args!("a ticket for one connection to {}", urls.chat))?;

    report.begin("WebSocket with the ticket's URL; the same ticket again is refused")?;
    one_dial(merchant.who, ticket.upgrade()?, place).await?;
    let Err(refused) = one_dial(merchant.who, ticket.upgrade()?, place).await else {
        return Err("a used ticket opened a second connection".into());
    };
    if !refused.to_string().contains("403") {
        return Err(format!("a used ticket is refused with: {refused}").into());
    }
    report.pass(refused)?;

    report.begin("both sides connect, each with a fresh ticket")?;
    let mut m = merchant.client(urls, place)?;
    let mut b = buyer.client(urls, place)?;
    m.connect().await?;
    b.connect().await?;
    report.pass("two accounts, one connection each")?;

    texts(cast, server, &mut m, &mut b, report).await?;
    picture(cast, place, &mut m, &mut b, report).await?;

    report.begin("history filtered by `image`")?;
    let query =
        HistoryQuery { message_type: Some("image".to_owned()), ..HistoryQuery::newest(order) };
    let page = m.ask("history", |c2c, now| c2c.history(query, now)).await?;
    let Answer::History(page) = page else { return Err("not a page of history".into()) };
    let kinds: Vec<_> = page.items.iter().map(|item| item.kind()).collect();
    if kinds != [Kind::Image] {
        return Err(format!("the page holds {kinds:?}, not one image").into());
    }
    report.pass("the picture, and nothing else")?;

    report.begin("mark the order's messages as read")?;
    let answer = m.ask("mark", |c2c, now| c2c.mark_read(order, None, now)).await?;
    if answer != Answer::Marked {
        return Err(format!("answered by {answer:?}").into());
    }
    report.pass("marked")?;

    errors(cast, urls, place, report).await?;

    report.begin("close")?;
    m.close().await?;
    b.close().await?;
    report.pass("close handshake on both connections")?;
    Ok(())
}

/// Text and echo, automatic reply, the counterparty's text, a system event.
async fn texts<W: Write>(
    cast: &Cast,
    server: &TestServer,
    m: &mut Client<C2c>,
    b: &mut Client<C2c>,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let Cast { order, merchant, buyer, .. } = cast;
    report.begin("text to an order, and its echo")?;
    let text = "Hello, I have paid.";
    let answer = b.ask("text", |c2c, now| c2c.send_text(order, text, now)).await?;
    let Answer::Accepted(sent) = answer else { return Err("not an acceptance".into()) };
    let id = sent.message_id.as_ref().map(|id| id.text().into_owned()).unwrap_or_default();
    if sent.from_history || id.is_empty() {
        return Err("no echo came".into());
    }
    report.pass(format_args!("{}'s text is message {id}", buyer.who))?;

    report.begin("the counterparty's text arrives")?;
    let push = push(m, "the buyer's text", |push| {
        push.is_from_counterparty() && push.content_text().as_deref() == Some(text)
    })
    .await?;
    if push.order().map(ToString::to_string).as_ref() != Some(order) {
        return Err("the text names another order".into());
    }
    report.pass(format_args!("{} reads it, self is false", merchant.who))?;

    report.begin("the automatic reply arrives")?;
    match &cast.auto_reply {
        Some(reply) => {
            let push = self::push(b, "the automatic reply", |push| {
                push.kind() == Kind::AutoReply
                    && push.content_text().as_deref() == Some(reply.as_str())
            })
            .await?;
            if push.is_from_counterparty() {
                return Err("an automatic reply counts as a person's".into());
            }
            report.pass("as auto_reply, which no bot takes for a person")?;
        }
        None => report.pass("none: this world's order has no auto_reply")?,
    }

    report.begin("a system event arrives, named after its reader")?;
    let (paid, script) = (order.clone(), Script::OrderEvent { event: "payed".to_owned() });
    server.hub(move |hub, now| hub.c2c_script(&paid, script, now)).await??;
    let mut seen = Vec::new();
    for client in [&mut *m, &mut *b] {
        let push = self::push(client, "the system event", |push| push.kind() == Kind::System);
        let push = push.await?;
        let content = push.content_text().unwrap_or_default().into_owned();
        match SystemContent::parse(&content) {
            Some(content) => seen.push(content.type_name.to_string()),
            None => return Err("the system message holds no event".into()),
        }
    }
    report.pass(format_args!("the buyer paid: the two sides read {}", seen.join(" and ")))?;
    Ok(())
}

/// Pre-signed URL, PUT, image frame, download by the counterparty.
async fn picture<W: Write>(
    cast: &Cast,
    place: &Place,
    m: &mut Client<C2c>,
    b: &mut Client<C2c>,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let Cast { order, merchant, buyer, .. } = cast;
    let info = ImageInfo::sniff(PICTURE).ok_or("the demo's picture is broken")?;

    report.begin("pre-signed URL")?;
    let name = "receipt.png";
    let answer = b.ask("pre-signed URL", |c2c, now| c2c.pre_signed_url(name, now)).await?;
    let Answer::Upload(slot) = answer else { return Err("no upload URL".into()) };
    report.pass(format_args!("the picture will be {}", slot.image_url))?;

    report.begin("PUT the bytes")?;
    let request = slot.put(Bytes::from_static(PICTURE), info.format.media_type())?;
    let answer = Exchange { who: buyer.who, place }.run(request).await?;
    if answer.status() != 200 {
        return Err(format!("the upload was answered with {}", answer.status()).into());
    }
    report.pass(format_args!("{} bytes", PICTURE.len()))?;

    report.begin("image frame, the counterparty downloads it")?;
    let image = ImageRef {
        url: slot.image_url.as_str().into(),
        image_type: info.format.extension().into(),
        width: info.width,
        height: info.height,
    };
    b.ask("image", |c2c, now| c2c.send_image(order, image, now)).await?;
    let push = push(m, "the image", |push| push.kind() == Kind::Image).await?;
    let request = rest::download(&push.image_url.decode())?;
    let answer = Exchange { who: merchant.who, place }.run(request).await?;
    if answer.body() != PICTURE {
        return Err("the downloaded bytes differ".into());
    }
    report.pass(format_args!("{} identical bytes", answer.body().len()))?;
    Ok(())
}

/// Each mistake and its documented answer.
async fn errors<W: Write>(
    cast: &Cast,
    urls: &Urls,
    place: &Place,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let merchant = &cast.merchant;
    let now = || place.runtime.now().unix;

    report.begin("a wrong signature")?;
    let wrong = Api::new(&merchant.api_key, &"not-the-secret".into())?.base_url(&urls.c2c)?;
    report.pass(refusal(merchant.who, wrong.credential(now()), -1022, place).await?)?;

    report.begin("a missing clientType")?;
    let mut request = merchant.api(urls)?.credential(now()).into_request();
    request.headers_mut().remove("clientType");
    let request = HttpRequest::new(request);
    report.pass(refusal(merchant.who, request, -31002, place).await?)?;

    report.begin("a clock 10 s off")?;
    let late = UnixMillis::new(now().as_millis().saturating_sub(10_000));
    let request = merchant.api(urls)?.credential(late);
    report.pass(refusal(merchant.who, request, -1021, place).await?)?;

    report.begin("the same in a session: one probe of the time, one rebuilt call")?;
    let mut client = merchant.client(urls, place)?;
    client.set_clock_error(Skew::from_millis(-10_000));
    let query = HistoryQuery::newest(&cast.order);
    let page = client.ask("history", |c2c, now| c2c.history(query, now)).await?;
    let skew = client
        .expect("the correction", |event| match event {
            Event::Service(C2cEvent::ClockCorrected { skew }) => Some(*skew),
            _ => None,
        })
        .await?;
    let Answer::History(page) = page else { return Err("not a page of history".into()) };
    client.close().await?;
    report.pass(format_args!(
        "corrected by {} ms, then {} messages",
        skew.as_millis(),
        page.items.len()
    ))?;
    Ok(())
}

/// Sends a request that must be refused with `code`; the service's words.
async fn refusal(
    who: &'static str,
    request: HttpRequest,
    code: i64,
    place: &Place,
) -> Result<String, Problem> {
    let answer = Exchange { who, place }.run(request).await?;
    match answer::classify(&answer) {
        Err(refusal) if refusal.code() == Some(answer::Code::from_i64(code)) => {
            Ok(refusal.to_string())
        }
        other => Err(format!("expected {code}, got {other:?}").into()),
    }
}

/// Waits for a frame.
async fn push(
    client: &mut Client<C2c>,
    what: &str,
    mut wanted: impl FnMut(&Push<'_>) -> bool,
) -> Result<Push<'static>, Problem> {
    client
        .expect(what, |event| match event {
            Event::Service(C2cEvent::Push(incoming)) if wanted(&incoming.push) => {
                Some((*incoming.push).clone())
            }
            _ => None,
        })
        .await
}
