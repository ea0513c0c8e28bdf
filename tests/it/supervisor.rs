//! The real binary under a service manager that speaks systemd's protocol.

use std::os::unix::net::UnixDatagram;

use benches::clock;
use benches::process::{Collector, Launch};

use crate::rig::PATIENCE;

const PIPELINE: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters: {nop: }
extensions: {admin: {enabled: false}}
service:
  extensions: [admin]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
";

/// Waits until the manager is told something that begins so. Signs of life in between are none of that.
fn told(manager: &UnixDatagram, begins: &str) -> String {
    let told = clock::poll(PATIENCE, || {
        let mut bytes = [0; 4096];
        let count = manager.recv(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        (text == begins || text != "WATCHDOG=1").then_some(text)
    });
    let told = told.unwrap_or_else(|| panic!("nothing that begins with {begins}"));
    assert!(told.starts_with(begins), "{told}");
    told
}

#[test]
fn the_service_manager_is_told_what_the_service_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    let launch = Launch {
        environment: vec![
            ("NOTIFY_SOCKET".into(), path.into()),
            ("WATCHDOG_USEC".into(), "300000".into()),
        ],
        ..Launch::new(env!("CARGO_BIN_EXE_tracegate"))
    };
    let mut service = Collector::start(&launch, PIPELINE).unwrap();
    let ready = told(&manager, "READY=1\nSTATUS=Serving, configuration ");
    for _ in 0..3 {
        told(&manager, "WATCHDOG=1");
    }

    service
        .write_config(&PIPELINE.replace("nop", "nop/changed"))
        .unwrap();
    service.signal(libc::SIGHUP).unwrap();
    assert!(told(&manager, "RELOADING=1\n").contains("\nMONOTONIC_USEC="));
    let changed = told(&manager, "READY=1\nSTATUS=Serving, configuration ");
    assert_ne!(changed, ready);

    service.write_config("receivers: [").unwrap();
    service.signal(libc::SIGHUP).unwrap();
    told(&manager, "RELOADING=1\n");
    let kept = told(&manager, &changed);
    assert!(kept.ends_with("faulty, see the log"), "{kept}");

    service.terminate().unwrap();
    told(&manager, "STOPPING=1\n");
    assert!(service.wait_exit(PATIENCE).unwrap().success());
}
