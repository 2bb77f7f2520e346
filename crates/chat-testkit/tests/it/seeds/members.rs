//! Who is in a topic, when sessions attach it again by themselves.

use super::*;

/// Two programs of the first user, one of the second.
fn two_devices() -> Setup {
    let im = |user| ImSetup { user, dedup: false, tokens: false };
    Setup { im: vec![im(0), im(1), im(0)], ..setup(false) }
}

/// 27572: a client that may have left a group subscribed again. What was said in between it need not
/// tell: it begins anew.
#[test]
fn who_may_have_left_begins_anew() {
    let ops = vec![
        verb(0, 0, V::Connect, 0),
        verb(0, 1, V::Connect, 0),
        verb(300, 1, V::CreateGroup, 0),
        verb(600, 0, V::Subscribe, 0),
        verb(900, 1, V::Publish, 0),
        verb(1_200, 0, V::Unsubscribe, 0),
        // It never arrives.
        fault(1_205, 0, Fault::Cut),
        verb(1_206, 0, V::Subscribe, 0),
        verb(1_210, 1, V::Publish, 0),
        verb(6_000, 1, V::Publish, 0),
    ];
    let ends = play(setup(false), ops);
    assert!(ends.contains(&(3, End::Unknown)), "{ends:?}");
}

/// 10789, 13937: one device gives up joining while the other attaches the topic again: the two cross,
/// and the second takes it back. Nobody can know; both are told.
#[test]
fn giving_up_joining_may_cross_an_attachment() {
    for at in (1_050..2_600).step_by(50) {
        let ops = vec![
            verb(0, 0, V::Connect, 0),
            verb(0, 1, V::Connect, 0),
            verb(0, 2, V::Connect, 0),
            verb(600, 0, V::Subscribe, 1),
            verb(600, 2, V::Subscribe, 1),
            fault(1_000, 0, Fault::Cut),
            verb(at, 2, V::Ban, 1),
        ];
        play(two_devices(), ops);
    }
}

/// 20223231, 20270003, 20314069, 20322244, 20429587, 20484936: a program that could not connect wanted to
/// subscribe, and gave up; meanwhile another one of the user attached the topic again, which brought the
/// other side back, or themself. That was none of its doing.
#[test]
fn what_was_never_written_did_nothing() {
    for (client, cut) in [(1, 2), (2, 1)] {
        let ops = vec![
            verb(0, 1, V::Connect, 0),
            verb(0, 2, V::Connect, 0),
            verb(600, 1, V::Subscribe, 1),
            verb(600, 2, V::Subscribe, 1),
            verb(700, 0, V::Connect, 0),
            // Nothing comes of the connection that it opens.
            fault(780, 0, Fault::DeadPeer),
            verb(800, 0, V::Subscribe, 1),
            verb(1_000, client, V::Unsubscribe, 1),
            fault(2_000, cut, Fault::Cut),
        ];
        let ends = play(two_devices(), ops);
        assert!(ends.contains(&(2, End::TimedOut)), "{client}: {ends:?}");
    }
}

/// 17757, 21682, 28500: who attaches a topic of two brings the other side back, also when the link was
/// lost before it was known how far the topic goes.
#[test]
fn an_attachment_brings_the_other_side_of_a_pair_back() {
    for cut in [620, 641, 660, 681, 1_000] {
        let ops = vec![
            verb(0, 0, V::Connect, 0),
            verb(0, 1, V::Connect, 0),
            verb(600, 0, V::Subscribe, 1),
            verb(610, 1, V::Subscribe, 1),
            fault(cut, 0, Fault::Cut),
            verb(cut + 50, 1, V::Unsubscribe, 1),
        ];
        play(setup(false), ops);
    }
}

/// 5000389: the link was lost before the list of topics was ever read, and another device left one
/// meanwhile. The whole list leaves out what ended, and the topic was joined again.
#[test]
fn what_ended_before_the_list_was_ever_read_is_not_joined_again() {
    for cut in (200..700).step_by(10) {
        let ops = vec![
            verb(0, 0, V::Connect, 0),
            verb(0, 1, V::Connect, 0),
            verb(100, 0, V::Subscribe, 1),
            verb(150, 2, V::Connect, 0),
            fault(cut, 0, Fault::Cut),
            verb(cut + 10, 2, V::DeleteTopic, 1),
        ];
        play(two_devices(), ops);
    }
}

/// 21683: a `sub` that was written on a link that is dead for us came after all, when the user had given
/// up joining: what is on its way stays on its way.
#[test]
fn a_subscription_may_come_late() {
    for late in (1_000..5_000).step_by(250) {
        let ops = vec![
            verb(0, 0, V::Connect, 0),
            verb(600, 0, V::Subscribe, 1),
            fault(605, 0, Fault::Late(late)),
            verb(2_000, 0, V::Ban, 1),
        ];
        play(setup(false), ops);
    }
}

/// 6001458, 7059547: a user barred themself by name, and the session attached the topic again.
#[test]
fn who_bars_themself_by_name_has_left() {
    for (subscribed, connected) in [(600, 0), (100, 50)] {
        let ops = vec![
            verb(connected, 0, V::Connect, 0),
            verb(0, 1, V::Connect, 0),
            verb(subscribed, 0, V::Subscribe, 1),
            verb(subscribed + 300, 0, V::Ban, 1),
            fault(subscribed + 305, 0, Fault::Cut),
            verb(3_000, 1, V::Publish, 1),
        ];
        play(setup(false), ops);
    }
}

/// 20124569, 20218820, 20288995, 20408752, 20464854, 20506424: both users left a topic of two, which is
/// gone then with everything in it. A device of theirs that was away was not told, attached it again,
/// and so began it anew, for both.
#[test]
fn a_topic_of_two_that_both_left_is_not_begun_anew() {
    for (subscribed, cut) in [(600, 3_000), (600, 3_080), (600, 3_110), (100, 150), (100, 200)] {
        let ops = vec![
            verb(0, 0, V::Connect, 0),
            verb(0, 1, V::Connect, 0),
            verb(0, 2, V::Connect, 0),
            verb(subscribed, 0, V::Subscribe, 1),
            verb(cut - 20, 1, V::DeleteTopic, 1),
            fault(cut, 0, Fault::Cut),
            verb(cut + 30, 2, V::DeleteTopic, 1),
        ];
        play(two_devices(), ops);
    }
}

/// 20000597, 20281106, 20361653, 20494975: while a commit was slow the owner of a group passed it on and
/// left, and both came into the next commit. The model took them for the owner until its end.
#[test]
fn who_passes_a_group_on_may_leave_it_in_the_same_commit() {
    let commit = Weather { least: 500, jitter: 0 };
    let hand_over = Verb { who: 1, ..Verb::new(V::Transfer) };
    let ops = vec![
        verb(0, 0, V::Connect, 0),
        verb(0, 1, V::Connect, 0),
        verb(1_200, 0, V::CreateGroup, 0),
        verb(2_400, 1, V::Subscribe, 0),
        // Its commit is under way.
        verb(4_000, 1, V::Publish, 0),
        Op { at: 4_100, act: Act::Do { client: 0, verb: hand_over } },
        verb(4_200, 0, V::Unsubscribe, 0),
    ];
    let ends = play(Setup { commit, ..setup(false) }, ops);
    assert!(matches!(ends[..], [.., (3, End::Done), (4, End::Done)]), "{ends:?}");
}

/// 41238080: the server came back with a clock that was behind, and one device left a topic while
/// another one was still away. That was dated before the last list, and so was no change since then.
#[test]
fn a_clock_that_is_set_back_hides_no_end() {
    const AHEAD: i32 = 1_800_000;
    for leave in (3_100..6_000).step_by(250) {
        let ops = vec![
            fault(0, 0, Fault::HubClock(AHEAD)),
            verb(0, 0, V::Connect, 0),
            verb(0, 1, V::Connect, 0),
            verb(600, 0, V::Subscribe, 1),
            verb(1_000, 2, V::Connect, 0),
            verb(1_400, 2, V::Subscribe, 1),
            fault(3_000, 0, Fault::HubClock(-AHEAD)),
            fault(3_000, 2, Fault::RefuseDials(4)),
            fault(3_010, 0, Fault::CrashStored(500)),
            verb(leave, 0, V::DeleteTopic, 1),
        ];
        play(two_devices(), ops);
    }
}
