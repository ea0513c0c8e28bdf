//! What every component must be, checked for every row of the table.

use pipeline::testkit::{check_connectors, check_table};

#[test]
fn every_row_is_well_formed() {
    check_table(config::Kind::Connector, connectors::ALL);
}

#[test]
fn what_a_connector_makes_is_what_it_says() {
    check_connectors(connectors::ALL);
}
