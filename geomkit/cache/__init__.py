"""The folder where kernels are kept from one process to the next.

Files carry a hash, are written whole or not at all, and are checked before they are used: a file
that was cut short or changed is removed and made anew, and the log `geomkit.cache` says so.
There are no locks: of two processes that write the same file, either may win.

Environment: `GEOMKIT_CACHE_DIR` names another folder.
"""

from __future__ import annotations

from geomkit.cache.files import Info, clear, info, read, store
from geomkit.cache.folder import folder

__all__ = ["Info", "clear", "folder", "info", "read", "store"]
