//! Steering the server while it runs: fault switches, and the other side of orders.

use bytes::Bytes;
use chat_hub::world::Faults;
use chat_hub::{Hub, Script};
use chat_proto::Now;
use chat_sign::Secret;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer;
use crate::config::random;
use crate::error::ServeError;
use crate::hub_task::{HubGone, HubHandle};

/// Where it is; part of the address that is told at start.
pub(crate) const PATH: &str = "/admin";
const FAULTS: &str = "/admin/faults";
const SCRIPT: &str = "/admin/script";
/// Steps of one script. (choice)
const MAX_STEPS: usize = 1000;

/// Who may steer the server.
#[derive(Debug)]
pub(crate) struct AdminAccess {
    token: Secret,
    /// The switches as the world has them.
    world: Faults,
}

/// Whether a request is meant for what is here.
pub(crate) fn is_asked(head: &Request<()>) -> bool {
    matches!(head.uri().path(), FAULTS | SCRIPT)
}

impl AdminAccess {
    /// With a new token, good until the server ends.
    pub(crate) fn new(world: Faults) -> Result<Self, ServeError> {
        let token: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { token: token.into(), world })
    }

    pub(crate) const fn token(&self) -> &Secret {
        &self.token
    }

    /// What to answer to somebody who may not; before the body is read.
    pub(crate) fn refusal(&self, head: &Request<()>, is_local: bool) -> Option<Response<Bytes>> {
        if !is_local {
            return Some(refused(StatusCode::FORBIDDEN, "from this machine only"));
        }
        let said = head.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = said.and_then(|said| said.strip_prefix("Bearer "));
        // Compared in a time that does not tell how much of it is right.
        if token.is_some_and(|token| Secret::from(token) == self.token) {
            return None;
        }
        let mut refusal = refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
        let scheme = HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        Some(refusal)
    }

    /// Does what an allowed request asks.
    pub(crate) async fn answer(
        &self,
        hub: &HubHandle,
        head: &Request<()>,
        body: Bytes,
    ) -> Result<Response<Bytes>, HubGone> {
        match (head.uri().path(), head.method()) {
            (FAULTS, &Method::GET) => {
                let faults = hub.call(|hub, _| hub.faults().clone()).await?;
                Ok(found(&faults))
            }
            (FAULTS, &Method::POST) => {
                let changes = match serde_json::from_slice::<Map<String, Value>>(&body) {
                    Ok(changes) => changes,
                    Err(error) => return Ok(mistake(&error.to_string())),
                };
                let result = hub.call(move |hub, now| change(hub, changes, now)).await?;
                Ok(result.map_or_else(|why| mistake(&why), |faults| found(&faults)))
            }
            (FAULTS, &Method::DELETE) => {
                let world = self.world.clone();
                let faults = hub.call(move |hub, now| {
                    // They were good enough to start with.
                    let _ = hub.set_faults(world, now);
                    hub.faults().clone()
                });
                Ok(found(&faults.await?))
            }
            (SCRIPT, &Method::POST) => match serde_json::from_slice::<Play>(&body) {
                Ok(play) if play.steps.len() > MAX_STEPS => Ok(mistake("too many steps")),
                Ok(play) => hub.call(move |hub, now| play.run(hub, now)).await,
                Err(error) => Ok(mistake(&error.to_string())),
            },
            _ => {
                let allow = if head.uri().path() == FAULTS { "GET, POST, DELETE" } else { "POST" };
                let mut refusal = refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
                refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
                Ok(refusal)
            }
        }
    }
}

/// Sets the named switches and leaves the others.
fn change(hub: &mut Hub, changes: Map<String, Value>, now: Now) -> Result<Faults, String> {
    let mut switches = serde_json::to_value(hub.faults()).map_err(|error| error.to_string())?;
    if let Some(switches) = switches.as_object_mut() {
        switches.extend(changes);
    }
    let faults: Faults = serde_json::from_value(switches).map_err(|error| error.to_string())?;
    hub.set_faults(faults, now).map_err(|error| error.to_string())?;
    Ok(hub.faults().clone())
}

/// What is to happen on an order, one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Play {
    order: String,
    steps: Vec<Script>,
}

impl Play {
    /// The ids of the messages, `null` for a step without one. The first step that fails ends it;
    /// those before have happened.
    fn run(self, hub: &mut Hub, now: Now) -> Response<Bytes> {
        let mut ids = Vec::new();
        for (step, script) in self.steps.into_iter().enumerate() {
            match hub.c2c_script(&self.order, script, now) {
                // A string, as clients get it: it is beyond the whole numbers of JavaScript.
                Ok(id) => ids.push(id.map(|id| id.to_string())),
                Err(error) => {
                    let why = format!("step {}: {error}", step + 1);
                    let body = json!({ "error": why, "ids": ids });
                    return answer::json(StatusCode::BAD_REQUEST, body.to_string());
                }
            }
        }
        found(&json!({ "ids": ids }))
    }
}

fn found(body: &impl Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(body).expect("keys are strings and values plain");
    answer::json(StatusCode::OK, body)
}

fn mistake(why: &str) -> Response<Bytes> {
    refused(StatusCode::BAD_REQUEST, why)
}

fn refused(status: StatusCode, why: &str) -> Response<Bytes> {
    answer::json(status, json!({ "error": why }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2c_rule_121_only_this_machine_is_let_in() {
        let access = AdminAccess::new(Faults::default()).unwrap();
        let bearer = format!("Bearer {}", access.token().expose());
        let request = |bearer: &str| {
            Request::get(FAULTS).header(header::AUTHORIZATION, bearer).body(()).unwrap()
        };
        assert!(access.refusal(&request(&bearer), true).is_none());
        let refusal = access.refusal(&request(&bearer), false).unwrap();
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        assert_eq!(access.refusal(&request("Bearer no"), true).unwrap().status(), 401);
        assert!(!format!("{access:?}").contains(access.token().expose()));
    }
}
