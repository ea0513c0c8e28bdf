//! One page, written in slices between which the worker does its other work.

use std::rc::Rc;

use ledger::Lease;

use super::State;
use super::page::{Pen, Style};

/// Series that are written in one go: about a tenth of a millisecond of counters, and less than two
/// of wide histograms.
pub(super) const SLICE: usize = 256;

/// A page that may see the series for as long as this lives.
struct Reading<'a>(&'a State);

impl<'a> Reading<'a> {
    fn enter(state: &'a State) -> Self {
        state.store.borrow_mut().enter();
        Self(state)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.store.borrow_mut().leave();
        if !self.0.swept.get() {
            self.0.sweep();
        }
    }
}

/// Writes the families that `is_asked` names. What is written is charged to `lease`.
pub(super) async fn page(
    state: &Rc<State>,
    style: Style,
    lease: &mut Lease,
    is_asked: impl Fn(&str) -> bool,
) -> Vec<u8> {
    let _reading = Reading::enter(state);
    let now = state.clock.now().mono;
    let mut pen = Pen::new(style);
    let mut name: Option<String> = None;
    loop {
        let next = {
            let store = state.store.borrow();
            let next = store.family_after(name.as_deref());
            next.map(|(name, _)| name.to_owned())
        };
        let Some(family) = next else {
            break;
        };
        if is_asked(&family) {
            write_family(state, &family, &mut pen, lease, now).await;
        }
        name = Some(family);
    }
    let page = pen.finish();
    settle(lease, page.len());
    page
}

async fn write_family(
    state: &State,
    name: &str,
    pen: &mut Pen,
    lease: &mut Lease,
    now: std::time::Duration,
) {
    let mut at = 0;
    let mut begun = false;
    loop {
        {
            let store = state.store.borrow();
            let Some(family) = store.family(name) else {
                return;
            };
            let rest = family.series().get(at..).unwrap_or_default();
            let slice = rest.get(..SLICE).unwrap_or(rest);
            for series in slice.iter().filter(|series| store.shows(series, now)) {
                if !begun && !pen.begin(name, family) {
                    return;
                }
                begun = true;
                pen.series(family, series);
            }
            at += slice.len();
            settle(lease, pen.len());
            if at >= family.series().len() {
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    if begun {
        pen.end();
    }
}

/// A page is no reason to fail, and no page is larger than what is shown on it several times over.
fn settle(lease: &mut Lease, bytes: usize) {
    let charged = usize::try_from(lease.bytes()).unwrap_or(usize::MAX);
    lease.overdraw(bytes.saturating_sub(charged));
}
