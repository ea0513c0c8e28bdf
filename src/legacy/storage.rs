//! Queues on disk, which this build does not have.
//!
//! Who writes `sending_queue::storage`, or `wal` of remote write, relies on what is queued outliving the process. That
//! is not given up silently: it is a fault, unless the command line says that queues may be in memory.

use config::{Entry, Fault, Faults, Map, Node};

use super::components::{section, take_extensions};
use super::type_of;

const FLAG: &str = "--allow-volatile-queues";

/// The exporter that has a queue on disk under a key of its own.
const REMOTE_WRITE: [&str; 2] = ["prometheus_remote_write", "prometheusremotewrite"];

/// Takes storage out of the tree; gives the number of queues that lose it.
pub(super) fn without_disk(root: &mut Node, allowed: bool, faults: &mut Faults) -> u32 {
    let mut queues = 0;
    for exporter in section(root, "exporters")
        .into_iter()
        .flat_map(Map::iter_mut)
    {
        let Some(keys) = exporter.node.as_map_mut() else {
            continue;
        };
        let queue = keys.entry_mut("sending_queue");
        let storage = queue
            .and_then(|entry| entry.node.as_map_mut())
            .and_then(|queue| queue.remove("storage"));
        let log = match REMOTE_WRITE.contains(&type_of(&exporter.key)) {
            true => keys.remove("wal"),
            false => None,
        };
        for (written, path) in [(storage, "sending_queue::storage"), (log, "wal")] {
            if let Some(written) = written.filter(|entry| !entry.node.is_null()) {
                queues += 1;
                let path = format!("exporters::{}::{path}", exporter.key);
                faults.push(queue_fault(&written, path, allowed));
            }
        }
    }
    for (id, place) in take_extensions(root, "file_storage") {
        let path = format!("extensions::{id}");
        faults.push(if allowed {
            let text = format!("`{id}` has no effect: queues are in memory");
            Fault::warning(place, path, text).with_help(format!("{FLAG} allows it"))
        } else {
            let text = format!("`{id}`: this build keeps nothing on disk");
            Fault::error(place, path, text).with_help(format!(
                "take `{id}` out here and out of `service::extensions`, or start with {FLAG}"
            ))
        });
    }
    queues
}

fn queue_fault(storage: &Entry, path: String, allowed: bool) -> Fault {
    let place = storage.key_place.clone();
    let text = "the queue is in memory: what it holds is lost when the process ends";
    if allowed {
        return Fault::warning(place, path, text).with_help(format!("{FLAG} allows it"));
    }
    let key = &storage.key;
    Fault::error(place, path, text).with_help(format!(
        "take `{key}` out, or start with {FLAG}, if that may be"
    ))
}
