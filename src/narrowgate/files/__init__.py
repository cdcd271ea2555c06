"""The files that every room writes: whole or not there, UTF-8, plain JSON and TOML; locks, leases, the cache's folder.

Whoever writes a file does it with one of `write_text`, `write_json`, `write_bytes` or `write_whole`: killed at any
instant, the file is what it was before or all of the new one. What cannot be written or read raises `FileError`.
`locked` holds a folder for a moment, a `Lease` for hours.
"""

from narrowgate.files._cache import cache_folder
from narrowgate.files._errors import FileError, explaining
from narrowgate.files._lease import LEASE, HeldError, Lease, LostError, holder_of
from narrowgate.files._lock import locked
from narrowgate.files._plain import as_utf8, plain
from narrowgate.files._process import Process
from narrowgate.files._read import LARGEST_TOML, parse_json, parse_toml, read_json, read_text, read_toml, sha256
from narrowgate.files._toml import to_toml
from narrowgate.files._write import ASIDE, aside, flush_folder, sweep, write_bytes, write_json, write_text, write_whole

__all__ = [
    "ASIDE",
    "LARGEST_TOML",
    "LEASE",
    "FileError",
    "HeldError",
    "Lease",
    "LostError",
    "Process",
    "as_utf8",
    "aside",
    "cache_folder",
    "explaining",
    "flush_folder",
    "holder_of",
    "locked",
    "parse_json",
    "parse_toml",
    "plain",
    "read_json",
    "read_text",
    "read_toml",
    "sha256",
    "sweep",
    "to_toml",
    "write_bytes",
    "write_json",
    "write_text",
    "write_whole",
]
