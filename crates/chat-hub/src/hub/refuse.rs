//! What becomes of those who wait for a commit that fails.

use http::StatusCode;

use super::{Hub, HubAction, Service};
use crate::effects::Output;
use crate::http_answer::errors;
use crate::journal::{Batch, Requester};

impl Hub {
    /// Tells whoever caused a batch that it did not happen.
    pub(super) fn refuse(&mut self, batch: Batch) {
        let failed = || errors(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "internal error");
        match batch.requester {
            Requester::Nobody => {}
            Requester::Frame(conn, text) => {
                let Some(link) = self.links.get(&conn) else { return };
                let service = link.service;
                // What was held is gone, with an error in its place or not.
                self.wakes.insert(conn);
                let (answer, _) = self.run(|services, cx| match service {
                    Service::Im => services.im.store_failed(cx, conn, &text),
                    Service::C2c => services.c2c.store_failed(&text),
                });
                if let (Some(answer), Some(link)) = (answer, self.links.get_mut(&conn)) {
                    let _ =
                        link.session.deliver(chat_proto::server::Lane::Answer, answer, self.now);
                    self.touch(conn);
                }
            }
            Requester::Http(id) => {
                self.actions.push_back(HubAction::Respond { id, response: failed() });
            }
            Requester::Upload(id, key) => {
                self.actions.push_back(HubAction::Respond { id, response: failed() });
                self.actions.push_back(HubAction::Remove { key });
            }
        }
    }

    /// Order chat forgets a connection that it ends, and no failed commit takes that back: left open it
    /// would never be told anything.
    pub(super) fn end_forgotten(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::Close { conn, .. } | Output::Cut { conn } = output
                && self.links.get(&conn).is_some_and(|link| matches!(link.service, Service::C2c))
            {
                self.output(output);
            }
        }
    }
}
