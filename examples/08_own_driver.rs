//! A driver of your own: the bare core over blocking sockets of the standard library. No async, no
//! runtime, no task: `chat-proto` says what to do, sixty lines do it. TLS would be one more layer
//! around the `TcpStream`; this speaks to a server without.
//!
//! ```text
//! cargo run -p chat-cli -- serve --tls off          # in another terminal
//! cargo run -p chat-examples --bin 08_own_driver -- http://127.0.0.1:8887
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a few events matter here")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chat_proto::client::Event;
use chat_proto::im::client::{Answer, Credentials, ImConfig, ImEvent, Publish, Subscribe};
use chat_proto::im::{Im, TopicName, UserId};
use chat_proto::machine::{CloseFrame, HttpFailure, HttpResult, LinkFailure, Upgrade};
use chat_proto::rest::BaseUrl;
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Session, UnixMillis};
use tungstenite::{WebSocket, client::ClientRequestBuilder};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, url] = &args[..] else { return Err("usage: 08_own_driver URL".into()) };
    let me = Credentials::password("101", "pbx.example.com", "demo-101");
    let config = ImConfig::new(&BaseUrl::parse(url)?, me)?;
    let peer = TopicName::p2p(&UserId::from_number(804_252_613_548_703_744));
    let mut im = Session::im(config, seed(), now());
    im.connect(now());
    im.subscribe(&peer, Subscribe::default(), now())?;
    im.publish(&peer, Publish::text("Hello from blocking sockets"), now())?;

    let mut link = None;
    let end = Instant::now() + Duration::from_secs(30);
    while !im.is_finished() {
        // Lane 1: what to start at once.
        while let Some(action) = im.poll_action() {
            if let Some(input) = start(action, &mut link) {
                im.handle_input(input, now());
            }
        }
        // Lane 2: what to write.
        while let Some(transmit) = im.poll_transmit() {
            if let Some((conn, socket)) = &mut link
                && *conn == transmit.conn
            {
                // What goes wrong here, the next read will tell.
                let _ = socket.send(outgoing(transmit.message));
            }
        }
        // Lane 3: what the application should know.
        while let Some(event) = im.poll_event() {
            happened(&mut im, event)?;
        }
        if Instant::now() > end {
            return Err("that took too long".into());
        }
        if let Some(input) = wait(im.poll_timeout(), &mut link) {
            im.handle_input(input, now());
        }
    }
    println!("done");
    Ok(())
}

/// What this program is about; everything else is plumbing.
fn happened(im: &mut Session<Im>, event: Event<ImEvent, Answer>) -> Result<(), Box<dyn Error>> {
    match event {
        Event::Service(ImEvent::LoggedIn { user }) => println!("logged in as {}", user.as_str()),
        Event::Completed { result: Ok(Answer::Published(receipt)), .. } => {
            println!("stored as message {} of {}", receipt.seq, receipt.topic.as_str());
        }
        Event::Completed { result: Err(why), .. } => return Err(why.into()),
        Event::Service(ImEvent::Message(message)) => {
            println!("echo of {}: {:?}", message.seq(), message.content());
            im.close(now());
        }
        Event::CredentialsNeeded { why } => return Err(why.into()),
        Event::Lost { reason, retry_in } => println!("lost: {reason}; again in {retry_in:?}"),
        _ => {}
    }
    Ok(())
}

type Link = Option<(ConnId, WebSocket<TcpStream>)>;

/// Does what the session asks for, and tells what came of it.
fn start(action: Action, link: &mut Link) -> Option<Input> {
    match action {
        Action::Dial { conn, request } => Some(match dial(request) {
            Ok(socket) => {
                *link = Some((conn, socket));
                Input::Opened { conn }
            }
            Err(why) => Input::Lost { conn, failure: LinkFailure::Dial(why.to_string()) },
        }),
        Action::Drop { conn } => {
            link.take_if(|(live, _)| *live == conn);
            None
        }
        Action::Http { id, request, deadline } => {
            let result = exchange(&request.into_request(), deadline);
            Some(Input::Response { id, result })
        }
        // An exchange that blocks is over when it could be aborted.
        Action::AbortHttp { .. } => None,
    }
}

/// Waits for a message until it is time for the session to go on by itself.
fn wait(until: Option<Instant>, link: &mut Link) -> Option<Input> {
    let patience = until.map_or(Duration::from_secs(1), |at| {
        at.saturating_duration_since(Instant::now()).clamp(MILLISECOND, Duration::from_secs(1))
    });
    let is_due = || until.is_some_and(|at| at <= Instant::now()).then_some(Input::Timeout);
    let Some((conn, socket)) = link else {
        std::thread::sleep(patience);
        return is_due();
    };
    let conn = *conn;
    let read = match socket.get_mut().set_read_timeout(Some(patience)) {
        Ok(()) => socket.read(),
        Err(error) => Err(error.into()),
    };
    match read {
        Ok(message) => Some(Input::Received { conn, message: incoming(message)? }),
        Err(tungstenite::Error::Io(error)) if is_pause(&error) => is_due(),
        Err(_) => {
            *link = None;
            Some(Input::Lost { conn, failure: LinkFailure::Ended })
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A TCP connection to where a URI points.
fn connect(uri: &http::Uri) -> io::Result<TcpStream> {
    let authority = uri.authority().ok_or(io::ErrorKind::InvalidInput)?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn dial(request: Upgrade) -> Result<WebSocket<TcpStream>, Box<dyn Error>> {
    let (head, ()) = request.into_request().into_parts();
    let stream = connect(&head.uri)?;
    let mut builder = ClientRequestBuilder::new(head.uri);
    for (name, value) in &head.headers {
        builder = builder.with_header(name.as_str(), value.to_str()?);
    }
    let (socket, _) = tungstenite::client(builder, stream).map_err(|error| error.to_string())?;
    Ok(socket)
}

/// One HTTP/1.1 exchange, without chunks and redirects.
fn exchange(request: &http::Request<Bytes>, deadline: Instant) -> HttpResult {
    let failed = |error: io::Error| HttpFailure::Io(error.to_string());
    let odd = |what: &str| HttpFailure::Io(what.to_owned());
    let uri = request.uri();
    let mut stream = connect(uri).map_err(|error| HttpFailure::Dial(error.to_string()))?;
    let left = deadline.saturating_duration_since(Instant::now()).max(MILLISECOND);
    stream.set_read_timeout(Some(left)).map_err(failed)?;

    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut head = format!("{} {path} HTTP/1.1\r\n", request.method());
    head += &format!("host: {}\r\n", uri.authority().map_or("", |it| it.as_str()));
    head += &format!("content-length: {}\r\nconnection: close\r\n", request.body().len());
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(|_| odd("a header is not text"))?;
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).map_err(failed)?;
    stream.write_all(request.body()).map_err(failed)?;

    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer).map_err(failed)?;
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n").ok_or(odd("no whole head"))?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| odd("the head is not text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut response = http::Response::builder().status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        response = response.header(name.trim(), value.trim());
    }
    let body = Bytes::copy_from_slice(&answer[end + 4..]);
    response.body(body).map_err(|error| HttpFailure::Io(error.to_string()))
}

fn outgoing(message: Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::text(text.as_str()),
        Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        Message::Ping(bytes) => tungstenite::Message::Ping(bytes),
        Message::Pong(bytes) => tungstenite::Message::Pong(bytes),
        Message::Close(frame) => {
            tungstenite::Message::Close(frame.map(|frame| tungstenite::protocol::CloseFrame {
                code: frame.code.into(),
                reason: frame.reason.as_str().into(),
            }))
        }
    }
}

fn incoming(message: tungstenite::Message) -> Option<Message> {
    Some(match message {
        tungstenite::Message::Text(text) => Message::text(text.as_str()),
        tungstenite::Message::Binary(bytes) => Message::Binary(bytes),
        tungstenite::Message::Ping(bytes) => Message::Ping(bytes),
        tungstenite::Message::Pong(bytes) => Message::Pong(bytes),
        tungstenite::Message::Close(frame) => Message::Close(
            frame.map(|frame| CloseFrame::new(frame.code.into(), frame.reason.as_str())),
        ),
        tungstenite::Message::Frame(_) => return None,
    })
}

/// Both clocks. The core reads none.
fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Now { mono: Instant::now(), unix: UnixMillis::new(millis) }
}

/// Ids and pauses come from it: another one at each start.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
