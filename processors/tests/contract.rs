//! What every component must be, checked for every row of the table.

use pipeline::testkit::{check_processors, check_table};

#[test]
fn every_row_is_well_formed() {
    check_table(config::Kind::Processor, processors::ALL);
}

#[test]
fn every_processor_keeps_the_contract_with_every_signal() {
    check_processors(processors::ALL);
}
