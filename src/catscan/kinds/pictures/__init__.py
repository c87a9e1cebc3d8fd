"""Pictures: headers checked before any decode, strict decoding, exact area averaging, near-duplicates."""
