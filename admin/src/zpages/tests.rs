use ledger::{Kind, LastError, Reason};
use pipeline::component::Health;

use crate::tests::{ask, beside, extension, faults, get, plan, shared};

const ZPAGES: &str = "{endpoint: '127.0.0.1:0'}";

#[test]
fn every_page_of_the_collector_is_the_one_page() {
    beside(
        extension("zpages", ZPAGES),
        &shared(),
        |sockets, health| async move {
            health.send_replace(Health::Ready);
            for path in super::PAGES {
                let (head, body) = get(sockets[0], path).await;
                assert!(head.starts_with("http/1.1 200 ok"), "{path}: {head}");
                assert!(
                    head.contains("content-type: text/html; charset=utf-8"),
                    "{head}"
                );
                assert!(
                    head.contains("content-security-policy: default-src 'none'"),
                    "{head}"
                );
                for part in [
                    "<td>idle/a</td>",
                    "<td>traces</td>",
                    "<td class=\"n\">0 / 1000</td>",
                    "c0ffee",
                ] {
                    assert!(body.contains(part), "{path}: {part} is not in {body}");
                }
                assert!(!body.contains("<script"), "{body}");
            }
            let (_, body) = get(sockets[0], "/debug/tracez").await;
            assert!(body.contains("makes no spans about itself"), "{body}");
            let (_, body) = get(sockets[0], "/debug/expvarz").await;
            assert!(body.contains("not a Go program"), "{body}");
            let (head, _) = get(sockets[0], "/debug/other").await;
            assert!(head.starts_with("http/1.1 404"), "{head}");
        },
    );
}

#[test]
fn what_came_from_elsewhere_cannot_become_markup() {
    let shared = shared();
    let id = "<script>alert(1)</script>\"'&";
    shared.errors.note(LastError {
        reason: Some(Reason::Invalid),
        ..LastError::new(
            Kind::Exporter,
            id,
            "<b>secret words</b>",
            1_795_255_664_000_000_000,
        )
    });
    beside(
        extension("zpages", ZPAGES),
        &shared,
        |sockets, _| async move {
            let (_, body) = get(sockets[0], "/debug/servicez").await;
            let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;";
            assert!(body.contains(escaped), "{body}");
            assert!(!body.contains("<script"), "{body}");
            assert!(!body.contains("secret words"), "{body}");
            assert!(body.contains("2026-11-21T10:07:44Z"), "{body}");
        },
    );
}

#[test]
fn a_page_under_a_foreign_name_is_not_answered() {
    beside(
        extension("zpages", ZPAGES),
        &shared(),
        |sockets, _| async move {
            let (head, _) = ask(sockets[0], "GET", "/", "host: evil.example").await;
            assert!(head.starts_with("http/1.1 403"), "{head}");
        },
    );
}

#[test]
fn it_listens_where_the_collector_does_and_says_what_it_cannot() {
    let effective = plan("zpages", "").0.unwrap().effective;
    assert_eq!(effective["endpoint"], "localhost:55679");
    let doubt = "warning: extensions::zpages::expvar::enabled: has no effect: this is not a Go \
                 program; ask the metrics page";
    assert_eq!(
        faults(
            "zpages",
            "{endpoint: '0.0.0.0:55679', expvar: {enabled: true}}"
        ),
        [doubt]
    );
}
