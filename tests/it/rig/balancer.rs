//! A balancer of TCP connections, as Kubernetes has one: it learns late that an instance stops.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Brings each new connection to the next instance. Connections stay where they are until one of their ends goes.
pub(crate) struct Balancer {
    address: SocketAddr,
    instances: Arc<Mutex<Vec<SocketAddr>>>,
    /// Its thread ends with this.
    _end: oneshot::Sender<()>,
}

impl Balancer {
    pub(crate) fn between(instances: &[SocketAddr]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let instances = Arc::new(Mutex::new(instances.to_vec()));
        let (end, ended) = oneshot::channel::<()>();
        let balanced = Arc::clone(&instances);
        std::thread::spawn(|| {
            super::block_on(async {
                tokio::select! {
                    () = run(TcpListener::from_std(listener).unwrap(), balanced) => {}
                    _ = ended => {}
                }
            });
        });
        Self {
            address,
            instances,
            _end: end,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn add(&self, instance: SocketAddr) {
        self.instances.lock().unwrap().push(instance);
    }

    pub(crate) fn remove(&self, instance: SocketAddr) {
        self.instances
            .lock()
            .unwrap()
            .retain(|other| *other != instance);
    }
}

async fn run(listener: TcpListener, instances: Arc<Mutex<Vec<SocketAddr>>>) {
    let turn = AtomicUsize::new(0);
    while let Ok((mut client, _)) = listener.accept().await {
        let instance = {
            let instances = instances.lock().unwrap();
            instances[turn.fetch_add(1, Ordering::Relaxed) % instances.len()]
        };
        tokio::spawn(async move {
            // An instance that refuses, or an end that goes in the midst, is what the client sees.
            if let Ok(mut server) = TcpStream::connect(instance).await {
                let _ = client.set_nodelay(true).and(server.set_nodelay(true));
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
