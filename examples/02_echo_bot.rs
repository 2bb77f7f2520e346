//! Answers every message with its own text, whoever writes. Ends when somebody says `/quit`.
//!
//! Whoever takes events and makes calls in one task has to think of a flood: while a call waits for its
//! answer nobody takes events, and when too many stand before the answer, the call ends in
//! `EventsFull`. The request is made all the same, and its end comes as an event: so this bot goes on.
//!
//! ```text
//! cargo run -p chat-examples --bin 02_echo_bot      # settings as for 01_connect_and_send
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a few events matter here")]

use std::error::Error;
use std::time::Duration;

use chat_proto::im::down::Data;
use runtime_tokio::im::{
    self, Answer, Config, Event, HistoryQuery, ImClient, ImEvent, Publish, SendError, Subscribe,
    TopicName, UserId,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let im = im::connect(Config::from_env()?).await?;
    let me = im.user().await?.ok_or("not logged in")?;
    let mut events = im.events();
    // News of every topic come on `me`, also of those that this session does not follow yet.
    im.subscribe(&TopicName::me(), Subscribe::default()).await?;
    println!("{} listens", me.as_str());

    while let Some(event) = events.next().await {
        let heard = match event {
            Event::Service(ImEvent::Message(message)) => vec![message.to_data()],
            // Somebody wrote in a topic that we do not follow: from now on we do. What was said before
            // we came is asked for; everything after it is told.
            Event::Service(ImEvent::Activity(news)) => {
                if_told(im.subscribe(&news.topic, Subscribe::default()).await)?;
                let query = HistoryQuery::default().only(news.seq);
                let history = if_told(im.history(&news.topic, query).await)?;
                history.map(|history| history.messages).unwrap_or_default()
            }
            // An answer that came behind too many events to be waited for.
            Event::Completed { result: Ok(Answer::History(history)), .. } => history.messages,
            // No attempt will be made without us: the certificate, the proxy, the password.
            Event::Lost { reason, retry_in: None } => return Err(reason.into()),
            Event::CredentialsNeeded { why } => return Err(why.into()),
            _ => continue,
        };
        for message in heard {
            if is_goodbye(&im, &me, &message).await? {
                println!("closed: {:?}", im.close(Duration::from_secs(5)).await);
                return Ok(());
            }
        }
    }
    Err("the session has ended".into())
}

/// Answers a message, or says that it is time to go.
async fn is_goodbye(
    im: &ImClient,
    me: &UserId,
    message: &Data<'_>,
) -> Result<bool, Box<dyn Error>> {
    // A text is a JSON string; anything else is some program's affair.
    let text = message.content.as_ref().and_then(|content| content.as_text());
    let Some(text) = text.filter(|_| message.from != *me.as_str()) else { return Ok(false) };
    let topic = TopicName::new(&*message.topic.decode());
    if_told(im.note_read(&topic, message.seq).await)?;
    if text == "/quit" {
        return Ok(true);
    }
    if_told(im.publish(&topic, Publish::text(&text)).await)?;
    println!("{}: {text}", topic.as_str());
    Ok(false)
}

/// The answer; none where it stands behind more events than may wait. A request for which there is no
/// room is left out: in a flood a bot cannot answer everybody.
fn if_told<T>(result: Result<T, SendError>) -> Result<Option<T>, SendError> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(SendError::EventsFull { .. } | SendError::QueueFull { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
