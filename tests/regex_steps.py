"""How many steps a backtracking matcher takes with a pattern: what `re` does, counted, not timed.

It walks the parsed pattern as `re` does: in order, greedy or lazy, a repeat of one character as a
loop. A step is a look at a character or a place.
"""

import sys

if sys.version_info >= (3, 11):
    from re import _constants as sre
    from re import _parser as parser
else:
    import sre_constants as sre
    import sre_parse as parser

_ONE = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.CATEGORY)
_CATEGORIES = {
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    sre.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    sre.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    sre.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)


class Matcher:
    """A pattern (with DOTALL), and the steps of all that was done with it."""

    def __init__(self, pattern):
        self._nodes = list(parser.parse(pattern, 16))
        self.steps = 0
        self._text = ""

    def match(self, text, start=0):
        """The end of the match at `start`, None where there is none."""
        self._text = text
        return next(self._run(self._nodes, start), None)

    def search_all(self, text):
        """The (start, end) of each match, as finditer finds them."""
        found, at = [], 0
        while at <= len(text):
            end = self.match(text, at)
            if end is None:
                at += 1
            else:
                found.append((at, end))
                at = end if end > at else at + 1
        return found

    def _run(self, nodes, at):
        if not nodes:
            yield at
            return
        (op, value), rest = nodes[0], nodes[1:]
        if op in _ONE:
            if self._is_one(op, value, at):
                yield from self._run(rest, at + 1)
        elif op in _REPEATS:
            yield from self._repeat(op is sre.MAX_REPEAT, value, rest, at)
        else:
            for end in self._group(op, value, at):
                yield from self._run(rest, end)

    def _repeat(self, greedy, value, rest, at):
        low, high, body = value[0], value[1], list(value[2])
        if len(body) == 1 and body[0][0] in _ONE:
            yield from self._repeat_one(greedy, (low, high), body[0], rest, at)
        else:
            yield from self._repeat_many(greedy, (low, high, body), rest, at, 0)

    def _repeat_one(self, greedy, limits, one, rest, at):
        low, high = limits
        count = 0
        if greedy:
            while count < high and self._is_one(*one, at + count):
                count += 1
            for each in range(count, low - 1, -1):
                yield from self._run(rest, at + each)
            return
        while count < low:
            if not self._is_one(*one, at + count):
                return
            count += 1
        yield from self._run(rest, at + count)
        while count < high and self._is_one(*one, at + count):
            count += 1
            yield from self._run(rest, at + count)

    def _repeat_many(self, greedy, limits, rest, at, count):
        low, high, body = limits
        if not greedy and count >= low:
            yield from self._run(rest, at)
        if count < high:
            for end in self._run(body, at):
                if end > at or count < low:
                    yield from self._repeat_many(greedy, limits, rest, end, count + 1)
        if greedy and count >= low:
            yield from self._run(rest, at)

    def _group(self, op, value, at):
        self.steps += 1
        if op is sre.SUBPATTERN:
            yield from self._run(list(value[3]), at)
        elif op is sre.BRANCH:
            for each in value[1]:
                yield from self._run(list(each), at)
        elif op is sre.AT:
            if self._is_place(value, at):
                yield at
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            direction, inner = value
            start = at - inner.getwidth()[0] if direction < 0 else at
            found = start >= 0 and next(self._run(list(inner), start), None) is not None
            if found is (op is sre.ASSERT):
                yield at
        else:
            raise NotImplementedError(op)

    def _is_place(self, place, at):
        text = self._text
        if place in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return at == 0
        if place is sre.AT_END_STRING:
            return at == len(text)
        if place is sre.AT_END:
            return at == len(text) or (at == len(text) - 1 and text[at] == "\n")
        if place is sre.AT_BOUNDARY:
            word = _CATEGORIES[sre.CATEGORY_WORD]
            return (at > 0 and word(text[at - 1])) != (at < len(text) and word(text[at]))
        raise NotImplementedError(place)

    def _is_one(self, op, value, at):
        self.steps += 1
        if at >= len(self._text):
            return False
        char = self._text[at]
        if op is sre.IN:
            return self._is_in(value, char)
        return self._is(op, value, char)

    def _is_in(self, members, char):
        negated = members[0][0] is sre.NEGATE
        return any(self._is(*each, char) for each in members[negated:]) is not negated

    @staticmethod
    def _is(op, value, char):
        if op is sre.LITERAL:
            return ord(char) == value
        if op is sre.NOT_LITERAL:
            return ord(char) != value
        if op is sre.RANGE:
            return value[0] <= ord(char) <= value[1]
        return op is sre.ANY or _CATEGORIES[value](char)
