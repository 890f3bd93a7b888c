//! What is on the screen.

use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};
use serde_json::{Value, json};

use super::{
    draw::{Around, draw},
    keys::Look,
    page, text,
    window::Window,
};

/// A gateway after so many seconds, whose server `files` has had so many calls, a tenth of them
/// refused and the others answered within 10 ms.
fn said(pid: u32, seconds: f64, calls: u64) -> Value {
    let outcomes =
        json!({ "ok": calls - calls / 10, "error": 0, "refused": calls / 10, "cancelled": 0 });
    let mut requests = outcomes.clone();
    requests["buckets"] = json!([[0.001, 0], [0.01, calls], [null, calls]]);
    let server = json!({
        "state": "up", "in_flight": 2, "waiting": 0, "restarts": 1, "requests": requests,
    });
    let down = json!({
        "state": "down", "in_flight": 0, "waiting": 0, "restarts": 4,
        "error": "it stopped: exit status: 1\nand more",
        "requests": { "ok": 0, "error": 0, "refused": 0, "cancelled": 0, "buckets": [] },
    });
    let mut tool = outcomes.clone();
    for (key, text) in [
        ("tool", "read\u{1b}[31m_file"),
        ("server", "files"),
        ("role", "analyst"),
    ] {
        tool[key] = text.into();
    }
    json!({
        "version": "1.2.3", "pid": pid, "uptime_seconds": seconds,
        "total_requests": calls, "failed_requests": calls / 10, "avg_response_time": 0.0031,
        "requests_in_flight": 2, "active_connections": 3, "active_sessions": 2,
        "recent_requests": [], "servers": { "files": server, "mail": down },
        "gateway": { "ok": 0, "buckets": [] }, "tools": [tool],
        "roles": { "analyst": outcomes },
        "callers": [
            { "caller": "key:alice", "sessions": 2, "recent_requests": 90, "recent_failed": 9 },
            { "caller": "key:bob", "sessions": 0, "recent_requests": 10, "recent_failed": 0 },
        ],
        "sessions": [{ "transport": "http", "revision": "2025-11-25", "count": 2 }],
        "refusals": { "reasons": [{ "stage": "authorise", "reason": "forbidden", "count": 5 }],
                      "limits": { "overall": 3 },
                      "denied": [], "sign_ins": [] },
    })
}

fn window(pages: &[Value]) -> Window {
    let mut window = Window::default();
    for said in pages {
        window.push(page::read(&said.to_string()).unwrap());
    }
    window
}

/// The screen as text.
fn screen(window: &Window, look: &Look, trouble: Option<&str>, (wide, high): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(wide, high)).unwrap();
    let around = Around { look, trouble };
    terminal
        .draw(|frame| {
            draw(frame, window, &around);
        })
        .unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(wide));
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    let rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n")
}

fn pressed(look: &mut Look, codes: &[KeyCode]) {
    for code in codes {
        assert!(!look.press(KeyEvent::new(*code, KeyModifiers::NONE), 5, 13));
    }
}

#[test]
fn servers_are_shown_with_what_happened_between_two_looks() {
    let window = window(&[said(7, 100.0, 1000), said(7, 110.0, 1200)]);

    let shown = screen(&window, &Look::default(), None, (130, 8));

    insta::assert_snapshot!(shown, @r"
    mcpgate 1.2.3 · up 1m 50s · 1,200 requests (20.0/s) · 120 failed · 3.1 ms on average · 2 in flight · 2 sessions · 3 connections
     Servers  Tools  Roles  Callers  Refusals  Sessions  Recent
    SERVER     STATE    CALLS   CALLS/S   FAILED   FAILED/S     P50     P90     P99   FLIGHT   QUEUE   RESTARTS  ERROR
    files      up       1,200      20.0      120        2.0  5.5 ms  9.1 ms  9.9 ms        2       0          1  -
    mail       down         0         0        0          0       -       -       -        0       0          4  it stopped: exit sta…
    (gateway)  -            0         0        0          0       -       -       -        -       -          -  -

    q quits · tab next view · s sorts · p pauses · ? keys
    ");
}

#[test]
fn one_look_as_text_has_what_was_counted_since_the_start_and_no_columns_of_nothing() {
    let text = text::whole(&window(&[said(7, 11_520.0, 1000)]));

    insta::assert_snapshot!(text, @r"
    mcpgate 1.2.3 · up 3h 12m · 1,000 requests · 100 failed · 3.1 ms on average · 2 in flight · 2 sessions · 3 connections

    SERVER     STATE  CALLS  FAILED  P50     P90     P99     FLIGHT  QUEUE  RESTARTS  ERROR
    files      up     1,000  100     5.5 ms  9.1 ms  9.9 ms  2       0      1         -
    mail       down   0      0       -       -       -       0       0      4         it stopped: exit status: 1 and more
    (gateway)  -      0      0       -       -       -       -       -      -         -

    TOOL            SERVER  ROLE     CALLS  FAILED
    read [31m_file  files   analyst  1,000  100

    ROLE     CALLS  FAILED
    analyst  1,000  100

    CALLER     SESSIONS  OF THE LAST 100  FAILED
    key:alice  2         90               9
    key:bob    0         10               0

    WHY        WHAT       COUNT
    authorise  forbidden  5
    limit      overall    3

    TRANSPORT  REVISION    SESSIONS
    http       2025-11-25  2
    ");
}

#[test]
fn what_others_wrote_cannot_command_the_terminal() {
    let text = text::whole(&window(&[said(7, 100.0, 1000)]));
    assert!(
        !text.contains('\u{1b}') && text.contains("read [31m_file"),
        "{text}"
    );

    let mut look = Look::default();
    pressed(&mut look, &[KeyCode::Char('2')]);
    let shown = screen(&window(&[said(7, 100.0, 1000)]), &look, None, (80, 8));
    assert!(shown.contains("read [31m_file"), "{shown}");
}

#[test]
fn a_gateway_that_is_another_one_is_not_compared_with_the_one_before() {
    let anew = window(&[said(7, 100.0, 1000), said(8, 3.0, 20)]);
    let shown = screen(&anew, &Look::default(), None, (130, 8));

    assert!(shown.contains("up 3s · 20 requests · "), "{shown}");
}

#[test]
fn keys_lead_through_all_views_and_back() {
    let window = window(&[said(7, 100.0, 1000)]);
    let mut look = Look::default();
    let mut firsts = Vec::new();
    for _ in 0..8 {
        let shown = screen(&window, &look, None, (100, 8));
        firsts.push(
            shown
                .lines()
                .nth(2)
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .to_owned(),
        );
        pressed(&mut look, &[KeyCode::Tab]);
    }
    assert_eq!(
        firsts,
        [
            "SERVER",
            "TOOL",
            "ROLE",
            "CALLER",
            "WHY",
            "TRANSPORT",
            "TIME",
            "SERVER"
        ]
    );
    pressed(
        &mut look,
        &[KeyCode::Left, KeyCode::Left, KeyCode::Char('5')],
    );
    let shown = screen(&window, &look, None, (100, 8));
    assert!(
        shown.contains("limit") && shown.contains("overall"),
        "{shown}"
    );
}

#[test]
fn sorting_goes_from_column_to_column_and_the_other_way_round() {
    let window = window(&[said(7, 100.0, 1000)]);
    let mut look = Look::default();
    let callers = |look: &Look| {
        let shown = screen(&window, look, None, (100, 8));
        let rows = shown.lines().skip(2).take(3);
        rows.map(|row| row.split_whitespace().next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    pressed(&mut look, &[KeyCode::Char('4'), KeyCode::Char('s')]);
    assert_eq!(callers(&look), ["CALLER▼", "key:alice", "key:bob"]);
    pressed(&mut look, &[KeyCode::Char('r')]);
    assert_eq!(callers(&look), ["CALLER▲", "key:bob", "key:alice"]);
    pressed(&mut look, &[KeyCode::Char('s'), KeyCode::Char('r')]);
    assert_eq!(callers(&look), ["CALLER", "key:bob", "key:alice"]);
}

#[test]
fn a_screen_of_any_size_shows_what_fits() {
    let window = window(&[said(7, 100.0, 1000), said(7, 110.0, 1200)]);
    let mut look = Look::default();
    for (wide, high) in [
        (1, 1),
        (3, 2),
        (10, 3),
        (25, 4),
        (40, 5),
        (80, 24),
        (300, 100),
    ] {
        for help in [false, true] {
            look.help = help;
            let shown = screen(&window, &look, Some("no gateway answers"), (wide, high));
            assert!(shown.lines().count() <= usize::from(high), "{shown}");
        }
    }
    let narrow = screen(&window, &Look::default(), None, (41, 8));
    insta::assert_snapshot!(narrow, @r"
    mcpgate 1.2.3 · up 1m 50s · 1,200 request
     Servers  Tools  Roles  Callers  Refusals
    SERVER     STATE    CALLS   CALLS/S
    files      up       1,200      20.0
    mail       down         0         0
    (gateway)  -            0         0

    q quits · tab next view · s sorts · p pau
    ");
}

#[test]
fn who_scrolls_beyond_the_end_sees_the_end() {
    let window = window(&[said(7, 100.0, 1000)]);
    let mut look = Look::default();
    pressed(&mut look, &[KeyCode::Char('4'), KeyCode::End]);

    // Room for one row below the head.
    let shown = screen(&window, &look, None, (60, 5));

    assert!(
        shown.contains("key:bob") && !shown.contains("key:alice"),
        "{shown}"
    );
}

#[test]
fn a_gateway_that_is_gone_leaves_its_last_numbers_and_a_word_of_it() {
    let window = window(&[said(7, 100.0, 1000)]);

    let shown = screen(
        &window,
        &Look::default(),
        Some("no gateway answers at x"),
        (100, 8),
    );

    assert!(shown.contains("files") && shown.contains("no gateway answers at x · trying again"));
}

#[test]
fn q_escape_and_control_c_quit_and_help_is_closed_by_any_key() {
    let key = |code, modifiers| KeyEvent::new(code, modifiers);
    for code in [KeyCode::Char('q'), KeyCode::Esc] {
        assert!(Look::default().press(key(code, KeyModifiers::NONE), 5, 5));
    }
    let interrupt = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
    let mut look = Look::default();
    pressed(&mut look, &[KeyCode::Char('?')]);
    assert!(look.help);
    pressed(&mut look, &[KeyCode::Esc]);
    assert!(!look.help && look.press(interrupt, 5, 5));
}
