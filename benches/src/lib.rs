//! Benchmarks of the engine; see `benches/README.md`.
