"""From a style and a request to a new piece. The package itself can be called: `stilo.compose(style, request)`.

The public function and this package share one name, and importing any module of the package would otherwise put the
package in the function's place (docs/decisions/0005-compose-is-callable.md).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stilo.compose.composer import Composition
    from stilo.compose.request import Request
    from stilo.styles.style import Style


class _ComposePackage(ModuleType):
    def __call__(self, style: Style, request: Request | None = None) -> Composition:
        """Compose as `stilo.compose.composer.compose` does; without a request, what the style does by itself."""
        from stilo.compose.composer import compose
        from stilo.compose.request import Request

        return compose(style, request or Request())


sys.modules[__name__].__class__ = _ComposePackage
