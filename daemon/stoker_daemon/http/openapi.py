"""The OpenAPI 3.1 document, made from the operations and the types that decode and encode them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from stoker_daemon.http.operations import Operation
from stoker_shared import __version__
from stoker_shared.api import Problem

HEADERS = {
    "Idempotency-Key": (
        "[!-~]{1,255}",
        "under the same key the same request is carried out once; kept 7 days",
    ),
    "If-Match": (r'"[1-9]\d{0,14}"', "the ETag of the draft that this one was made on"),
    "If-None-Match": (r"\*", "`*` to create"),
    "Range": ("", "one byte range, `bytes=FIRST-LAST`; of another unit it is ignored (RFC 9110, 14.2)"),
}
"""The request's headers: what each looks like as a pattern, where not anything goes, and what it means."""

_ANSWER_HEADERS = {
    "Stoker-Seq": "the position in the run log that the answer is true at, and that is on disk",
    "Stoker-API": "the version of this interface",
}

_PLACE = "#/components/schemas/"

Document = dict[str, Any]


def document(operations: Iterable[Operation]) -> Document:
    """Give the document."""
    described = list(operations)
    types = [kind for each in described for kind in (each.body, each.answer) if kind]
    schemas = _Schemas([Problem, *types], queries=[each.query for each in described if each.query])
    paths: dict[str, Document] = {}
    for operation in described:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stoker",
            "version": __version__,
            "description": "The interface of stokerd, over its Unix socket.",
        },
        "paths": paths,
        "components": {"schemas": schemas.components},
    }


class _Schemas:
    """The JSON Schemas of types, under the names by which the document refers to them."""

    def __init__(self, types: list[Any], queries: list[Any]) -> None:
        unique = list(dict.fromkeys([*types, *queries]))
        found, self._all = msgspec.json.schema_components(unique, ref_template=f"{_PLACE}{{name}}")
        self._by_type = dict(zip(unique, found, strict=True))
        self.components = {
            name: schema
            for name, schema in self._all.items()
            if name not in {self._name(query) for query in queries}
        }

    def of(self, kind: Any) -> Document:
        """Give a reference to a type's schema."""
        return self._by_type[kind]

    def struct(self, kind: Any) -> Document:
        """Give the schema of a struct itself."""
        return self._all[self._name(kind)]

    def _name(self, kind: Any) -> str:
        return self._by_type[kind]["$ref"].removeprefix(_PLACE)


def _operation(operation: Operation, schemas: _Schemas) -> Document:
    described: Document = {
        "operationId": operation.name,
        "summary": operation.summary.split("\n", 1)[0],
        "description": f"Needs the role {operation.needs.value}.",
        "parameters": [*_path(operation), *_query(operation, schemas), *_headers(operation)],
        "responses": {
            str(operation.status): _success(operation, schemas),
            "default": _content("application/problem+json", schemas.of(Problem), "It was not done."),
        },
    }
    if "Range" in operation.headers:
        described["responses"]["206"] = _success(operation, schemas)
    if operation.body:
        described["requestBody"] = _content("application/json", schemas.of(operation.body)) | {
            "required": True
        }
    elif operation.takes:
        described["requestBody"] = {"required": True, "content": {operation.takes: {}}}
    return described


def _success(operation: Operation, schemas: _Schemas) -> Document:
    if operation.answer is None:
        return _content(operation.gives, {}, "Done.")
    done = _content("application/json", schemas.of(operation.answer), "Done.")
    return done | {"headers": {name: _header(text) for name, text in _ANSWER_HEADERS.items()}}


def _content(media: str, schema: Document, description: str = "") -> Document:
    content: Document = {"content": {media: {"schema": schema} if schema else {}}}
    return {"description": description, **content} if description else content


def _header(description: str) -> Document:
    return {"description": description, "schema": {"type": "string"}}


def _request_header(name: str) -> Document:
    pattern, description = HEADERS[name]
    schema = {"type": "string"} | ({"pattern": f"^(?:{pattern})$"} if pattern else {})
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _path(operation: Operation) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(kind)}
        for name, kind in operation.path_parameters.items()
    ]


def _query(operation: Operation, schemas: _Schemas) -> list[Document]:
    if operation.query is None:
        return []
    shape = schemas.struct(operation.query)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in shape["required"],
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in shape["properties"].items()
    ]


def _headers(operation: Operation) -> list[Document]:
    keys = ("Idempotency-Key",) if operation.method == "POST" else ()
    return [_request_header(name) for name in (*keys, *operation.headers)]
