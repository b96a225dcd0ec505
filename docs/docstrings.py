"""What mkdocstrings' reader is told: `Example:` is a section of doctests, as `Examples:` is."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_HEADING = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class Examples(Extension):
    """Rename the heading in every docstring, before sections are read."""

    def on_instance(self, *, obj: Object, **kwargs: Any) -> None:
        """Change one docstring.

        Args:
            obj: a module, class, function or attribute.
            kwargs: what griffe passes besides.
        """
        if obj.docstring is not None:
            obj.docstring.value = _HEADING.sub(r"\1Examples:", obj.docstring.value)
