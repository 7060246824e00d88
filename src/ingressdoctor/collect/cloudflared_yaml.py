"""Read the first YAML document of a text as cloudflared's library does, into the nodes that the model decodes.

Built from the parser's events, so that places, duplicate keys and aliases survive. Bounded in size, depth and number
of nodes. What the document means is decided by the model.

Source: gopkg.in/yaml.v3 (parser: decode.go; scanner and errors: those of libyaml, on which both stand).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared import Configuration, Flaw, Unreadable, read_configuration
from ingressdoctor.routing.cloudflared.nodes import Alias, Document, Mapping, Node, Scalar, Sequence

__all__ = ["configuration_of", "read_nodes"]

_MAX_TEXT: Final = 5_000_000
_MAX_NODES: Final = 400_000
_MAX_DEPTH: Final = 100
_AHEAD: Final = 3  # tokens that cloudflared's scanner is ahead of its parser, for the sake of comments


class _RefusedError(Exception):
    def __init__(self, found: Unreadable) -> None:
        super().__init__(found.text)
        self.found = found


def configuration_of(text: str) -> Configuration | Unreadable:
    """Return the configuration that a text holds, or why cloudflared refuses it."""
    document = read_nodes(text)
    return document if isinstance(document, Unreadable) else read_configuration(document)


def read_nodes(text: str) -> Document | Unreadable:
    """Return the first document of a text, or why it is not YAML; texts after the first document are not looked at."""
    import yaml  # only here: most commands read no YAML

    if len(text) > _MAX_TEXT:
        return _too_large(f"{len(text)} characters; {_MAX_TEXT} are read at most", 0)
    try:
        return _Reader(yaml, text).document()
    except _RefusedError as error:
        return error.found
    except yaml.reader.ReaderError:
        return Unreadable(flaw=Flaw.SYNTAX, text="yaml: control characters are not allowed")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _syntax(yaml, error)


def _too_large(text: str, line: int) -> Unreadable:
    return Unreadable(flaw=Flaw.TOO_LARGE, text=text, line=line)


def _syntax(yaml: ModuleType, error: Exception) -> Unreadable:
    """Word an error as cloudflared's library does: it names the line of the context, and only lines after the first."""
    marks = [getattr(error, name, None) for name in ("context_mark", "problem_mark")]
    lines = [0 if mark is None else mark.line for mark in marks]
    named = next((line for line in lines if line), 0)
    if named and isinstance(error, yaml.scanner.ScannerError):
        named += 1
    problem = clean(str(getattr(error, "problem", None) or "control characters are not allowed"), 200)
    mark = marks[1] or marks[0]
    return Unreadable(
        flaw=Flaw.SYNTAX,
        text=f"yaml: line {named}: {problem}" if named else f"yaml: {problem}",
        line=0 if mark is None else mark.line + 1,
        column=0 if mark is None else mark.column + 1,
    )


class _Reader:
    """A cursor over the events of one text; lives for one call of ``read_nodes``."""

    def __init__(self, yaml: ModuleType, text: str) -> None:
        # The parser on libyaml is the original of cloudflared's; the other one is there where PyYAML lacks it.
        self._loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._yaml = yaml
        self._text = text.removeprefix("\ufeff")
        self._next = self._loader(self._text).get_event
        self._flow: list[int] = []
        self._names: dict[str, int] = {}
        self._anchors: list[Node | None] = []
        self._count = 0

    def document(self) -> Document:
        """Read up to the end of the first document."""
        root = None
        while root is None:
            event = self._next()
            if event is None or isinstance(event, self._yaml.StreamEndEvent):
                break
            if not isinstance(event, (self._yaml.StreamStartEvent, self._yaml.DocumentStartEvent)):
                root = self._node(event, 0)
                self._look_behind(self._next())
        return Document(root=root, anchors=tuple(node for node in self._anchors if node is not None))

    def _look_behind(self, end: Any) -> None:  # noqa: ANN401
        """Scan the tokens behind the first document that cloudflared's scanner has read by then.

        Raises:
            ScannerError: one of them is broken, which costs the document before it as well.
        """
        place = end.end_mark.index
        if not self._text[place:].strip():
            return
        token, scan, left = None, self._loader(self._text).get_token, _AHEAD
        while left and not isinstance(token, self._yaml.StreamEndToken):
            token = scan()
            left -= token.start_mark.index >= place and not isinstance(token, self._yaml.BlockEndToken)

    def _node(self, event: Any, depth: int) -> Node:  # noqa: ANN401 - PyYAML has no types
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self._count += 1
        if self._count > _MAX_NODES or depth > _MAX_DEPTH:
            what = f"more than {_MAX_NODES} values" if depth <= _MAX_DEPTH else f"nested deeper than {_MAX_DEPTH}"
            raise _RefusedError(_too_large(what, line))
        if isinstance(event, self._yaml.AliasEvent):
            if event.anchor not in self._names:
                text = f"yaml: unknown anchor '{clean(event.anchor, 80)}' referenced"
                raise _RefusedError(Unreadable(flaw=Flaw.SYNTAX, text=text, line=line, column=column))
            return Alias(event.anchor, self._names[event.anchor], line, column)
        place = -1
        if event.anchor:
            place = self._names[event.anchor] = len(self._anchors)
            self._anchors.append(None)
        node = self._content(event, depth, line, column)
        if place >= 0:
            self._anchors[place] = node
        return node

    def _content(self, event: Any, depth: int, line: int, column: int) -> Node:  # noqa: ANN401
        if isinstance(event, self._yaml.ScalarEvent):
            plain = event.style in (None, "")
            if plain and self._flow and "?" in event.value:
                raise _RefusedError(self._question_mark(line, column))
            return Scalar(event.value, event.tag or "", plain, line, column)
        is_list = isinstance(event, self._yaml.SequenceStartEvent)
        if event.flow_style:
            self._flow.append(line if is_list else -line)
        node = self._items(depth, line, column) if is_list else self._pairs(depth, line, column)
        if event.flow_style:
            self._flow.pop()
        return node

    def _question_mark(self, line: int, column: int) -> Unreadable:
        """Word what the library says of a question mark in a list or mapping in brackets, where it begins a key."""
        opened = self._flow[-1]
        named = abs(opened) - 1 or line - 1
        text = f"did not find expected ',' or '{']' if opened > 0 else '}'}'"
        return Unreadable(
            flaw=Flaw.SYNTAX, text=f"yaml: line {named}: {text}" if named else f"yaml: {text}", line=line, column=column
        )

    def _items(self, depth: int, line: int, column: int) -> Sequence:
        items = []
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Sequence(tuple(items), line, column)

    def _pairs(self, depth: int, line: int, column: int) -> Mapping:
        pairs = []
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            pairs.append((key, self._node(self._next(), depth + 1)))
        return Mapping(tuple(pairs), line, column)
