//! Queues on disk, which this build does not have.
//!
//! Who writes `sending_queue::storage` relies on what is queued outliving the process. That is not
//! given up silently: it is a fault, unless the command line says that queues may be in memory.

use config::{Entry, Fault, Faults, Map, Node};

use super::components::{section, take_extensions};

const FLAG: &str = "--allow-volatile-queues";

/// Takes storage out of the tree; gives the number of queues that lose it.
pub(super) fn without_disk(root: &mut Node, allowed: bool, faults: &mut Faults) -> u32 {
    let mut queues = 0;
    for exporter in section(root, "exporters")
        .into_iter()
        .flat_map(Map::iter_mut)
    {
        let path = format!("exporters::{}::sending_queue::storage", exporter.key);
        let queue = exporter.node.as_map_mut();
        let queue = queue.and_then(|map| map.entry_mut("sending_queue"));
        let storage = queue
            .and_then(|entry| entry.node.as_map_mut())
            .and_then(|queue| queue.remove("storage"));
        let Some(storage) = storage.filter(|entry| !entry.node.is_null()) else {
            continue;
        };
        queues += 1;
        faults.push(queue_fault(&storage, path, allowed));
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
    Fault::error(place, path, text).with_help(format!(
        "take `storage` out, or start with {FLAG}, if that may be"
    ))
}
