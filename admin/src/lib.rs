//! What people and Kubernetes ask: health, metrics page.
