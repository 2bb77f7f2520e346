//! `chat demo`: every published exchange of both services, over real sockets, against a server in
//! the same process.

mod c2c;
mod client;
mod groups;
mod im;
mod journal;
mod one_dial;
mod report;
mod runtime;

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::im::UserId;
use chat_proto::machine::HttpRequest;
use chat_proto::rest::BaseUrl;
use chat_server::{TestServer, Urls, World};
use runtime_core::{Network, Proxies};

use journal::Journal;
use report::{Problem, Report};
use runtime::AnyRuntime;

pub(crate) use runtime::Kind;

/// How long one HTTP exchange may take.
const HTTP_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the exchanges take place.
pub(crate) struct Place {
    pub(crate) runtime: AnyRuntime,
    pub(crate) journal: Journal,
}

/// One HTTP exchange, written down.
struct Exchange<'a> {
    who: &'a str,
    place: &'a Place,
}

impl Exchange<'_> {
    async fn run(self, request: HttpRequest) -> Result<http::Response<Bytes>, Problem> {
        let Place { runtime, journal } = self.place;
        let request = request.into_request();
        journal.request(self.who, &request);
        let answer = runtime.exchange(request, HTTP_TIMEOUT).await?;
        journal.answer(self.who, &answer);
        Ok(answer)
    }
}

/// Runs everything; whether every exchange went as documented.
pub(crate) async fn run<W: Write>(
    kind: Kind,
    world: World,
    proxies: Proxies,
    out: W,
) -> Result<bool, Problem> {
    let journal = Journal::default();
    let mut report = Report::new(out, journal.clone());
    let people = im_cast(&world)?;
    let traders = c2c::cast(&world)?;
    let server = TestServer::start(world).await?;
    let urls = server.urls().clone();
    describe(kind, &urls, &proxies, &mut report)?;
    let network = Network::new(server.tls_policy()).with_proxies(proxies);
    let runtime = AnyRuntime::new(kind, network);
    let place = Place { runtime, journal };

    report.section("IM", "PortSIP PBX instant messaging")?;
    let world = im::Im3 { host: BaseUrl::parse(&urls.pbx)?, people };
    if let Err(problem) = im::run(&world, &place, &mut report).await {
        report.fail(&problem)?;
    }
    report.section("C2C", "Binance C2C order chat")?;
    if let Err(problem) = c2c::run(&traders, &urls, &server, &place, &mut report).await {
        report.fail(&problem)?;
    }
    server.stop().await?;
    Ok(report.finish()?)
}

fn describe<W: Write>(
    kind: Kind,
    urls: &Urls,
    proxies: &Proxies,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    report.say("A local server, in this process, with a certificate made a moment ago:")?;
    report.say(format_args!("  IM        {}", urls.im))?;
    report.say(format_args!("  PBX REST  {}", urls.pbx))?;
    report.say(format_args!("  C2C REST  {}", urls.c2c))?;
    report.say(format_args!("  C2C chat  {}", urls.chat))?;
    report.say(format_args!("Its clients run on {}.", kind.name()))?;
    if let Some(proxy) = proxies.secure() {
        report.say(format_args!("They go through {proxy}."))?;
    }
    report.say("→ is what a client sends, ← what comes back. Credentials are hidden.")?;
    report
        .say("The services' own servers were never asked: this is our server and our clients.")?;
    Ok(())
}

/// The first three users of one tenant.
fn im_cast(world: &World) -> Result<[im::Extension; 3], Problem> {
    let tenant = world
        .tenants
        .iter()
        .find(|tenant| tenant.extensions.iter().filter(|user| !user.suspended).count() >= 3)
        .ok_or("the demo needs a tenant with three extensions that are not suspended")?;
    let mut users = tenant.extensions.iter().filter(|user| !user.suspended);
    let mut next = |who| -> Result<im::Extension, Problem> {
        let user = users.next().ok_or("the demo needs three extensions")?;
        Ok(im::Extension {
            who,
            name: user.number.clone(),
            domain: tenant.domain.clone(),
            password: user.password.clone(),
            user: UserId::from_number(user.user_id),
        })
    };
    Ok([next("Alice")?, next("Bob")?, next("Carol")?])
}
