"""Takes OTLP traces over HTTP, as Jaeger or a collector would."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

PROTOBUF = b"application/x-protobuf"


class Receiver(Resource):
    """Listens at `endpoint`.

    Attributes:
        spans: (the process that sent it, the span), as they came.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[tuple[str, Any]] = []
        self._port = reactor.listenTCP(0, Site(self), interface="127.0.0.1")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port.getHost().port}/v1/traces"

    async def stop(self) -> None:
        await self._port.stopListening()

    def render_POST(self, request: Any) -> bytes:
        assert request.path == b"/v1/traces", request.path
        assert request.getHeader(b"content-type") == PROTOBUF
        message = ExportTraceServiceRequest.FromString(request.content.read())
        for resource_spans in message.resource_spans:
            resource = attributes(resource_spans.resource)
            assert resource["service.name"] == "collab_wamp"
            for scope in resource_spans.scope_spans:
                self.spans += [(resource["collab.process"], span) for span in scope.spans]
        request.setHeader(b"content-type", PROTOBUF)
        return ExportTraceServiceResponse().SerializeToString()

    def named(self, name: str) -> list[Any]:
        return [span for _process, span in self.spans if span.name == name]


def attributes(holder: Any) -> dict[str, Any]:
    """Of a span or a resource."""
    found = {}
    for row in holder.attributes:
        kind = row.value.WhichOneof("value")
        found[row.key] = getattr(row.value, kind)
    return found
