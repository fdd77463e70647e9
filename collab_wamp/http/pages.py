"""The page that is served at `/`, and what is said of paths at which there is nothing."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.static import File

from .answers import READING, begin, options, tell, wrong_host
from .api import ApiResource
from .failures import no_such_route, wrong_method
from .headers import API, CLIENT, PAGE


class Nothing(Resource):
    """Where there is nothing."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        begin(request, API)
        return tell(request, no_such_route(request.path.decode("latin-1")))


class Broken(Resource):
    """Where finding out what there is has failed."""

    isLeaf = True

    def __init__(self, raised: Failure) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self._raised = raised

    def render(self, request: Any) -> bytes:
        begin(request, API)
        return tell(request, None, self._raised)


class Page(File):
    """A file, or the folder of all of them; nothing of it is listed."""

    childNotFound: Any = Nothing()  # type: ignore[no-untyped-call]  # Twisted's

    def directoryListing(self) -> Any:
        return self.childNotFound

    def getChild(self, path: bytes, request: Any) -> Any:
        try:
            if "\0" in path.decode():
                return self.childNotFound
            return super().getChild(path, request)  # type: ignore[no-untyped-call]
        except UnicodeDecodeError:
            return self.childNotFound
        except Exception:
            return Broken(Failure())  # type: ignore[no-untyped-call]

    def render(self, request: Any) -> Any:
        try:
            return self._file(request)
        except Exception:
            # Some headers of the file may be set already, and are not of this answer.
            begin(request, API)
            return tell(request, None, Failure())  # type: ignore[no-untyped-call]

    def _file(self, request: Any) -> Any:
        begin(request, CLIENT if request.path.startswith(b"/client/") else PAGE)
        if wrong := wrong_host(request):
            return tell(request, wrong)
        if request.method == b"OPTIONS":
            return options(request, READING)
        if request.method not in (b"GET", b"HEAD"):
            return tell(request, wrong_method(request.method.decode("latin-1"), READING))
        # It is to be asked for again each time; the answer is mostly that it is the same.
        request.setHeader("Cache-Control", "no-cache")
        return super().render(request)  # type: ignore[no-untyped-call]


def pages(extra: dict[str, Any]) -> Any:
    """The root of all paths, of the files in `directory`; Crossbar puts the others below it."""
    root: Any = Page(extra["directory"])
    # Crossbar's configuration has no paths with a dot in them.
    root.putChild(b"openapi.json", ApiResource({}))
    return root
