//! Edits lose no item, and an attribute that is added and removed again leaves no trace.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otlp::{Levels, OwnedValue, edit, survey};
use otlp_fuzz::{Input, count};

fuzz_target!(|bytes: &[u8]| {
    let Some(Input {
        signal,
        request,
        choice,
    }) = Input::new(bytes)
    else {
        return;
    };
    let levels = Levels {
        resource: choice & 1 != 0,
        scope: choice & 2 != 0,
        item: choice & 4 != 0,
    };
    let added = edit(signal, &request, levels, |carrier| {
        carrier
            .attributes()?
            .insert("added by the edit", &OwnedValue::from(choice as i64));
        Ok(())
    });
    if let (Ok(added), Ok(census)) = (added, survey(signal, &request)) {
        let counted = count(signal, &added);
        assert!(counted.is_err() || counted == Ok(census.items));
        let unchanged = edit(signal, &added, levels, |carrier| {
            carrier
                .attributes()?
                .insert("added by the edit", &OwnedValue::from(0));
            Ok(())
        });
        assert_eq!(
            unchanged.map(|unchanged| unchanged.as_ptr()),
            Ok(added.as_ptr())
        );
    }
});
