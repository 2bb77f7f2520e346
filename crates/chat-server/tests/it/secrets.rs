//! Nothing secret is ever logged.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chat_proto::c2c::rest::{Ticket, UploadSlot};
use chat_server::{Config, TestServer, world};
use http::{Request, header};
use runtime_tokio::Runtime;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{
    BOB, DOMAIN, Raw, api, exchange, get, http, json_of, oauth, runtime, upgrade,
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// One thread, so that the subscriber sees every task.
#[tokio::test(flavor = "current_thread")]
async fn c2c_rule_124_the_most_verbose_log_holds_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = world::builtin();
    let mut secrets: Vec<String> = world
        .tenants
        .iter()
        .flat_map(|tenant| tenant.extensions.iter().map(|it| it.password.expose().to_owned()))
        .chain(world.c2c.accounts.iter().map(|it| it.secret.expose().to_owned()))
        .collect();
    let mut config = Config::new(world);
    config.admin = true;
    let server = TestServer::start_with(config).await.unwrap();
    let token = server.urls().admin.as_ref().unwrap().token.expose().to_owned();
    for (token, status) in [(token.as_str(), 200), ("secretbadtoken", 401)] {
        let request = Request::post("/admin/faults")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Bytes::from_static(br#"{"refuse_text":"secretwords"}"#));
        assert_eq!(http(&server, request.unwrap()).await.status(), status);
    }
    assert!(server.urls().ready_line().contains(&token));
    assert!(!format!("{server:?} {:?}", server.urls()).contains(&token));
    secrets.extend([token, "secretbadtoken".into(), "secretwords".into()]);

    let tokens = json_of(&oauth(&server, "101", DOMAIN, "demo-101").await);
    for name in ["access_token", "refresh_token"] {
        secrets.push(tokens[name].as_str().unwrap().to_owned());
    }
    assert_eq!(oauth(&server, "101", DOMAIN, "a-wrong-password").await.status(), 400);
    secrets.push("a-wrong-password".into());

    let mut raw = Raw::extension(&server, "101").await;
    secrets.push(raw.file_token());
    raw.subscribe(BOB).await;
    let said = "a message for Bob's eyes only";
    raw.send(&json!({"pub": {"id": "p", "topic": BOB, "content": said}}).to_string()).await;
    assert_eq!(raw.answer("p").await["code"], 202);
    secrets.push(said.into());
    raw.send("garbage-with-a-secret").await;
    assert_eq!(raw.frame().await["data"]["content"], Value::from(said));
    secrets.push("garbage-with-a-secret".into());

    let now = runtime(&server).now().unix;
    let request = api(&server, "buyer").credential(now).into_request();
    secrets.push(request.uri().query().unwrap().to_owned());
    let ticket = exchange(&runtime(&server), request).await.unwrap();
    let ticket = Ticket::read(&ticket).unwrap().upgrade().unwrap().into_request();
    let key = ticket.uri().path().rsplit('/').next().unwrap();
    secrets.extend([key.to_owned(), ticket.uri().query().unwrap().to_owned()]);
    let socket = upgrade(&server, &ticket.uri().to_string()).await.unwrap();
    let mut buyer = Raw { socket, login: Value::Null };
    buyer.send("another-secret").await;
    secrets.push("another-secret".into());
    let request = api(&server, "buyer").pre_signed_url("secretname.png", now).into_request();
    let slot = exchange(&runtime(&server), request).await.unwrap();
    let slot = UploadSlot::read(&slot).unwrap();
    let put = slot.put(Bytes::from_static(b"secretbytes"), "image/png").unwrap();
    assert_eq!(exchange(&runtime(&server), put.into_request()).await.unwrap().status(), 200);
    let signature = slot.upload_url.expose().split("Signature=").nth(1).unwrap();
    secrets.extend([signature.to_owned(), "secretname".into(), "secretbytes".into()]);

    http(&server, get("/im/file/secretfileid?auth=token&secret=secretquery")).await;
    http(&server, get("/secretpath")).await;
    let _ = upgrade(&server, &format!("{}/secretlistenkey?token=secretticket", server.urls().chat))
        .await;
    let revoke = Request::post("/api/login/oauth/revoke")
        .header(header::AUTHORIZATION, "Bearer secretbearer")
        .body(Bytes::new());
    http(&server, revoke.unwrap()).await;
    for secret in ["fileid", "query", "path", "listenkey", "ticket", "bearer"] {
        secrets.push(format!("secret{secret}"));
    }
    server.stop().await.unwrap();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered") && log.contains("connection accepted"), "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "'{secret}' is in the log:\n{log}");
    }
}
