"""Keys of an earlier config that `init` does not ask for: kept in the new text as they are written. No I/O.

They are copied with their comments. Anchors are not: of a config with them only what is asked for is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import yaml

from ert_deploy.config.yaml.problems import joined

ANY = "*"  # the first entry of a list, in the path of a question


def with_kept(new: str, earlier: str, decided: Collection[str]) -> str:
    """Return the new text with every key of the earlier one that it does not have, but for the `decided` paths.

    Of lists the first entries are merged, and the further ones added. An unusable earlier text changes nothing.
    """
    try:
        if any(isinstance(token, yaml.AnchorToken) for token in yaml.scan(earlier, Loader=yaml.SafeLoader)):
            return new
        there = yaml.compose(earlier, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError):
        return new
    made = yaml.compose(new, Loader=yaml.SafeLoader)
    if there is None or made is None:
        return new
    lines = new.splitlines()
    found = sorted(_Earlier(earlier, decided).missing(made, there, ""), key=lambda part: (-part[0], part[1]))
    for after, indent, block in found:
        lines[after:after] = [f"{' ' * indent}{line}".rstrip() for line in block]
    return "\n".join(lines) + "\n"


class _Earlier:
    """The earlier text, of whose nodes the lines are copied."""

    def __init__(self, text: str, decided: Collection[str]) -> None:
        self._text = text
        self._lines = text.splitlines()
        self._decided = decided

    def missing(self, made: yaml.Node, there: yaml.Node, path: str) -> Iterator[tuple[int, int, list[str]]]:
        """Yield what the node of the new text is without: after which line it belongs, its indent, and its lines."""
        if isinstance(made, yaml.MappingNode) and isinstance(there, yaml.MappingNode):
            has = {key.value: value for key, value in made.value}
            block = []
            for key, value in there.value:
                below = joined(path, key.value)
                if key.value in has:
                    yield from self.missing(has[key.value], value, below)
                elif lines := self._pair(key, value, below):
                    block += ([""] if not path else []) + lines
            if block:
                yield _last(made), made.value[0][0].start_mark.column, block
        elif isinstance(made, yaml.SequenceNode) and isinstance(there, yaml.SequenceNode) and there.value:
            yield from self.missing(made.value[0], there.value[0], joined(path, ANY))
            if block := [line for entry in there.value[1:] for line in self._entry(entry)]:
                yield _last(made), made.start_mark.column, block

    def _pair(self, key: yaml.Node, value: yaml.Node, path: str) -> list[str]:
        """Return the lines of a key and its value, from column 0, without the keys that are decided."""
        if path in self._decided:
            return []
        if isinstance(value, yaml.MappingNode) and any(one.startswith(f"{path}/") for one in self._decided):
            inner = [line for k, v in value.value for line in self._pair(k, v, joined(path, k.value))]
            return [*self._comments(key), f"{key.value}:", *(f"  {line}" for line in inner)] if inner else []
        return [*self._comments(key), *self._copied(key.start_mark, value)]

    def _entry(self, node: yaml.Node) -> list[str]:
        first, *others = self._copied(node.start_mark, node)
        return [f"- {first}", *(f"  {line}" for line in others)]

    def _comments(self, key: yaml.Node) -> list[str]:
        """Return the comment lines right above a key that begins its line."""
        number = key.start_mark.line
        if self._lines[number][: key.start_mark.column].strip():
            return []
        first = number
        while first and self._lines[first - 1].lstrip().startswith("#"):
            first -= 1
        return [line.strip() for line in self._lines[first:number]]

    def _copied(self, start: yaml.Mark, node: yaml.Node) -> list[str]:
        """Return the text from a mark to the end of a node, and the comment behind it, from column 0."""
        end = _end(node)
        text = self._text[start.index : end.index].rstrip()
        rest = self._lines[end.line][end.column :] if end.column and end.line < len(self._lines) else ""
        if rest.lstrip().startswith("#"):
            text += rest
        first, *others = text.splitlines()
        return [first, *(line[min(start.column, len(line) - len(line.lstrip())) :] for line in others)]


def _end(node: yaml.Node) -> yaml.Mark:
    """Return where the text of a node ends: a block of keys or entries by its last one, without what follows."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return node.end_mark


def _last(node: yaml.Node) -> int:
    """Return the number of the last line of a block."""
    return int(_end(node).line) + 1
