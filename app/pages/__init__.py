"""One file a page; each says what its rail holds."""
