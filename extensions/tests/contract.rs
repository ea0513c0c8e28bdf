//! What every extension must be, checked for every row of the table.

use pipeline::testkit::check_table;

#[test]
fn every_row_is_well_formed() {
    check_table(config::Kind::Extension, extensions::ALL);
}
