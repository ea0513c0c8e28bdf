//! What users write: sources, expansion, places in the file, Document, faults, shared blocks.
