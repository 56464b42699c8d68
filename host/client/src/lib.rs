//! A Kubernetes client with two transports, in process and HTTPS.
