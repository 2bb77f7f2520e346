//! Frames from bytes: every member of every frame.

use chat_proto::c2c::answer::Envelope;
use chat_proto::c2c::{self, HistoryItem, Push, SystemContent};
use chat_proto::im::down::{
    Acs, AcsChange, Ctrl, Data, DelInfo, Desc, Info, Meta, Pres, Seen, Subscription,
};
use chat_proto::im::up::{
    Acc, Cred, Defacs, Del, Get, GetOpts, GetQuery, Hi, Leave, Login, Note, Pub, SeqRange, Set,
    SetDesc, SetQuery, SetSub, Sub, UpExtra, Verb,
};
use chat_proto::im::{Down, Up};
use chat_proto::json::{Raw, Str};

use crate::make::{Make, Source};

/// Lists the members of each frame; a forgotten one does not compile.
macro_rules! make_frames {
    ($( $type:ty { $($field:ident)* } )*) => { $(
        impl Make for $type {
            fn make(source: &mut Source<'_>) -> Self {
                Self { $( $field: Make::make(source), )* extra: Make::make(source) }
            }
        }
    )* };
}

make_frames! {
    Hi<'static> { id ver ua dev lang platf bkg }
    Login<'static> { id scheme secret cred }
    Cred<'static> { meth val resp params done }
    Acc<'static> {
        id user tmpscheme tmpsecret status authlevel scheme secret login tags desc cred
    }
    Sub<'static> { id topic set get what }
    SetQuery<'static> { desc sub tags cred aux }
    GetQuery<'static> { what desc sub data del }
    Leave<'static> { id topic unsub }
    Pub<'static> { id topic noecho head content }
    Get<'static> { desc sub data del id topic what }
    GetOpts<'static> { ims user topic before limit since ranges }
    SeqRange { low hi }
    Set<'static> { id topic desc sub tags cred aux }
    SetDesc<'static> { defacs public trusted private }
    Defacs<'static> { auth anon }
    SetSub<'static> { mode user }
    Del<'static> { id topic user what delseq cred hard }
    Note<'static> { topic what seq unread event payload }
    UpExtra<'static> { attachments obo authlevel }

    Ctrl<'static> { id topic params code text ts }
    Data<'static> { topic from ts deleted seq head content reqid }
    Meta<'static> { id topic ts desc sub del tags cred aux }
    Desc<'static> {
        created updated touched state online chan seen defacs acs seq read recv clear subcnt public
        trusted private
    }
    Subscription<'static> {
        updated deleted online acs read recv public trusted private user topic touched seq clear
        subcnt seen
    }
    Acs<'static> { want given mode }
    Seen<'static> { when ua }
    DelInfo { clear delseq }
    Pres<'static> { topic src what ua seq clear delseq tgt act dacs }
    AcsChange<'static> { want given }
    Info<'static> { topic src from what seq event payload }

    c2c::Up<'static> {
        type_name uuid order_no content image_url thumbnail_url image_type width height self_
        client_type create_time send_status
    }
    Push<'static> {
        type_name sub_type id uuid order_no topic_id topic_type group_id source_type self_ status
        from_nickname create_time content image_url thumbnail_url image_type width height
        unread_count has_ongoing_order mark_ids
    }
    HistoryItem<'static> {
        id uuid type_name order_no topic_id content self_ status from_nickname image_url
        thumbnail_url image_type width height create_time sub_type group_id
    }
    SystemContent<'static> {
        type_name nick_name real_name order_no symbol ref_message alert_title alert_content
        alert_level approval_result extend_pay_time_limit
    }
    Envelope<'static> { code message message_detail msg data total success }
}

/// A kind that no frame knows, with a body that is not `null`.
fn other(source: &mut Source<'_>) -> (Str<'static>, Raw<'static>) {
    (Str::from(format!("X{}", source.lossy())), Make::make(source))
}

impl Make for Up<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        let verb = match source.byte() % 11 {
            0 => Verb::Pub(Make::make(source)),
            1 => Verb::Sub(Make::make(source)),
            2 => Verb::Leave(Make::make(source)),
            3 => Verb::Hi(Make::make(source)),
            4 => Verb::Login(Make::make(source)),
            5 => Verb::Get(Make::make(source)),
            6 => Verb::Set(Make::make(source)),
            7 => Verb::Del(Make::make(source)),
            8 => Verb::Acc(Make::make(source)),
            9 => Verb::Note(Make::make(source)),
            _ => {
                let (name, body) = other(source);
                Verb::Other(name, body)
            }
        };
        Self { verb, extra: Make::make(source) }
    }
}

impl Make for Down<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        match source.byte() % 6 {
            0 => Self::Data(Make::make(source)),
            1 => Self::Ctrl(Make::make(source)),
            2 => Self::Meta(Make::make(source)),
            3 => Self::Pres(Make::make(source)),
            4 => Self::Info(Make::make(source)),
            _ => {
                let (name, body) = other(source);
                Self::Other(name, body)
            }
        }
    }
}

/// Without a type it is no frame.
fn named(type_name: &mut Str<'static>) {
    if type_name.is_empty() {
        *type_name = Str::borrowed("text");
    }
}

/// A frame to the server of order chat.
pub(crate) fn c2c_up(source: &mut Source<'_>) -> c2c::Up<'static> {
    let mut frame = c2c::Up::make(source);
    named(&mut frame.type_name);
    frame
}

/// A frame from the server of order chat.
pub(crate) fn c2c_down(source: &mut Source<'_>) -> c2c::Down<'static> {
    match source.byte() % 4 {
        0 | 1 => {
            let mut push = Push::make(source);
            named(&mut push.type_name);
            push.into()
        }
        2 => c2c::Down::Batch(Make::make(source)),
        _ => c2c::Down::Other(Raw::from_text(&source.lossy())),
    }
}
