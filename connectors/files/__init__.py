"""Reads files of rows: CSV, JSON lines and Parquet, plain or packed with gzip. Knows neither Django nor dlt.

`opening.open_file` makes a file ready: unpacked, as UTF-8, within limits, its columns found. Then `DataFile.write`
writes its rows as the text that the engine loads (`connectors.providers.feed.FileChunk`). Rows pass through DuckDB and
never through Python, so that a large file is fast and needs little memory. What cannot be read raises `SyncError`
with `bad_record` that names file and line, or with `file_too_large`; then nothing of the file has been handed on.
"""
