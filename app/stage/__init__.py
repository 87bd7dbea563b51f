"""The moving picture: one JavaScript module that draws a frame as a pure function of (data, time), and its three doors.

`frame` packs a picture into bytes, `component` shows it in Streamlit, `embed` writes it as one self-contained page.
"""
