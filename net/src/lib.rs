//! Sockets: accept loop, unary gRPC and HTTP serving, bounded bodies, chunk-list sender, TLS.
