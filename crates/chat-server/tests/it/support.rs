//! Clients for the tests: raw ones that show every byte, and the real one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_proto::c2c::C2c;
use chat_proto::c2c::client::C2cConfig;
use chat_proto::c2c::rest::Api;
use chat_proto::client::{Event, RequestId, Session};
use chat_proto::error::{CallError, RequestError};
use chat_proto::im::Im;
use chat_proto::im::client::{Credentials, ImConfig};
use chat_proto::machine::HttpResult;
use chat_proto::rest::BaseUrl;
use chat_proto::{Machine, Now};
use chat_server::world::BUILTIN;
use chat_server::{Config, TestServer, Tls, Urls, World, world};
use chat_sign::{LoginSecret, Secret};
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, header};
use runtime_tokio::{
    Connection, HttpLimits, Options, Runtime, Target, TlsPolicy, TokioRuntime, TokioSocket,
    WsConfig,
};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::handshake::client::generate_key;

pub(crate) const DOMAIN: &str = "pbx.example.com";
pub(crate) const ANN: &str = "usr804252613548777777";
pub(crate) const BOB: &str = "usr804252613548703744";

/// Whatever knows where a server is.
pub(crate) trait Place {
    fn urls(&self) -> &Urls;
}

impl Place for Urls {
    fn urls(&self) -> &Urls {
        self
    }
}

impl Place for TestServer {
    fn urls(&self) -> &Urls {
        self.urls()
    }
}

/// Longer than anything takes; what would hang fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} takes too long"),
    }
}

pub(crate) async fn server() -> TestServer {
    TestServer::start(world::builtin()).await.unwrap()
}

pub(crate) async fn plain(change: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = Config::new(world::builtin());
    config.tls = Tls::Off;
    change(&mut config);
    TestServer::start_with(config).await.unwrap()
}

/// The built-in world and a second tenant.
pub(crate) fn two_tenants() -> World {
    let more = "\n[[tenants]]\ndomain = \"other.example\"\n[[tenants.extensions]]\n\
                number = \"101\"\npassword = \"other-101\"\nuser_id = 7\n";
    world::from_toml(&format!("{BUILTIN}{more}")).unwrap()
}

pub(crate) fn runtime(server: &impl Place) -> TokioRuntime {
    let pem = server.urls().ca_pem.as_ref();
    TokioRuntime::new(
        pem.map_or_else(TlsPolicy::platform, |pem| TlsPolicy::only_ca_pem(pem).unwrap()),
    )
}

/// One HTTP exchange; the URI is a path on the server.
pub(crate) async fn http(server: &impl Place, request: Request<Bytes>) -> Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    parts.uri = format!("{}{}", server.urls().pbx, parts.uri).parse().unwrap();
    exchange(&runtime(server), Request::from_parts(parts, body)).await.unwrap()
}

/// One HTTP exchange with anybody.
pub(crate) async fn exchange(runtime: &TokioRuntime, request: Request<Bytes>) -> HttpResult {
    let deadline = Instant::now() + PATIENCE;
    runtime_tokio::http::exchange(runtime, request, deadline, &HttpLimits::default()).await
}

pub(crate) fn get(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap()
}

pub(crate) fn json_of(response: &Response<Bytes>) -> Value {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    serde_json::from_slice(response.body()).unwrap()
}

/// Asks for tokens by password.
pub(crate) async fn oauth(
    server: &impl Place,
    number: &str,
    domain: &str,
    password: &str,
) -> Response<Bytes> {
    let body = format!("grant_type=password&username={number}&domain={domain}&password={password}");
    let request = Request::post("/api/login/oauth/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into());
    http(server, request.unwrap()).await
}

/// A WebSocket whose frames the test writes by hand.
pub(crate) struct Raw {
    pub(crate) socket: TokioSocket,
    /// The answer to the login.
    pub(crate) login: Value,
}

impl Raw {
    /// Connected, not logged in.
    pub(crate) async fn connect(server: &impl Place) -> Self {
        let socket = upgrade(server, &server.urls().im).await.unwrap();
        Self { socket, login: Value::Null }
    }

    /// Logged in as an extension of `domain`.
    pub(crate) async fn login(
        server: &impl Place,
        number: &str,
        domain: &str,
        password: &str,
    ) -> Self {
        let tokens = json_of(&oauth(server, number, domain, password).await);
        let token = Secret::new(tokens["access_token"].as_str().unwrap());
        let secret = LoginSecret::new(number, domain, token).unwrap().encode();
        let mut raw = Self::connect(server).await;
        let login = json!({"login": {
            "id": "1", "scheme": "access_token", "secret": secret.expose(),
        }});
        raw.send(&login.to_string()).await;
        raw.login = raw.answer("1").await;
        assert_eq!(raw.login["code"], 200, "{}", raw.login);
        raw
    }

    /// Logged in as an extension of the built-in world.
    pub(crate) async fn extension(server: &impl Place, number: &str) -> Self {
        Self::login(server, number, DOMAIN, &format!("demo-{number}")).await
    }

    pub(crate) fn file_token(&self) -> String {
        self.login["params"]["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message that is no ping.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        soon("a message", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return other,
                }
            }
        })
        .await
    }

    /// The next text, as JSON.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The `ctrl` that answers `id`; what comes before is skipped.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["ctrl"]["id"] == id {
                return frame["ctrl"].clone();
            }
        }
    }

    /// The next frame of a kind; what comes before is skipped.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if !frame[kind].is_null() {
                return frame[kind].clone();
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, topic: &str) {
        self.send(&json!({"sub": {"id": "s", "topic": topic}}).to_string()).await;
        let ctrl = self.answer("s").await;
        assert_eq!(ctrl["code"], 200, "{ctrl}");
    }

    /// Code and reason of the close frame that comes next.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        match self.next().await {
            Some(Ok(Message::Close(Some(frame)))) => {
                (frame.code.into(), frame.reason.as_str().to_owned())
            }
            other => panic!("no close frame: {other:?}"),
        }
    }
}

/// A client's WebSocket to `url`.
pub(crate) async fn upgrade(
    server: &impl Place,
    url: &str,
) -> Result<TokioSocket, tungstenite::Error> {
    let uri: http::Uri = url.parse().unwrap();
    let runtime = runtime(server);
    let stream = runtime_tokio::connect(&runtime, &Target::from_uri(&uri).unwrap()).await.unwrap();
    let request = Request::get(&uri)
        .header(header::HOST, uri.authority().unwrap().as_str())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, generate_key())
        .body(());
    soon("an upgrade", runtime.upgrade(stream, request.unwrap(), &WsConfig::client())).await
}

/// A real client: session, driver, TLS.
pub(crate) struct Client<M: Machine> {
    pub(crate) connection: Connection<M, TokioRuntime>,
}

pub(crate) type ImClient = Client<Session<Im>>;
pub(crate) type C2cClient = Client<Session<C2c>>;

impl ImClient {
    pub(crate) fn new(server: &impl Place, number: &str, domain: &str, password: &str) -> Self {
        let base = BaseUrl::parse(&server.urls().pbx).unwrap();
        let credentials = Credentials::Password {
            username: number.to_owned(),
            domain: domain.to_owned(),
            password: password.into(),
        };
        let config = ImConfig::new(&base, credentials).unwrap();
        let runtime = runtime(server);
        let now = runtime.now();
        let mut session = Session::im(config, runtime.seed(), now);
        session.connect(now);
        Self { connection: Connection::new(session, runtime, Options::default()) }
    }

    /// An extension of the built-in world, ready.
    pub(crate) async fn ready(server: &impl Place, number: &str) -> Self {
        let mut client = Self::new(server, number, DOMAIN, &format!("demo-{number}"));
        client.until(|event| matches!(event, Event::Ready { .. }).then_some(())).await;
        client
    }
}

impl C2cClient {
    /// An account of the built-in world, ready.
    pub(crate) async fn ready(server: &impl Place, who: &str) -> Self {
        let runtime = runtime(server);
        let (seed, now) = (runtime.seed(), runtime.now());
        let mut session = Session::c2c(C2cConfig::default(), api(server, who), seed, now);
        session.connect(now);
        let connection = Connection::new(session, runtime, Options::default());
        let mut client = Self { connection };
        client.until(|event| matches!(event, Event::Ready { .. }).then_some(())).await;
        client
    }
}

/// The calls of an account of the built-in world.
pub(crate) fn api(server: &impl Place, who: &str) -> Api {
    let key = Secret::new(format!("demo-{who}-key"));
    let secret = Secret::new(format!("demo-{who}-secret"));
    Api::new(&key, &secret).unwrap().base_url(&server.urls().c2c).unwrap()
}

impl<M: Machine> Client<M> {
    /// What `pick` finds in the next event that it likes.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(M::Event) -> Option<T>) -> T {
        soon("an event", async {
            loop {
                let event = self.connection.next().await.expect("the session goes on");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        })
        .await
    }
}

impl<E, A, M: Machine<Event = Event<E, A>>> Client<M> {
    /// Asks for something and waits for the answer.
    pub(crate) async fn ask(
        &mut self,
        verb: impl FnOnce(&mut M, Now) -> Result<RequestId, CallError>,
    ) -> Result<A, RequestError> {
        let (machine, now) = self.connection.machine();
        let wanted = verb(machine, now).unwrap();
        self.until(|event| match event {
            Event::Completed { id, result } if id == wanted => Some(result),
            _ => None,
        })
        .await
    }
}
