"""The machine that everybody shares: whole files, one gate for heavy work, what is kept, and how it ends."""
