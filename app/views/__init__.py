"""One file a page; each says what its rail holds.

The folder is not called pages: Streamlit would run its files by itself when one is asked for by its address.
"""
