//! A group from its first day to its last: created, named, filled, ruled, handed over, deleted.
//!
//! ```text
//! cargo run -p chat-examples --bin 03_group_administration -- usr804252613548703744 usr901636310534455296
//! ```
//!
//! Settings as for 01_connect_and_send.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::error::Error;
use std::time::Duration;

use runtime_tokio::im::{
    self, AccessMode, Config, ImClient, Publish, Raw, SetRequest, Subscribe, TopicName, UserId,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, bob, carol] = &args[..] else {
        return Err("usage: 03_group_administration USER USER".into());
    };
    let (bob, carol) = (UserId::new(bob.as_str()), UserId::new(carol.as_str()));
    let im = im::connect(Config::from_env()?).await?;

    // Who joins may read and write, and no more.
    let members_may = AccessMode::JOIN | AccessMode::READ | AccessMode::WRITE | AccessMode::PRES;
    let how = Subscribe::default()
        .public(Raw::new(r#"{"fn":"Lunch"}"#)?.detach())
        .default_access(members_may, AccessMode::NONE);
    let group = im.create_group(how).await?.topic;
    println!("created");

    im.invite(&group, &bob, None).await?;
    // This one only listens.
    im.invite(&group, &carol, Some(AccessMode::JOIN | AccessMode::READ)).await?;
    println!("members: {}", members(&im, &group).await?.join(", "));

    let renamed = SetRequest::default().public(Raw::new(r#"{"fn":"Lunch at noon"}"#)?.detach());
    im.set(&group, renamed).await?;
    let desc = im.describe(&group).await?.desc.ok_or("no description")?;
    println!("named {:?}", desc.public.as_ref().map(|public| public.as_str()));

    im.publish(&group, Publish::text("Who comes?")).await?;
    im.ban(&group, &carol).await?;
    im.remove_member(&group, &carol).await?;
    println!("left: {}", members(&im, &group).await?.join(", "));

    // From here on it is Bob's, and the next change is refused.
    let handed = im.transfer_ownership(&group, &bob).await?;
    let owns = handed.access.is_some_and(|access| access.mode().has(AccessMode::OWNER));
    println!("{} owns it: {owns}", bob.as_str());
    match im.set(&group, SetRequest::default().tags(["mine".to_owned()])).await {
        Ok(_) => return Err("the former owner still rules".into()),
        Err(why) => println!("no longer ours: {why}"),
    }
    im.unsubscribe(&group).await?;
    println!("closed: {:?}", im.close(Duration::from_secs(5)).await);
    Ok(())
}

/// Each member with what it may do.
async fn members(im: &ImClient, group: &TopicName) -> Result<Vec<String>, Box<dyn Error>> {
    let rows = im.subscriptions(group).await?.sub.unwrap_or_default();
    let mut members: Vec<_> = rows
        .iter()
        .map(|row| {
            let mode = row.acs.as_ref().map(|acs| acs.mode.decode().into_owned());
            format!("{} {}", row.user, mode.unwrap_or_default())
        })
        .collect();
    members.sort();
    Ok(members)
}
