//! Messages that the transport never took: they did not happen.

use std::time::Duration;

use chat_proto::c2c::client::Answer;
use chat_proto::client::{Event, RequestId};
use chat_proto::error::RequestError;
use chat_proto::machine::{Input, LinkFailure, Machine};

use crate::c2c_desk::{Desk, ORDER};

type Ended = (RequestId, Result<Answer, RequestError>);

fn completions(desk: &mut Desk) -> Vec<Ended> {
    let ended = |event| match event {
        Event::Completed { id, result } => Some((id, result)),
        _ => None,
    };
    desk.events().into_iter().filter_map(ended).collect()
}

#[test]
fn giving_one_up_takes_it_back() {
    let mut desk = Desk::ready();
    let id = desk.session.send_text(ORDER, "pay me", desk.now).unwrap();
    desk.session.cancel(id, desk.now);
    assert_eq!(completions(&mut desk), [(id, Err(RequestError::Cancelled))]);
    assert!(desk.written().is_empty(), "it is not written any more");
    // What the transport took may be anywhere.
    let id = desk.session.send_text(ORDER, "pay me", desk.now).unwrap();
    desk.pass(Duration::from_secs(1));
    desk.run(Duration::from_secs(1));
    assert_eq!(desk.written().len(), 1);
    desk.session.cancel(id, desk.now);
    assert_eq!(completions(&mut desk), [(id, Err(RequestError::Unknown))]);
}

#[test]
fn closing_takes_them_back() {
    let mut desk = Desk::ready();
    let id = desk.session.send_text(ORDER, "pay me", desk.now).unwrap();
    desk.session.close(desk.now);
    assert_eq!(completions(&mut desk), [(id, Err(RequestError::Cancelled))]);
    assert!(desk.written().is_empty());
}

#[test]
fn a_link_that_takes_nothing_ends_them_as_not_sent() {
    let mut desk = Desk::ready();
    let id = desk.session.send_text(ORDER, "pay me", desk.now).unwrap();
    let end = desk.now.after(Duration::from_secs(60));
    // The socket is full: nobody polls what is to be written.
    let ended = loop {
        desk.now = desk.now.after(Duration::from_millis(500));
        desk.session.handle_input(Input::Timeout, desk.now);
        if let [ended] = &completions(&mut desk)[..] {
            break ended.clone();
        }
        assert!(desk.now.mono < end.mono);
    };
    assert_eq!(ended, (id, Err(RequestError::TimedOut)));
    assert!(desk.written().is_empty());
}

#[test]
fn a_link_that_is_lost_before_it_took_them_leaves_them_for_the_next_one() {
    let mut desk = Desk::ready();
    let ids = ["one", "two"].map(|text| {
        let id = desk.session.send_text(ORDER, text, desk.now).unwrap();
        desk.now = desk.now.after(Duration::from_millis(500));
        desk.session.handle_input(Input::Timeout, desk.now);
        id
    });
    desk.session
        .handle_input(Input::Lost { conn: desk.conn, failure: LinkFailure::Ended }, desk.now);
    while desk.session.poll_action().is_some() {}
    // The ticket is all that is asked: there is nothing to look up.
    desk.reconnect("TOKEN2");
    desk.run(Duration::from_secs(2));
    let written = desk.written();
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].contains("one") && written[1].contains("two"));
    assert_eq!(completions(&mut desk), [], "{ids:?} wait for their echoes");
}
