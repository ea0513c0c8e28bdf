//! Floods of frames and games with windows and tables over HTTP/2: the connection ends with the
//! error that its row names, or bears it all at no cost.

use super::frames::{
    COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, End,
    FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, HEADERS, PING, PRIORITY, PROTOCOL_ERROR, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, export, field, flood, frame, kept, stream,
};
use super::{SOON, Siege};
use crate::rig::http2::framed;
use crate::rig::requests;

const CALM: End = End::Goaway(ENHANCE_YOUR_CALM);

/// Frames of each flood; those that say little are sent ten times as often.
const MANY: u32 = 10_000;

/// Runs the floods against both ports, for both speak HTTP/2.
fn flooded(rows: &[(&str, Vec<u8>, &[End])]) {
    let siege = Siege::begin();
    for (name, frames, expected) in rows {
        for (port, address) in [
            ("gRPC", siege.service.grpc()),
            ("HTTP", siege.service.http()),
        ] {
            siege.attack(name, SOON, |_| {
                let end = flood(address, frames);
                assert!(
                    expected.contains(&end),
                    "{name} on the port of {port}: {end:?}"
                );
            });
        }
    }
    siege.end();
}

#[test]
fn streams_that_are_opened_only_to_be_reset_end_the_connection() {
    let open = |nth| frame(HEADERS, END_HEADERS, stream(nth), &export());
    let whole = |nth| frame(HEADERS, END_HEADERS | END_STREAM, stream(nth), &export());
    let reset = |nth| frame(RST_STREAM, 0, stream(nth), &8_u32.to_be_bytes());
    // A window beyond 2^31 is a mistake for which the server must reset the stream itself.
    let largest = 0x7fff_ffff_u32.to_be_bytes();
    let provoke = |nth| frame(WINDOW_UPDATE, 0, stream(nth), &largest);
    let each = |one: &dyn Fn(u32) -> Vec<u8>| (0..MANY).flat_map(one).collect();
    flooded(&[
        (
            "rapid reset",
            each(&|nth| [open(nth), reset(nth)].concat()),
            &[CALM],
        ),
        (
            "made you reset",
            each(&|nth| [open(nth), provoke(nth)].concat()),
            &[CALM],
        ),
        ("streams beyond the limit", each(&open), &[CALM]),
        (
            "requests without a body",
            each(&whole),
            &[CALM, End::Endured],
        ),
    ]);
}

#[test]
fn headers_are_bounded_however_they_are_cut_and_packed() {
    let begin = |block: &[u8]| frame(HEADERS, 0, 1, block);
    let more = |block: &[u8]| frame(CONTINUATION, 0, 1, block);
    let large = field("x-pad", &"x".repeat(1000));
    // One field of 4,000 bytes in the table, then a byte for each time that it is meant.
    let mut bomb = [export(), kept("x-pad", &"x".repeat(3900))].concat();
    bomb.extend([0xbe; 12_000]);
    let churn = |nth: u32| {
        let mut block = export();
        for field in 0..40 {
            block.extend(kept(&format!("x-{nth}-{field}"), &"x".repeat(1000)));
        }
        let cut = block.split_off(16_000);
        let mut frames = frame(HEADERS, END_STREAM, stream(nth), &block);
        for (at, piece) in cut.chunks(16_000).enumerate() {
            let last = (at + 1) * 16_000 >= cut.len();
            let flags = if last { END_HEADERS } else { 0 };
            frames.extend(frame(CONTINUATION, flags, stream(nth), piece));
        }
        frames
    };
    let list: Vec<u8> = (0..15).flat_map(|_| large.clone()).collect();
    let huge = [
        begin(&export()),
        more(&list).repeat(9),
        frame(CONTINUATION, END_HEADERS, 1, &[]),
    ];
    let endless = [begin(&export()), more(&list).repeat(2000)].concat();
    let empty = [begin(&export()), more(&[]).repeat(10 * MANY as usize)].concat();
    let table = (0..100).flat_map(churn).collect();
    let wrong = [COMPRESSION_ERROR, PROTOCOL_ERROR].map(End::Goaway);
    let resized = [0x3f, 0xe1, 0xff, 0xff, 0xff, 0x0f];
    flooded(&[
        ("CONTINUATION without end", endless, &[CALM, End::Closed]),
        (
            "empty CONTINUATION without end",
            empty,
            &[CALM, End::Closed],
        ),
        (
            "a header list of 130 KiB",
            huge.concat(),
            &[CALM, End::Endured],
        ),
        (
            "a header list from the table",
            frame(HEADERS, 5, 1, &bomb),
            &[CALM, End::Endured],
        ),
        ("a table that always changes", table, &[CALM, End::Endured]),
        ("a table of 4 GiB", begin(&resized), &wrong),
        (
            "an index of nothing",
            frame(HEADERS, 5, 1, &[0xff, 0]),
            &wrong,
        ),
    ]);
}

#[test]
fn frames_that_only_want_answers_or_attention_cost_nothing_that_stays() {
    let many = |one: Vec<u8>| one.repeat(10 * MANY as usize);
    let open = frame(HEADERS, END_HEADERS, 1, &export());
    let setting = [&4_u16.to_be_bytes()[..], &1_u32.to_be_bytes()].concat();
    flooded(&[
        (
            "SETTINGS",
            many(frame(SETTINGS, 0, 0, &[])),
            &[CALM, End::Endured],
        ),
        (
            "changing SETTINGS",
            many(frame(SETTINGS, 0, 0, &setting)),
            &[CALM, End::Endured],
        ),
        (
            "PING",
            many(frame(PING, 0, 0, &[0; 8])),
            &[CALM, End::Endured],
        ),
        (
            "PRIORITY",
            many(frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 0])),
            &[CALM, End::Endured],
        ),
        (
            "unknown frames",
            many(frame(0xfa, 0, 0, &[0; 16])),
            &[CALM, End::Endured],
        ),
        (
            "empty DATA",
            [open, many(frame(DATA, 0, 1, &[]))].concat(),
            &[CALM, End::Endured],
        ),
    ]);
}

#[test]
fn games_with_windows_hold_no_more_than_the_streams_of_one_connection() {
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let message = framed(false, &requests::one_span());
    let ask = |nth| {
        let head = frame(HEADERS, END_HEADERS, stream(nth), &export());
        [head, frame(DATA, END_STREAM, stream(nth), &message)].concat()
    };
    let asked: Vec<u8> = (0..50).flat_map(ask).collect();
    let open = frame(HEADERS, END_HEADERS, 1, &export());
    let grow = |stream| frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
    let wide = frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]);
    // More than we ever allowed to be sent: 16 MiB at once.
    let beyond = frame(DATA, 0, 1, &[0; 16_384]).repeat(1024);
    let wrong = [FLOW_CONTROL_ERROR, PROTOCOL_ERROR].map(End::Goaway);
    flooded(&[
        (
            "answers without a window",
            [no_window, asked].concat(),
            &[End::Endured],
        ),
        (
            "a window beyond 2^31",
            grow(0).repeat(2),
            &[End::Goaway(FLOW_CONTROL_ERROR)],
        ),
        (
            "a stream's window beyond 2^31",
            [open.clone(), grow(1).repeat(2)].concat(),
            &[End::Endured],
        ),
        ("a first window beyond 2^31", wide, &wrong),
        (
            "DATA beyond the window",
            [open, beyond].concat(),
            &[End::Goaway(FLOW_CONTROL_ERROR), End::Endured],
        ),
    ]);
}

#[test]
fn frames_that_cannot_be_end_the_connection_at_once() {
    let open = frame(HEADERS, END_HEADERS, 1, &export());
    let wrong = [End::Goaway(PROTOCOL_ERROR), End::Goaway(FRAME_SIZE_ERROR)];
    let mut huge = frame(DATA, 0, 1, &[]);
    huge[..3].copy_from_slice(&[0xff; 3]);
    let padded = |kind, flags: u8| frame(kind, flags | 8, 1, &[255, 0]);
    flooded(&[
        ("a frame of 16 MiB", [open.clone(), huge].concat(), &wrong),
        ("DATA on stream 0", frame(DATA, 0, 0, &[0]), &wrong),
        ("DATA on no stream", frame(DATA, 0, 1, &[0]), &wrong),
        (
            "a stream of the server's",
            frame(HEADERS, 5, 2, &export()),
            &wrong,
        ),
        (
            "more padding than frame",
            [open, padded(DATA, 0)].concat(),
            &wrong,
        ),
        (
            "SETTINGS of five bytes",
            frame(SETTINGS, 0, 0, &[0; 5]),
            &wrong,
        ),
        ("PING of seven bytes", frame(PING, 0, 0, &[0; 7]), &wrong),
        (
            "CONTINUATION of nothing",
            frame(CONTINUATION, 0, 1, &[]),
            &wrong,
        ),
        (
            "a push from a client",
            frame(5, 4, 1, &[0, 0, 0, 2]),
            &wrong,
        ),
    ]);
}
