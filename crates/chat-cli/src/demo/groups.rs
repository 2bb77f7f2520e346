//! The exchanges of groups: create, join, chat, leave, remove, update, hand over, delete.

use std::io::Write;

use chat_proto::client::Event;
use chat_proto::im::client::{Answer, ImEvent, Publish, Query, Section, SetRequest};
use chat_proto::im::{Im, TopicKind, TopicName};
use chat_proto::json::Raw;

use super::client::Client;
use super::im::{Im3, message, publish, subscribe};
use super::report::{Problem, Report};

pub(crate) async fn run<W: Write>(
    world: &Im3,
    [a, b, c]: [&mut Client<Im>; 3],
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let [alice, bob, carol] = &world.people;

    report.begin("create a group")?;
    let group = subscribe(a, &TopicName::new_group()).await?;
    if group.kind() != TopicKind::Group {
        return Err(format!("{group} is no name of a group").into());
    }
    report.pass(format_args!("{} owns {group}", alice.who))?;

    report.begin("join the group")?;
    subscribe(b, &group).await?;
    subscribe(c, &group).await?;
    report.pass(format_args!("{} and {} are members", bob.who, carol.who))?;

    report.begin("publish to two members")?;
    let receipt = publish(a, &group, Publish::text("test test test")).await?;
    for client in [&mut *a, &mut *b, &mut *c] {
        message(client, &group, receipt.seq).await?;
    }
    report.pass(format_args!("seq {} to both members, and the echo", receipt.seq))?;

    report.begin("leave without unsubscribing")?;
    done(c.ask("leave", |im, now| im.leave(&group, now)).await?)?;
    let receipt = publish(a, &group, Publish::text("while Carol is away")).await?;
    message(b, &group, receipt.seq).await?;
    subscribe(c, &group).await?;
    report.pass(format_args!("{} left, and came back as a member", carol.who))?;

    report.begin("unsubscribe and leave")?;
    done(c.ask("unsubscribe", |im, now| im.unsubscribe(&group, now)).await?)?;
    let refused =
        c.try_ask("publish", |im, now| im.publish(&group, Publish::text("not a member"), now));
    let Err(refused) = refused.await? else { return Err("a stranger published".into()) };
    subscribe(c, &group).await?;
    report.pass(format_args!("{} is out ({refused}), and joins again", carol.who))?;

    report.begin("remove a member")?;
    done(a.ask("remove", |im, now| im.remove_member(&group, &carol.user, now)).await?)?;
    gone(c, &group).await?;
    let query = Query::of(&[Section::Sub]);
    let Answer::Meta(meta) = a.ask("get sub", |im, now| im.get(&group, &query, now)).await? else {
        return Err("no list of members".into());
    };
    let members = meta.sub.unwrap_or_default();
    if members.len() != 2 || members.iter().any(|row| row.user == *carol.user.as_str()) {
        return Err(format!("the members are {members:?}").into());
    }
    report.pass(format_args!("{} was told, 2 members are left", carol.who))?;

    report.begin("update the group's information")?;
    let public = Raw::from_value(&Card { r#fn: "My group" })?;
    let set = SetRequest::default().public(public.clone());
    done(a.ask("set", |im, now| im.set(&group, set, now)).await?)?;
    let query = Query::of(&[Section::Desc]);
    let Answer::Meta(meta) = b.ask("get desc", |im, now| im.get(&group, &query, now)).await? else {
        return Err("no description".into());
    };
    if meta.desc.and_then(|desc| desc.public) != Some(public) {
        return Err("the description is not what was set".into());
    }
    report.pass("the other member reads the new name")?;

    hand_over(world, a, &group, report).await?;

    report.begin("delete the group")?;
    done(b.ask("delete", |im, now| im.delete_topic(&group, now)).await?)?;
    gone(a, &group).await?;
    let Err(refused) =
        a.try_ask("subscribe", |im, now| im.subscribe(&group, Default::default(), now)).await?
    else {
        return Err("a deleted group can be joined".into());
    };
    report.pass(format_args!("{} was told; joining answers: {refused}", alice.who))?;
    Ok(())
}

/// The former owner is told of its loss before the answer; that the new one owns the group shows when
/// it deletes it.
async fn hand_over<W: Write>(
    world: &Im3,
    a: &mut Client<Im>,
    group: &TopicName,
    report: &mut Report<W>,
) -> Result<(), Problem> {
    let [alice, bob, _] = &world.people;
    report.begin("transfer the ownership: pres -ADO, then ctrl 200")?;
    a.forget();
    let asked = a.tell(|im, now| im.transfer_ownership(group, &bob.user, now))?;
    let left = a
        .expect("pres acs, before the answer", |event| match event {
            Event::Service(ImEvent::Access(change)) => {
                let access = change.access.map(|access| access.mode().to_string());
                let dacs = change.frame.dacs.as_ref();
                dacs.map(|dacs| Ok((dacs.want.to_string(), dacs.given.to_string(), access)))
            }
            Event::Completed { id, .. } if *id == asked => Some(Err("the answer came first")),
            _ => None,
        })
        .await??;
    let answer = a
        .expect("the answer", |event| match event {
            Event::Completed { id, result } if *id == asked => Some(result.clone()),
            _ => None,
        })
        .await??;
    done(answer)?;
    let (want, given, rest) = left;
    if want != "-ADO" || given != "-ADO" {
        return Err(format!("the former owner's change is {want}, {given}").into());
    }
    let set = SetRequest::default().public(Raw::from_value(&Card { r#fn: "Not mine" })?);
    let Err(refused) = a.try_ask("set", |im, now| im.set(group, set, now)).await? else {
        return Err("the former owner still changes the group".into());
    };
    let rest = rest.unwrap_or_default();
    report.pass(format_args!("{} keeps {rest}; its next change: {refused}", alice.who))?;
    Ok(())
}

async fn gone(client: &mut Client<Im>, group: &TopicName) -> Result<(), Problem> {
    let what = format!("that {group} is gone");
    client
        .expect(&what, |event| match event {
            Event::Service(ImEvent::TopicGone { topic, .. }) if topic == group => Some(()),
            _ => None,
        })
        .await
}

fn done(answer: Answer) -> Result<(), Problem> {
    match answer {
        Answer::Done(ctrl) if ctrl.code < 300 => Ok(()),
        Answer::Changed(changed) if changed.done.len() == 1 => Ok(()),
        other => Err(format!("expected a ctrl 200, got {other:?}").into()),
    }
}

#[derive(serde::Serialize)]
struct Card {
    r#fn: &'static str,
}
