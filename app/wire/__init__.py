"""How it travels: bytes with a header, scripts in one piece, pages that play by themselves."""
